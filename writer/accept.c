/*
 * accept.c - placements: checked, charged, journalled; acknowledged when they are durable.
 *
 * The cooldown is decided here and nowhere else, by one thread, so of ten simultaneous requests of
 * one person exactly one passes. What is accepted waits in order.c, with the person's state before
 * the charge: a batch that was not written to disk is undone from the newest back.
 *
 * A placement that was accepted before is answered from memory (engine/requests.h), whatever the
 * board, its palette and the cooldown are by now.
 */
#include <errno.h>
#include <string.h>

#include "writer/writer_priv.h"

static uint64_t mono_ms(const struct writer *w)
{
	return w->now.mono_ns / NS_PER_MS;
}

static void refuse(struct writer *w, unsigned worker, const struct mail_request *m,
		   enum refusal why, uint64_t wait_ms)
{
	px_assert(m->head.type == MAIL_PLACE); /* others have no place.request */
	writer_refuse(w, worker, &m->head, m->place.request, why, wait_ms);
}

/* --- accepted before -------------------------------------------------------------------------- */

static void repeat_tell(struct writer *w, unsigned worker, struct mail_client client,
			uint16_t board, const struct pending_repeat *p)
{
	const struct person *person = people_find(w->people, board, p->user);
	struct mail_answer *a = writer_answer(w, worker, MAIL_PLACED, client, board);

	px_assert(p->seq <= w->boards[board]->live.seq); /* as for the first answer */
	metric_add(&w->metrics.placed_again, 1);
	a->placed = (struct mail_placed){.request = p->request, .seq = p->seq};
	if (person != NULL)
		a->placed.wait_ms = (uint32_t)people_wait_ms(
			person, w->boards[board]->face->cooldown_ms, mono_ms(w));
}

void accept_tell_repeat(struct writer *w, const struct pending *p)
{
	px_assert(p->kind == PENDING_REPEAT);
	repeat_tell(w, p->worker, p->client, p->board, &p->repeat);
}

/* A client that did not get the answer: it gets it now, or when it is durable. */
static void place_repeat(struct writer *w, unsigned worker, const struct mail_request *m,
			 uint64_t seq)
{
	struct pending_repeat repeat = {.seq = seq, .request = m->place.request};
	struct pending *p;

	px_assert(!m->place.nameless); /* such a one has no name to come again by */
	px_assert(seq < order_next(w->boards[m->head.board]));
	memcpy(repeat.user, m->place.user, sizeof(repeat.user));
	if (seq <= w->boards[m->head.board]->live.seq) {
		repeat_tell(w, worker, m->head.client, m->head.board, &repeat);
		return;
	}
	p = order_pend(w, worker, m->head.board, m->head.client, PENDING_REPEAT);
	if (p == NULL)
		refuse(w, worker, m, REFUSAL_OVERLOADED, 1000);
	else
		p->repeat = repeat;
}

static bool place_is(const struct request *before, const struct writer_board *b,
		     const struct mail_place *m)
{
	px_assert(before->board == b->meta.board); /* a cell's number is of one board */
	return m->x < b->meta.width && m->y < b->meta.height &&
	       m->y * b->meta.width + m->x == before->cell && m->color == before->color;
}

/* Whether that is what the person placed last, as far as it is known. */
static bool place_is_last(const struct person *person, const struct writer_board *b,
			  const struct mail_place *m)
{
	px_assert(person->board == b->meta.board && person->last_seq != 0);
	if (person->last_sum == 0)
		return true;
	return m->x < b->meta.width && m->y < b->meta.height && m->color <= UINT8_MAX &&
	       people_sum(m->y * b->meta.width + m->x, (uint8_t)m->color) == person->last_sum;
}

/* Whether it was accepted before; then it has its answer, or will get it. person: NULL where that
 * is not known; hash: requests_hash() of it. The last one of a person is known as long as its
 * cooldown runs, if that is longer than others are, or if those were pushed out. */
static bool place_again(struct writer *w, unsigned worker, const struct writer_board *b,
			const struct mail_request *m, const struct person *person, uint32_t hash)
{
	struct request before;
	bool is_same;

	if (m->place.nameless)
		return false;
	if (requests_find(w->requests, hash, m->head.board, m->place.user, m->place.request,
			  &before)) {
		is_same = place_is(&before, b, &m->place);
	} else if (person != NULL && person->last_seq != 0 &&
		   person->last_request == m->place.request) {
		is_same = place_is_last(person, b, &m->place);
		before.seq = person->last_seq;
	} else {
		return false;
	}
	if (is_same)
		place_repeat(w, worker, m, before.seq);
	else
		refuse(w, worker, m, REFUSAL_KEY_REUSED, 0);
	return true;
}

/* --- a new one ---------------------------------------------------------------------------------
 * */

static enum refusal place_check(const struct writer_board *b, const struct mail_place *m)
{
	const struct face *f = b->face;

	if (m->x >= f->width || m->y >= f->height)
		return REFUSAL_OUT_OF_BOUNDS;
	if (m->color >= f->palette_len)
		return REFUSAL_BAD_COLOR;
	if (f->frozen)
		return REFUSAL_FROZEN;
	return REFUSAL_NONE;
}

static enum refusal place_journal(struct writer *w, const struct writer_board *b,
				  const struct mail_request *m)
{
	struct record r = {.type = RECORD_PLACEMENT,
			   .placement = {.seq = order_next(b),
					 .request = m->place.request,
					 .placed_at_ms = w->now.wall_ms,
					 .epoch = b->live.epoch,
					 .board = m->head.board,
					 .x = (uint16_t)m->place.x,
					 .y = (uint16_t)m->place.y,
					 .color = (uint8_t)m->place.color}};
	int rc;

	/* place_check() let it through: what is journalled can be applied. */
	px_assert(m->place.x < b->meta.width && m->place.y < b->meta.height);
	px_assert(m->place.color < 1u << b->meta.bits);
	if (!b->is_journalled)
		return REFUSAL_UNAVAILABLE;
	memcpy(r.placement.user, m->place.user, sizeof(r.placement.user));
	rc = journal_append(w->journal, &r);
	if (rc == 0)
		return REFUSAL_NONE;
	return rc == -ENOBUFS ? REFUSAL_OVERLOADED : REFUSAL_UNAVAILABLE;
}

static void place_fill(const struct writer *w, const struct writer_board *b,
		       const struct mail_place *m, struct pending_place *p)
{
	px_assert(m->y * b->meta.width + m->x < board_cells(b->live.board));
	p->seq = order_next(b);
	p->request = m->request;
	p->asked_ns = m->asked_ns;
	p->placed_at_ms = w->now.wall_ms;
	p->cell = m->y * b->meta.width + m->x;
	p->color = (uint8_t)m->color;
	p->nameless = m->nameless;
	memcpy(p->user, m->user, sizeof(p->user));
}

/* Remembers the person as it was, then charges. */
static void place_charge(struct writer *w, struct pending_place *p, struct person *person)
{
	px_assert(p->seq > person->last_seq); /* each board's seqs rise, so a person's do */
	p->before_wall_ms = person->charged_wall_ms;
	p->before_mono_ms = person->charged_mono_ms;
	p->before_request = person->last_request;
	p->before_sum = person->last_sum;
	p->before_seq = person->last_seq;
	person->charged_wall_ms = w->now.wall_ms;
	person->charged_mono_ms = mono_ms(w);
	person->last_request = p->request;
	person->last_seq = p->seq;
	person->last_sum = people_sum(p->cell, p->color);
}

static void place_remember(struct writer *w, const struct pending_place *p, struct person *person,
			   uint32_t hash)
{
	const struct request request = {
		.number = p->request, .seq = p->seq, .cell = p->cell, .color = p->color};

	px_assert(person->last_seq == p->seq); /* behind place_charge() */
	if (!p->nameless)
		requests_add(w->requests, person, &request, hash, mono_ms(w));
}

static void person_drop_if_new(struct writer *w, struct person *person)
{
	/* No number that was taken back is remembered. */
	px_assert(person->last_seq < order_next(w->boards[person->board]));
	if (person->charged_wall_ms == 0 && person->last_seq == 0)
		people_drop(w->people, person);
}

/* Charged, numbered and journalled, or refused: one that is not known yet and could be placed. */
static void place_new(struct writer *w, unsigned worker, struct writer_board *b,
		      const struct mail_request *m, struct person *person, uint32_t hash)
{
	uint64_t wait_ms = people_wait_ms(person, b->face->cooldown_ms, mono_ms(w));
	enum refusal why;
	struct pending *p;

	px_assert(b->room != NULL && person->board == b->meta.board);
	if (wait_ms > 0) {
		refuse(w, worker, m, REFUSAL_COOLDOWN, wait_ms);
		return;
	}
	p = order_pend(w, worker, m->head.board, m->head.client, PENDING_PLACE);
	if (p == NULL || (!m->place.nameless && !requests_make_room(w->requests, person)))
		why = REFUSAL_OVERLOADED;
	else
		why = place_journal(w, b, m);
	if (why != REFUSAL_NONE) {
		if (p != NULL)
			order_unpend(w);
		person_drop_if_new(w, person);
		refuse(w, worker, m, why, 1000);
		return;
	}
	p->lsn = journal_appended(w->journal);
	place_fill(w, b, &m->place, &p->place);
	order_give_out(b, p->place.seq, 1);
	place_charge(w, &p->place, person);
	place_remember(w, &p->place, person, hash);
}

/* The memory of people and requests is larger than any cache, and looked at in random places: asked
 * for some placements ahead, it comes while others are placed. */
void accept_prefetch(const struct writer *w, const struct mail_request *m)
{
	if (m->head.type != MAIL_PLACE)
		return;
	people_prefetch(w->people, m->head.board, m->place.user);
	if (!m->place.nameless)
		requests_prefetch(w->requests, requests_hash(w->requests, m->head.board,
							     m->place.user, m->place.request));
}

void accept_place(struct writer *w, unsigned worker, const struct mail_request *m)
{
	struct writer_board *b = writer_board_at(w, m->head.board);
	struct person *person;
	enum refusal why;
	uint32_t hash;

	if (b == NULL) {
		refuse(w, worker, m, REFUSAL_UNKNOWN_BOARD, 0);
		return;
	}
	person = people_find(w->people, m->head.board, m->place.user);
	hash = requests_hash(w->requests, m->head.board, m->place.user, m->place.request);
	if (place_again(w, worker, b, m, person, hash))
		return;
	why = place_check(b, &m->place);
	if (why != REFUSAL_NONE) {
		refuse(w, worker, m, why, 0);
		return;
	}
	if (person == NULL)
		person = people_get(w->people, m->head.board, m->place.user);
	if (person == NULL)
		refuse(w, worker, m, REFUSAL_FULL, 60000);
	else
		place_new(w, worker, b, m, person, hash);
}

/* --- settled, or dropped ---------------------------------------------------------------------- */

void accept_tell_place(struct writer *w, const struct pending *p)
{
	const struct pending_place *place = &p->place;
	struct mail_answer *a;

	px_assert(p->kind == PENDING_PLACE);
	px_assert(place->seq <= w->boards[p->board]->live.seq); /* only what is applied is told */
	if (!place->nameless)
		requests_settle(w->requests, people_find(w->people, p->board, place->user));
	metric_add(&w->metrics.placed, 1);
	histogram_add(&w->acks, (w->now.mono_ns - place->asked_ns) / 1000);
	a = writer_answer(w, p->worker, MAIL_PLACED, p->client, p->board);
	a->placed = (struct mail_placed){.request = place->request,
					 .seq = place->seq,
					 .wait_ms = w->boards[p->board]->face->cooldown_ms};
}

void accept_undo(struct writer *w, const struct pending *p)
{
	const struct pending_place *place = &p->place;
	struct person *person = people_find(w->people, p->board, place->user);

	px_assert(p->kind == PENDING_PLACE);
	order_take_back(w->boards[p->board], place->seq, 1);
	px_assert(person != NULL || place->nameless); /* requests keep their person */
	if (person == NULL)
		return;                            /* expired meanwhile */
	px_assert(person->last_seq == place->seq); /* from the newest back */
	if (!place->nameless)
		requests_take_back(w->requests, person);
	person->charged_wall_ms = place->before_wall_ms;
	person->charged_mono_ms = place->before_mono_ms;
	person->last_request = place->before_request;
	person->last_sum = place->before_sum;
	person->last_seq = place->before_seq;
	person_drop_if_new(w, person);
}

/* --- what a person has ------------------------------------------------------------------------ */

static void you_tell(struct writer *w, unsigned worker, struct mail_client client, uint16_t board,
		     const uint8_t user[static USER_BYTES])
{
	const struct person *person = people_find(w->people, board, user);
	const struct writer_board *b = writer_board_at(w, board);
	struct mail_answer *a = writer_answer(w, worker, MAIL_YOU, client, board);

	a->you = (struct mail_you){.last_seq = 0};
	if (person == NULL || b == NULL)
		return;
	a->you.wait_ms = (uint32_t)people_wait_ms(person, b->face->cooldown_ms, mono_ms(w));
	if (person->last_seq != 0 && person->last_seq <= b->live.seq) {
		a->you.last_request = person->last_request;
		a->you.last_seq = person->last_seq;
	}
}

void accept_tell_you(struct writer *w, const struct pending *p)
{
	px_assert(p->kind == PENDING_YOU);
	you_tell(w, p->worker, p->client, p->board, p->you.user);
}

/* Answered behind what this person has in the journal: only durable things are told. With no room
 * to wait, or when what it waits for is dropped, at once: a `refused` would name no request. */
void accept_you(struct writer *w, unsigned worker, const struct mail_request *m)
{
	struct pending *p = order_pend(w, worker, m->head.board, m->head.client, PENDING_YOU);

	if (p == NULL)
		you_tell(w, worker, m->head.client, m->head.board, m->you.user);
	else
		memcpy(p->you.user, m->you.user, sizeof(p->you.user));
}
