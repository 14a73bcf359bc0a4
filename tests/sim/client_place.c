/*
 * client_place.c - a simulated client that places over its WebSocket: new pixels, and older ones
 * again, whose answer it may have, or lost with a connection or with the server.
 *
 * What was acknowledged before it is sent again must be acknowledged again, at the same seq
 * (truth.h), and with another color refused as key_reused; whatever came between, and though the
 * board's cooldown runs. Only `overloaded` may be said to anything, and `no_session` when it has
 * ended.
 */
#include "edge/codec/refusal.h"
#include "engine/base/assert.h"
#include "tests/prng.h"
#include "tests/sim/client_priv.h"

#define AGAIN_CHANCE 2500 /* of 10,000 placements */
#define OTHER_CHANCE 1000 /* of 10,000 of those that were acknowledged */
#define PICK_MAX     500  /* the latest: fewer than the server must remember of one person */

static uint64_t below(struct client *c, uint64_t end)
{
	return prng_below(&c->crowd->dice, end);
}

uint64_t place_pick(struct client *c)
{
	uint64_t count = truth_asked_count(c->crowd->truth, c->number);
	uint64_t latest = count < PICK_MAX ? count : PICK_MAX;

	return count == 0 ? 0 : count - below(c, latest);
}

static bool is_waiting(const struct client *c, uint64_t request, bool other)
{
	for (uint32_t i = 0; i < c->waiting_len; i++)
		if (c->waiting[i].request == request &&
		    (!other || c->waiting[i].how == WAITING_OTHER))
			return true;
	return false;
}

static void say(struct client *c, uint64_t request, enum waiting_how how)
{
	const struct truth_placement *p = truth_asked(c->crowd->truth, c->number, request);
	struct message m = {
		.type = MSG_PLACE,
		.place = {.board = c->follows[p->board].number,
			  .x = p->x,
			  .y = p->y,
			  .color = p->color,
			  .request = truth_number(c->crowd->truth, c->number, request)}};

	if (how == WAITING_OTHER)
		m.place.color ^= 1;
	px_assert(c->waiting_len < WAITING_MAX);
	c->waiting[c->waiting_len++] = (struct waiting){request, how, client_session_has_ended(c)};
	client_say(c, &m);
}

static void say_again(struct client *c)
{
	uint64_t request = place_pick(c);
	const struct truth_placement *p;
	enum waiting_how how;

	if (request == 0)
		return;
	p = truth_asked(c->crowd->truth, c->number, request);
	if (c->follows[p->board].state != FOLLOW_LIVE || is_waiting(c, request, true))
		return;
	how = p->seq == 0 ? WAITING_FIRST : WAITING_AGAIN;
	if (how == WAITING_AGAIN && client_chance(c, OTHER_CHANCE) &&
	    !is_waiting(c, request, false))
		how = WAITING_OTHER;
	c->crowd->counts.again += how == WAITING_AGAIN;
	say(c, request, how);
}

static void say_new(struct client *c)
{
	unsigned board = (unsigned)below(c, c->crowd->board_count);
	const struct truth_board *b = &c->crowd->boards[board];
	struct truth_placement p = {.board = board};

	if (c->follows[board].state != FOLLOW_LIVE)
		return;
	p.x = (uint32_t)below(c, client_chance(c, 100) ? b->width + 2 : b->width);
	p.y = (uint32_t)below(c, client_chance(c, 100) ? b->height + 2 : b->height);
	p.color = (uint32_t)below(c, client_chance(c, 100) ? 256 : b->colors);
	say(c, truth_ask(c->crowd->truth, c->number, &p), WAITING_FIRST);
}

void place_turn(struct client *c)
{
	if (c->waiting_len == WAITING_MAX)
		return;
	if (client_chance(c, AGAIN_CHANCE))
		say_again(c);
	else
		say_new(c);
}

/* --- answers -------------------------------------------------------------------------------- */

/* Which of those that were sent with this number has its answer: the one that is most like this. */
static struct waiting answered(struct client *c, uint64_t number, enum waiting_how how, bool late)
{
	uint64_t request = truth_numbered(c->crowd->truth, c->number, number);
	uint32_t found = c->waiting_len;
	int best = 0;
	struct waiting w;

	for (uint32_t i = 0; i < c->waiting_len; i++) {
		int like = 1 + (c->waiting[i].late == late ? 2 : 0) +
			   (c->waiting[i].how == how ? 1 : 0);

		if (c->waiting[i].request != request || like <= best)
			continue;
		found = i;
		best = like;
	}
	truth_check(found < c->waiting_len,
		    "client %u: an answer to request %lu, which waits for none", c->number,
		    request);
	w = c->waiting[found];
	c->waiting[found] = c->waiting[--c->waiting_len];
	return w;
}

void place_refused(struct client *c, const struct msg_refused *m)
{
	bool reused = m->code == REFUSAL_KEY_REUSED;
	struct waiting w = answered(c, m->request, reused ? WAITING_OTHER : WAITING_FIRST,
				    m->code == REFUSAL_NO_SESSION);
	const struct truth_placement *p = truth_asked(c->crowd->truth, c->number, w.request);
	const struct truth_board *b = &c->crowd->boards[p->board];
	bool outside = p->x >= b->width || p->y >= b->height;
	bool bad_color = p->color >= b->colors_least;

	c->crowd->counts.refused++;
	c->crowd->counts.reused += reused;
	if (m->code == REFUSAL_NO_SESSION)
		truth_check(client_session_has_ended(c) || !c->welcome,
			    "client %u: no session, which ends at %lu", c->number,
			    c->session_ends_s);
	if (m->code == REFUSAL_OVERLOADED || m->code == REFUSAL_NO_SESSION)
		return;
	truth_check(reused == (w.how == WAITING_OTHER),
		    "client %u: request %lu, sent with %s color, was refused as %s", c->number,
		    w.request, w.how == WAITING_OTHER ? "another" : "its",
		    refusal_str((enum refusal)m->code));
	truth_check(w.how != WAITING_AGAIN,
		    "client %u: request %lu was acknowledged as seq %lu, and now is refused as %s",
		    c->number, w.request, p->seq, refusal_str((enum refusal)m->code));
	if (m->code == REFUSAL_OUT_OF_BOUNDS || m->code == REFUSAL_BAD_COLOR)
		truth_check(m->code == REFUSAL_OUT_OF_BOUNDS ? outside : bad_color,
			    "client %u: (%u, %u, %u) was refused as %s", c->number, p->x, p->y,
			    p->color, refusal_str((enum refusal)m->code));
	if (m->code == REFUSAL_COOLDOWN)
		truth_check(m->wait_ms > 0 && m->wait_ms <= b->cooldown_most_ms,
			    "client %u: told to wait %u ms", c->number, m->wait_ms);
	if (m->code == REFUSAL_FROZEN)
		truth_check(b->was_frozen, "client %u: board %s never was frozen", c->number,
			    b->name);
}

void place_placed(struct client *c, const struct msg_placed *m)
{
	struct waiting w = answered(c, m->request, WAITING_AGAIN, false);

	truth_check(w.how != WAITING_OTHER,
		    "client %u: request %lu was sent with another color, and is acknowledged",
		    c->number, w.request);
	truth_check(!w.late, "client %u: placed after its session ended", c->number);
	c->crowd->counts.placed++;
	truth_acknowledged(c->crowd->truth, c->number, w.request, m->seq);
}
