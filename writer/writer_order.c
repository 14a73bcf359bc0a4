/*
 * writer_order.c - placements: checked, charged, numbered, journalled; applied and answered when
 * durable.
 *
 * The cooldown is decided here and nowhere else, by one thread, so of ten requests of one person at
 * once exactly one passes. What waits for the journal stands in `pending`, oldest first, with what
 * the person was before the charge: a batch that the disk did not take is undone from the newest
 * back.
 *
 * A placement that was accepted before is answered from memory (engine/requests.h), whatever the
 * board, its palette and the cooldown say by now.
 */
#include <errno.h>
#include <string.h>

#include "writer/writer_priv.h"

static uint64_t mono_ms(const struct writer *w)
{
	return w->now.mono_ns / NS_PER_MS;
}

struct pending *order_pend(struct writer *w, unsigned worker, const struct mail_request *m,
			   enum pending_kind kind)
{
	struct pending *p;

	if (w->pending_tail - w->pending_head == PENDING_MAX)
		return NULL;
	p = &w->pending[w->pending_tail++ % PENDING_MAX];
	memset(p, 0, sizeof(*p));
	p->kind = (uint8_t)kind;
	p->worker = (uint8_t)worker;
	p->client = m->client;
	p->board = m->board;
	p->request = m->request;
	p->asked_ns = m->asked_ns;
	p->lsn = journal_appended(w->journal);
	memcpy(p->user, m->user, sizeof(p->user));
	return p;
}

/* --- a request -------------------------------------------------------------------------------- */

static enum refusal place_check(const struct writer_board *b, const struct mail_request *m)
{
	const struct room *r = b->room;

	if (m->x >= r->width || m->y >= r->height)
		return REFUSAL_OUT_OF_BOUNDS;
	if (m->color >= r->palette_len)
		return REFUSAL_BAD_COLOR;
	if (r->frozen)
		return REFUSAL_FROZEN;
	return REFUSAL_NONE;
}

static enum refusal place_journal(struct writer *w, const struct writer_board *b,
				  const struct mail_request *m)
{
	struct record r = {.type = RECORD_PLACEMENT,
			   .placement = {.seq = b->seq_numbered + 1,
					 .request = m->request,
					 .placed_at_ms = w->now.wall_ms,
					 .epoch = b->live.epoch,
					 .board = m->board,
					 .x = (uint16_t)m->x,
					 .y = (uint16_t)m->y,
					 .color = (uint8_t)m->color}};
	int rc;

	if (!b->is_journalled)
		return REFUSAL_UNAVAILABLE;
	memcpy(r.placement.user, m->user, sizeof(r.placement.user));
	rc = journal_append(w->journal, &r);
	if (rc == 0)
		return REFUSAL_NONE;
	return rc == -ENOBUFS ? REFUSAL_OVERLOADED : REFUSAL_UNAVAILABLE;
}

/* Remembers the person as it was, then charges. */
static void place_charge(struct writer *w, struct writer_board *b, struct pending *p,
			 struct person *person, const struct mail_request *m)
{
	p->before_wall_ms = person->charged_wall_ms;
	p->before_mono_ms = person->charged_mono_ms;
	p->before_request = person->last_request;
	p->before_sum = person->last_sum;
	p->before_seq = person->last_seq;
	person->charged_wall_ms = w->now.wall_ms;
	person->charged_mono_ms = mono_ms(w);
	person->last_request = m->request;
	person->last_seq = ++b->seq_numbered;
	p->seq = b->seq_numbered;
	p->cell = m->y * b->room->width + m->x;
	p->color = (uint8_t)m->color;
	person->last_sum = people_sum(p->cell, p->color);
	p->placed_at_ms = w->now.wall_ms;
	p->nameless = m->nameless;
}

static void place_remember(struct writer *w, const struct pending *p, struct person *person,
			   uint32_t hash)
{
	const struct request request = {
		.number = p->request, .seq = p->seq, .cell = p->cell, .color = p->color};

	if (!p->nameless)
		requests_add(w->requests, person, &request, hash, mono_ms(w));
}

static void repeat_tell(struct writer *w, const struct pending *p)
{
	const struct person *person = people_find(w->people, p->board, p->user);
	const struct writer_board *b = w->boards[p->board];
	struct mail_answer *a = writer_answer(w, p->worker, MAIL_PLACED, p->client);

	metric_add(&w->metrics.placed_again, 1);
	a->board = p->board;
	a->request = p->request;
	a->seq = p->seq;
	if (person != NULL)
		a->wait_ms = (uint32_t)people_wait_ms(person, b->room->cooldown_ms, mono_ms(w));
}

/* A client that did not get the answer: it gets it now, or when it is durable. */
static void place_repeat(struct writer *w, unsigned worker, const struct mail_request *m,
			 uint64_t seq)
{
	struct pending now = {.client = m->client,
			      .board = m->board,
			      .request = m->request,
			      .seq = seq,
			      .worker = (uint8_t)worker};
	struct pending *p;

	memcpy(now.user, m->user, sizeof(now.user));
	if (seq <= w->boards[m->board]->live.seq) {
		repeat_tell(w, &now);
		return;
	}
	p = order_pend(w, worker, m, PENDING_REPEAT);
	if (p == NULL)
		writer_refuse(w, worker, m, REFUSAL_OVERLOADED, 1000);
	else
		p->seq = seq;
}

static bool place_is(const struct request *before, const struct writer_board *b,
		     const struct mail_request *m)
{
	return m->x < b->meta.width && m->y < b->meta.height &&
	       m->y * b->meta.width + m->x == before->cell && m->color == before->color;
}

/* Whether that is what the person placed last, as far as it is known. */
static bool place_is_last(const struct person *person, const struct writer_board *b,
			  const struct mail_request *m)
{
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

	if (m->nameless)
		return false;
	if (requests_find(w->requests, hash, m->board, m->user, m->request, &before)) {
		is_same = place_is(&before, b, m);
	} else if (person != NULL && person->last_seq != 0 && person->last_request == m->request) {
		is_same = place_is_last(person, b, m);
		before.seq = person->last_seq;
	} else {
		return false;
	}
	if (is_same)
		place_repeat(w, worker, m, before.seq);
	else
		writer_refuse(w, worker, m, REFUSAL_KEY_REUSED, 0);
	return true;
}

static void person_drop_if_new(struct writer *w, struct person *person)
{
	if (person->charged_wall_ms == 0 && person->last_seq == 0)
		people_drop(w->people, person);
}

/* Charged, numbered and journalled, or refused: one that is not known yet and could be placed. */
static void place_new(struct writer *w, unsigned worker, struct writer_board *b,
		      const struct mail_request *m, struct person *person, uint32_t hash)
{
	uint64_t wait_ms = people_wait_ms(person, b->room->cooldown_ms, mono_ms(w));
	enum refusal why;
	struct pending *p;

	if (wait_ms > 0) {
		writer_refuse(w, worker, m, REFUSAL_COOLDOWN, wait_ms);
		return;
	}
	p = order_pend(w, worker, m, PENDING_PLACE);
	if (p == NULL || (!m->nameless && !requests_make_room(w->requests, person)))
		why = REFUSAL_OVERLOADED;
	else
		why = place_journal(w, b, m);
	if (why != REFUSAL_NONE) {
		if (p != NULL)
			w->pending_tail--;
		person_drop_if_new(w, person);
		writer_refuse(w, worker, m, why, 1000);
		return;
	}
	p->lsn = journal_appended(w->journal);
	place_charge(w, b, p, person, m);
	place_remember(w, p, person, hash);
}

/* The memory of people and requests is larger than any cache, and looked at in random places: asked
 * for some placements ahead, it comes while others are placed. */
void order_prefetch(const struct writer *w, const struct mail_request *m)
{
	if (m->type != MAIL_PLACE || !m->with_user)
		return;
	people_prefetch(w->people, m->board, m->user);
	if (!m->nameless)
		requests_prefetch(w->requests,
				  requests_hash(w->requests, m->board, m->user, m->request));
}

void order_place(struct writer *w, unsigned worker, const struct mail_request *m)
{
	struct writer_board *b = writer_board_at(w, m->board);
	struct person *person;
	enum refusal why;
	uint32_t hash;

	if (b == NULL || !m->with_user) {
		writer_refuse(w, worker, m, b == NULL ? REFUSAL_UNKNOWN_BOARD : REFUSAL_NO_SESSION,
			      0);
		return;
	}
	person = people_find(w->people, m->board, m->user);
	hash = requests_hash(w->requests, m->board, m->user, m->request);
	if (place_again(w, worker, b, m, person, hash))
		return;
	why = place_check(b, m);
	if (why != REFUSAL_NONE) {
		writer_refuse(w, worker, m, why, 0);
		return;
	}
	if (person == NULL)
		person = people_get(w->people, m->board, m->user);
	if (person == NULL)
		writer_refuse(w, worker, m, REFUSAL_FULL, 60000);
	else
		place_new(w, worker, b, m, person, hash);
}

/* --- what is settled -------------------------------------------------------------------------- */

bool order_apply(struct writer *w, struct writer_board *b, const struct change *c)
{
	enum apply_verdict verdict;

	px_assert(c->count <= b->live.changed_max);
	while ((verdict = apply_change(&b->live, c)) == APPLY_FULL)
		if (!cut_board(w, b))
			return false;
	px_assert(verdict == APPLY_DONE);
	return true;
}

static bool settle_place(struct writer *w, const struct pending *p)
{
	struct writer_board *b = w->boards[p->board];
	const struct delta_cell cell = {p->cell, p->color};
	const struct change change = {.cause = CHANGE_PLACEMENT,
				      .epoch = b->live.epoch,
				      .first = p->seq,
				      .at_ms = p->placed_at_ms,
				      .count = 1,
				      .cells = &cell,
				      .user = p->user};
	uint64_t unchanged = b->live.unchanged;
	struct mail_answer *a;

	if (!order_apply(w, b, &change))
		return false;
	metric_add(&w->metrics.placed_noop, b->live.unchanged - unchanged);
	if (!p->nameless)
		requests_settle(w->requests, people_find(w->people, p->board, p->user));
	if (w->rollback.phase != ROLLBACK_IDLE)
		rollback_touch(w, p->board, p->cell);
	metric_add(&w->metrics.placed, 1);
	histogram_add(&w->acks, (w->now.mono_ns - p->asked_ns) / 1000);
	a = writer_answer(w, p->worker, MAIL_PLACED, p->client);
	a->board = p->board;
	a->request = p->request;
	a->seq = p->seq;
	a->wait_ms = b->room->cooldown_ms;
	return true;
}

static void settle_you(struct writer *w, const struct pending *p)
{
	const struct person *person = people_find(w->people, p->board, p->user);
	const struct writer_board *b = writer_board_at(w, p->board);
	struct mail_answer *a = writer_answer(w, p->worker, MAIL_YOU, p->client);

	a->board = p->board;
	if (person == NULL || b == NULL)
		return;
	a->wait_ms = (uint32_t)people_wait_ms(person, b->room->cooldown_ms, mono_ms(w));
	if (person->last_seq != 0 && person->last_seq <= b->live.seq) {
		a->request = person->last_request;
		a->seq = person->last_seq;
	}
}

/* Answered behind what this person has in the journal: only durable things are told. With no room
 * to wait, or when what it waits for is dropped, at once: a `refused` would name no request. */
void order_you(struct writer *w, unsigned worker, const struct mail_request *m)
{
	struct pending now = {.client = m->client, .board = m->board, .worker = (uint8_t)worker};

	memcpy(now.user, m->user, sizeof(now.user));
	if (order_pend(w, worker, m, PENDING_YOU) == NULL)
		settle_you(w, &now);
}

/* Likewise for what will be settled soon. */
static void settle_prefetch(const struct writer *w, uint64_t at)
{
	const struct pending *p = &w->pending[at % PENDING_MAX];

	if (at < w->pending_tail && p->kind == PENDING_PLACE)
		apply_prefetch(&w->boards[p->board]->live, p->cell);
}

void order_settle(struct writer *w)
{
	uint64_t settled = journal_settled(w->journal);

	while (w->pending_head != w->pending_tail) {
		struct pending *p = &w->pending[w->pending_head % PENDING_MAX];

		if (p->lsn > settled)
			break;
		settle_prefetch(w, w->pending_head + PREFETCH_AHEAD);
		if (p->kind == PENDING_PLACE) {
			if (!settle_place(w, p))
				return;
		} else if (p->kind == PENDING_ROLLBACK) {
			if (!rollback_settle(w, p))
				return;
		} else if (p->kind == PENDING_REPEAT) {
			repeat_tell(w, p);
		} else {
			settle_you(w, p);
		}
		w->lsn_applied = p->lsn;
		w->pending_head++;
	}
	if (w->pending_head == w->pending_tail)
		w->lsn_applied = settled;
}

/* --- what is dropped -------------------------------------------------------------------------- */

static void undo_place(struct writer *w, const struct pending *p)
{
	struct writer_board *b = w->boards[p->board];
	struct person *person = people_find(w->people, p->board, p->user);

	px_assert(b->seq_numbered == p->seq);
	b->seq_numbered--;
	if (person == NULL)
		return; /* nameless, and expired meanwhile */
	if (!p->nameless)
		requests_take_back(w->requests, person);
	person->charged_wall_ms = p->before_wall_ms;
	person->charged_mono_ms = p->before_mono_ms;
	person->last_request = p->before_request;
	person->last_sum = p->before_sum;
	person->last_seq = p->before_seq;
	person_drop_if_new(w, person);
}

/* Undoes the newest requests, as far as the journal has dropped them. Returns where they begin. */
static uint64_t drop_undo(struct writer *w, uint64_t settled)
{
	uint64_t first = w->pending_tail;

	for (; first != w->pending_head; first--) {
		const struct pending *p = &w->pending[(first - 1) % PENDING_MAX];

		if (p->lsn <= settled)
			break;
		if (p->kind == PENDING_PLACE)
			undo_place(w, p);
		else if (p->kind == PENDING_ROLLBACK)
			rollback_undo(w, p);
	}
	return first;
}

/* Whether it waits for nothing that was dropped: what a person has, and a placement that is
 * settled though others behind it are not. */
static bool drop_is_outlived(const struct writer *w, const struct pending *p)
{
	return p->kind == PENDING_YOU ||
	       (p->kind == PENDING_REPEAT && p->seq <= w->boards[p->board]->seq_numbered);
}

void order_drop(struct writer *w)
{
	uint64_t settled = journal_settled(w->journal);
	uint64_t end = w->pending_tail;

	w->pending_tail = drop_undo(w, settled);
	for (uint64_t at = w->pending_tail; at != end; at++) {
		const struct pending *p = &w->pending[at % PENDING_MAX];
		struct mail_request m = {
			.client = p->client, .board = p->board, .request = p->request};
		struct pending *kept = &w->pending[w->pending_tail % PENDING_MAX];

		if (drop_is_outlived(w, p)) {
			*kept = *p;
			kept->lsn = settled;
			w->pending_tail++;
		} else if (p->kind != PENDING_ROLLBACK) {
			writer_refuse(w, p->worker, &m, REFUSAL_UNAVAILABLE, 1000);
		}
	}
	for (uint32_t i = 0; i < w->boards_end; i++)
		px_assert(w->boards[i] == NULL ||
			  w->boards[i]->seq_numbered >= w->boards[i]->live.seq);
}
