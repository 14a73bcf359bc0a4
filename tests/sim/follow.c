/*
 * follow.c - how a simulated client follows a board: subscribe, fetch, join, resume. See client.h.
 *
 * The states are drawn in client_priv.h. The bitmap is fetched over an HTTP connection of its own,
 * which may break, be refused, or answer late; the deltas that come meanwhile are kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/delta.h"
#include "tests/prng.h"
#include "tests/sim/client_priv.h"

#define RETRY_NS 50000000ULL

static const struct truth_board *board_of(const struct client *c, const struct follow *f)
{
	return &c->crowd->boards[f - c->follows];
}

static struct follow *follow_numbered(struct client *c, uint16_t number)
{
	for (unsigned b = 0; b < c->crowd->board_count; b++) {
		struct follow *f = &c->follows[b];

		if ((f->state == FOLLOW_JOINING || f->state == FOLLOW_LIVE) && f->number == number)
			return f;
	}
	return NULL;
}

const struct truth_board *client_board_numbered(const struct client *c, uint16_t number)
{
	for (unsigned b = 0; b < c->crowd->board_count; b++)
		if (c->follows[b].state >= FOLLOW_JOINING && c->follows[b].number == number)
			return &c->crowd->boards[b];
	return NULL;
}

/* --- deltas --------------------------------------------------------------------------------- */

static void seen(struct client *c, struct follow *f)
{
	truth_seen(c->crowd->truth, (unsigned)(f - c->follows), f->seq, f->colors);
}

static void delta_apply(struct client *c, struct follow *f, const struct msg_delta *d,
			const uint8_t *payload, size_t len)
{
	const struct truth_board *b = board_of(c, f);
	struct delta_cell *cells = calloc(d->count + 1, sizeof(*cells));

	px_assert(cells != NULL);
	truth_check(delta_decode(b->width * b->height, b->bits, payload, len, d->count, cells) == 0,
		    "client %u: the delta %lu..%lu does not decode", c->number, d->first, d->last);
	if (d->last > f->seq) {
		truth_check(d->first <= f->seq + 1,
			    "client %u, board %s: gap: stands at %lu, next delta is %lu..%lu",
			    c->number, b->name, f->seq, d->first, d->last);
		for (uint32_t i = 0; i < d->count; i++)
			f->colors[cells[i].cell] = cells[i].color;
		f->seq = d->last;
		seen(c, f);
	}
	free(cells);
}

/* A delta that waits for the bitmap. */
struct kept {
	struct msg_delta delta;
	size_t len; /* of the payload behind it */
};

/* It must be whole: whoever looks at it no more still goes by its frame. */
static void left_check(struct client *c, const struct msg_delta *d, const uint8_t *payload,
		       size_t len)
{
	for (unsigned b = 0; b < c->crowd->board_count; b++) {
		const struct truth_board *board = &c->crowd->boards[b];
		struct delta_cell *cells = calloc(d->count + 1, sizeof(*cells));

		px_assert(cells != NULL);
		if (c->follows[b].number == d->board && c->follows[b].was_live)
			truth_check(delta_decode(board->width * board->height, board->bits, payload,
						 len, d->count, cells) == 0,
				    "client %u: the delta %lu..%lu of a board that it left does "
				    "not decode",
				    c->number, d->first, d->last);
		free(cells);
	}
}

void follow_delta(struct client *c, const struct msg_delta *d, const uint8_t *payload, size_t len)
{
	struct follow *f = follow_numbered(c, d->board);
	struct kept kept = {*d, len};

	if (f == NULL) { /* was on the way when the subscription ended */
		left_check(c, d, payload, len);
		return;
	}
	c->crowd->counts.deltas++;
	truth_check(d->first <= d->last, "a delta that ends before it begins");
	truth_check(d->first <= f->heard + 1,
		    "client %u, board %s: heard up to %lu, next delta is %lu..%lu", c->number,
		    board_of(c, f)->name, f->heard, d->first, d->last);
	f->heard = d->last > f->heard ? d->last : f->heard;
	if (f->state == FOLLOW_LIVE) {
		delta_apply(c, f, d, payload, len);
		return;
	}
	heap_add(&f->kept, &kept, sizeof(kept));
	heap_add(&f->kept, payload, len);
}

static void kept_apply(struct client *c, struct follow *f)
{
	size_t at = 0;

	while (at < f->kept.len) {
		struct kept kept;

		memcpy(&kept, f->kept.at + at, sizeof(kept));
		at += sizeof(kept);
		delta_apply(c, f, &kept.delta, f->kept.at + at, kept.len);
		at += kept.len;
	}
	f->kept.len = 0;
}

/* --- what the server says ------------------------------------------------------------------- */

void follow_subscribed(struct client *c, const struct msg_subscribed *m)
{
	struct follow *f = NULL;

	for (unsigned b = 0; b < c->crowd->board_count; b++)
		if (strcmp(c->crowd->boards[b].name, m->name) == 0)
			f = &c->follows[b];
	truth_check(f != NULL && f->state == FOLLOW_ASKED,
		    "client %u: subscribed to %s without asking", c->number, m->name);
	truth_check(m->width == board_of(c, f)->width && m->height == board_of(c, f)->height &&
			    m->bits == board_of(c, f)->bits,
		    "client %u: board %s is described as another", c->number, m->name);
	truth_check(!m->resumed || f->asked_resume, "client %u: resumed without asking", c->number);
	truth_check(!f->asked_resume || m->resumed,
		    "client %u: asked to resume and was just subscribed", c->number);
	f->number = m->board;
	f->version = 0;
	f->was_live = true;
	if (m->resumed) {
		truth_check(m->epoch == f->epoch, "client %u: resumed into another epoch",
			    c->number);
		c->crowd->counts.resumes++;
		f->heard = f->seq;
		f->state = FOLLOW_LIVE;
		return;
	}
	f->epoch = m->epoch;
	f->heard = m->seq;
	f->seq_min = m->seq;
	f->has_board = false;
	f->kept.len = 0;
	f->state = FOLLOW_JOINING;
}

void follow_status(struct client *c, const struct msg_status *m)
{
	struct follow *f = follow_numbered(c, m->board);

	if (f == NULL)
		return;
	c->crowd->counts.statuses++;
	truth_check(m->seq <= f->heard,
		    "client %u, board %s: status tells seq %lu, but only %lu was sent before it",
		    c->number, board_of(c, f)->name, m->seq, f->heard);
	truth_check(m->epoch == f->epoch, "client %u: status of epoch %u, not %u", c->number,
		    m->epoch, f->epoch);
}

/* Also of a board that it left, when it was on the way. */
void follow_board(struct client *c, const struct msg_board *m)
{
	const struct truth_board *b = client_board_numbered(c, m->board);
	struct follow *f = follow_numbered(c, m->board);
	struct msg_face face;

	truth_check(message_decode_face(m->face, m->face_len, &face) == 0,
		    "client %u: a face that does not decode: %.*s", c->number, (int)m->face_len,
		    m->face);
	truth_check(m->version > 0, "client %u: a face without a version", c->number);
	if (b != NULL)
		truth_check(face.width == b->width && face.height == b->height &&
				    face.bits == b->bits && face.palette_len > 0,
			    "client %u: board %s has the face of another", c->number, b->name);
	if (f != NULL && m->version > f->version)
		f->version = m->version;
	c->crowd->counts.faces++;
}

void follow_stale(struct client *c, const struct msg_stale *m)
{
	for (unsigned b = 0; b < c->crowd->board_count; b++) {
		struct follow *f = &c->follows[b];
		bool follows = f->state == FOLLOW_LIVE || f->state == FOLLOW_JOINING ||
			       (f->state == FOLLOW_ASKED && f->asked_resume);

		/* who asks to resume knows the number from the time before */
		if (!follows || f->number != m->board)
			continue;
		c->crowd->counts.stales++;
		f->state = FOLLOW_FETCH_FIRST;
		f->has_board = false;
		f->epoch = m->epoch;
		f->seq_min = m->oldest;
		f->kept.len = 0;
		return;
	}
}

/* --- fetching ------------------------------------------------------------------------------- */

static void fetch_end(struct client *c, struct follow *f)
{
	net_sim_close(f->fetch);
	f->fetch = NULL;
	f->answer.len = 0;
	f->retry_ns = c->now_ns + RETRY_NS;
}

static void fetch_begin(struct client *c, struct follow *f)
{
	if (c->now_ns < f->retry_ns)
		return;
	f->fetch = net_sim_connect(c->crowd->net, c->crowd->listener, 0x7f000001u,
				   512 + (uint32_t)prng_below(&c->crowd->dice, 8192));
	f->fetch_sent = false;
	if (f->fetch == NULL)
		f->retry_ns = c->now_ns + RETRY_NS;
}

static uint64_t field_number(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);

	truth_check(at != NULL, "a bitmap without %s", name);
	return strtoull(at + strlen(name), NULL, 10);
}

void client_bitmap_unpack(const struct truth_board *b, const uint8_t *bytes, uint8_t *colors)
{
	for (uint32_t i = 0; i < b->width * b->height; i++) {
		uint32_t bit = i * b->bits;

		colors[i] = (uint8_t)((uint32_t)bytes[bit / 8] >> (8 - b->bits - bit % 8) &
				      ((1u << b->bits) - 1));
	}
}

/* The whole answer is there: the board as it was at some seq. */
static void fetch_done(struct client *c, struct follow *f, const char *head, const uint8_t *body,
		       size_t len)
{
	const struct truth_board *b = board_of(c, f);
	uint64_t seq = field_number(head, "X-Board-Seq: ");

	truth_check(len == ((size_t)b->width * b->height * b->bits + 7) / 8,
		    "a bitmap of %zu bytes for board %s", len, b->name);
	c->crowd->counts.fetches++;
	fetch_end(c, f);
	if (seq < f->seq_min || f->state == FOLLOW_LIVE)
		return; /* too old: again */
	f->epoch = (uint32_t)field_number(head, "X-Board-Epoch: ");
	f->seq = seq;
	client_bitmap_unpack(b, body, f->colors);
	f->has_board = true;
	seen(c, f);
	if (f->state == FOLLOW_JOINING) {
		f->state = FOLLOW_LIVE;
		kept_apply(c, f);
	} else if (f->state == FOLLOW_FETCH_FIRST) {
		f->state = FOLLOW_IDLE;
	}
}

static void fetch_read(struct client *c, struct follow *f)
{
	uint8_t chunk[2048], zero = 0;
	char *head = (char *)f->answer.at, *end;
	int64_t n;

	while ((n = net_sim_recv(f->fetch, chunk, 1 + prng_below(&c->crowd->dice, sizeof(chunk)))) >
	       0)
		heap_add(&f->answer, chunk, (size_t)n);
	if (f->answer.len > 0) { /* terminated for strstr(), the terminator not counted */
		heap_add(&f->answer, &zero, 1);
		f->answer.len--;
		head = (char *)f->answer.at;
		end = strstr(head, "\r\n\r\n");
		if (end != NULL) {
			size_t head_len = (size_t)(end + 4 - head);
			uint64_t len = field_number(head, "Content-Length: ");

			if (strncmp(head, "HTTP/1.1 200 ", 13) == 0 &&
			    f->answer.len == head_len + len) {
				fetch_done(c, f, head, f->answer.at + head_len, len);
				return;
			}
			truth_check(f->answer.len <= head_len + len, "more than an answer");
			if (f->answer.len == head_len + len) {
				fetch_end(c, f);
				return;
			}
		}
	}
	if (n == 0 || (n < 0 && n != -EAGAIN) || (!c->crowd->calm && client_chance(c, 10)))
		fetch_end(c, f);
}

static void fetch_turn(struct client *c, struct follow *f)
{
	char request[128];
	int len = snprintf(request, sizeof(request),
			   "GET /boards/%s/bitmap HTTP/1.1\r\nHost: sim\r\n\r\n",
			   board_of(c, f)->name);

	if (f->fetch == NULL) {
		fetch_begin(c, f);
		return;
	}
	if (!f->fetch_sent) {
		f->fetch_sent = true;
		if (net_sim_send(f->fetch, request, (size_t)len) != len) {
			fetch_end(c, f);
			return;
		}
	}
	fetch_read(c, f);
}

/* --- the turn ------------------------------------------------------------------------------- */

static void subscribe(struct client *c, struct follow *f)
{
	struct message m = {.type = MSG_SUBSCRIBE, .request = 1 + (uint64_t)(f - c->follows)};

	strcpy(m.subscribe.board, board_of(c, f)->name);
	m.subscribe.resume = f->asked_resume = f->has_board;
	m.subscribe.epoch = f->epoch;
	m.subscribe.seq = f->seq;
	f->state = FOLLOW_ASKED;
	client_say(c, &m);
}

void follow_turn(struct client *c, unsigned board)
{
	struct follow *f = &c->follows[board];

	if (!f->wanted)
		return;
	if (f->state == FOLLOW_IDLE && c->upgraded && c->parted_ns == 0)
		subscribe(c, f);
	if (f->fetch != NULL || f->state == FOLLOW_JOINING || f->state == FOLLOW_FETCH_FIRST)
		fetch_turn(c, f);
}

bool follow_refused(struct client *c, uint64_t request)
{
	struct follow *f;

	if (request == 0 || request > c->crowd->board_count)
		return false;
	f = &c->follows[request - 1];
	if (f->state == FOLLOW_ASKED)
		f->state = FOLLOW_IDLE;
	return true;
}

void follow_cut(struct follow *f)
{
	if (f->state != FOLLOW_FETCH_FIRST)
		f->state = FOLLOW_IDLE;
	f->kept.len = 0;
}

void follow_free(struct follow *f)
{
	net_sim_close(f->fetch);
	free(f->colors);
	free(f->kept.at);
	free(f->answer.at);
}
