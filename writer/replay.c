/*
 * replay.c - applies what recovery hands over: boards and people of the snapshot, then the journal,
 * change by change.
 *
 * A rollback is a record and, in the same batch, its cells as placements without a user: they are
 * gathered and applied as one change, as they were when it was made.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "writer/restore_priv.h"

static int on_board(void *arg, const struct snapshot_board_read *read)
{
	struct restore *r = arg;
	struct writer_board *b;
	int rc = restore_board(r, &read->meta, &b);

	if (rc < 0)
		return rc;
	if (!apply_load(&b->live, read->bytes, read->len, read->epoch, read->seq, read->newest_ms))
		return -EBADMSG;
	b->seq_numbered = read->seq;
	return 0;
}

/* NULL: nothing is known of it any more, or nobody is remembered in this run. */
static struct person *person_restore(struct writer *w, const struct person *stored)
{
	struct person *person;

	px_assert(stored->board < ROOMS_MAX);
	if (w->config.check_only)
		return NULL;
	if (people_restore(w->people, stored, w->cooldown_ms[stored->board], w->now.wall_ms,
			   w->now.mono_ns / NS_PER_MS, &person) < 0)
		log_warn("people_full what=\"some cooldowns are forgotten\" remedy=\"raise "
			 "people-max\"");
	return person;
}

static int on_person(void *arg, const struct person *person)
{
	struct restore *r = arg;

	if (person->board >= ROOMS_MAX)
		return -EBADMSG;
	(void)person_restore(r->w, person);
	if (person->last_seq > r->people_seq[person->board])
		r->people_seq[person->board] = person->last_seq;
	return 0;
}

/* Who placed it; new, if that was between the copies of a snapshot's people and requests. */
static struct person *placer_restore(struct writer *w, const struct request *request)
{
	struct person person = {.charged_wall_ms = request->placed_at_ms,
				.last_request = request->number,
				.last_seq = request->seq,
				.board = request->board,
				.last_sum = people_sum(request->cell, request->color)};

	memcpy(person.user, request->user, sizeof(person.user));
	return person_restore(w, &person);
}

static void request_restore(struct writer *w, struct person *person, const struct request *request)
{
	if (person != NULL)
		requests_restore(w->requests, person, request, w->now.wall_ms,
				 w->now.mono_ns / NS_PER_MS);
}

/* When people were charged is exact and stays; a request has an age, which tells its time only to
 * some milliseconds. But it has what was placed. */
static int on_request(void *arg, const struct request *request)
{
	struct restore *r = arg;
	struct person *person = NULL;

	if (request->board >= ROOMS_MAX)
		return -EBADMSG;
	if (!r->w->config.check_only)
		person = people_find(r->w->people, request->board, request->user);
	if (person == NULL || person->last_seq < request->seq)
		person = placer_restore(r->w, request);
	else if (person->last_seq == request->seq)
		person->last_sum = people_sum(request->cell, request->color);
	request_restore(r->w, person, request);
	r->requests_seq[request->board] = request->seq; /* they are in the order of acceptance */
	return 0;
}

/* Who placed it, and by which number. */
static void replay_person(struct restore *r, const struct record_placement *p, uint32_t cell)
{
	struct person *person;
	struct request request = {.number = p->request,
				  .seq = p->seq,
				  .placed_at_ms = p->placed_at_ms,
				  .cell = cell,
				  .board = p->board,
				  .color = p->color};

	/* Behind replay_change(): nobody is charged for what is not on the board. */
	px_assert(r->w->boards[p->board]->live.seq == p->seq);
	if (record_is_restored(p))
		return;
	memcpy(request.user, p->user, sizeof(request.user));
	person = placer_restore(r->w, &request);
	/* Up to requests_seq the snapshot has it, or it was forgotten before that was made. */
	if (p->seq > r->requests_seq[p->board])
		request_restore(r->w, person, &request);
}

static int replay_change(struct restore *r, struct writer_board *b, const struct change *c,
			 bool replay)
{
	enum apply_verdict verdict;
	int rc = refill_apply(r->w, b, c, replay, &verdict);

	px_assert(r->gather.board == NULL); /* a rollback that gathers is applied whole, first */
	if (rc < 0)
		return rc;
	if (verdict == APPLY_OFF)
		return restore_refuse(
			r, EXIT_DATA_WRONG,
			"the journal has a placement outside its board: pixeld journal verify");
	if (verdict != APPLY_DONE)
		return restore_refuse(
			r, EXIT_DATA_WRONG,
			"the journal has a gap in a board's order: pixeld journal verify");
	b->seq_numbered = b->live.seq;
	return 0;
}

/* One more cell of a rollback; with the last one it is whole. */
static int gather_cell(struct restore *r, const struct change *c, bool replay)
{
	struct gather *g = &r->gather;
	struct writer_board *b = g->board;

	px_assert(g->change.count < g->wanted);  /* else it would have been applied */
	px_assert(g->wanted <= FRAME_CELLS_MAX); /* room of `cells` */
	if (g->change.count == 0)
		g->change = *c;
	else if (c->epoch != g->change.epoch || c->first != change_last(&g->change) + 1)
		return -EBADMSG;
	else
		g->change.count++;
	g->cells[g->change.count - 1] = c->cells[0];
	if (g->change.count < g->wanted)
		return 0;
	g->change.cells = g->cells;
	g->board = NULL;
	return replay_change(r, b, &g->change, replay);
}

static int gather_begin(struct restore *r, struct writer_board *b, uint32_t cells)
{
	struct gather *g = &r->gather;

	if (cells == 0)
		return 0;
	if (cells > FRAME_CELLS_MAX || g->board != NULL)
		return -EBADMSG;
	if (g->cells == NULL)
		g->cells = malloc(FRAME_CELLS_MAX * sizeof(*g->cells));
	if (g->cells == NULL)
		return -ENOMEM;
	g->board = b;
	g->wanted = cells;
	g->change.count = 0;
	return 0;
}

static int replay_placement(struct restore *r, struct writer_board *b,
			    const struct record_placement *p, bool replay)
{
	const struct delta_cell cell = {(uint32_t)p->y * b->meta.width + p->x, p->color};
	const bool is_restored = record_is_restored(p);
	const struct change change = {.cause = is_restored ? CHANGE_ROLLBACK : CHANGE_PLACEMENT,
				      .epoch = p->epoch,
				      .first = p->seq,
				      .at_ms = p->placed_at_ms,
				      .count = 1,
				      .cells = &cell,
				      .user = is_restored ? NULL : p->user};
	int rc;

	if (p->x >= b->meta.width)
		return restore_refuse(
			r, EXIT_DATA_WRONG,
			"the journal has a placement outside its board: pixeld journal verify");
	if (r->gather.board != NULL)
		return is_restored && r->gather.board == b ? gather_cell(r, &change, replay)
							   : -EBADMSG;
	rc = replay_change(r, b, &change, replay);
	if (rc == 0 && replay)
		replay_person(r, p, cell.cell);
	return rc;
}

static int replay_cells(struct restore *r, const struct record *record, bool replay)
{
	struct record_cells cells = {record, 0};
	const struct record_placement *p;
	int rc = 0;

	while (rc == 0 && (p = record_cells_next(&cells)) != NULL) {
		struct writer_board *b = p->board < ROOMS_MAX ? r->w->boards[p->board] : NULL;

		rc = b != NULL ? replay_placement(r, b, p, replay) : -EBADMSG;
	}
	return rc;
}

/* It begins where a run ended that lost placements; a snapshot of that run may know of them. */
static int replay_epoch(struct restore *r, struct writer_board *b, const struct record_epoch *e,
			bool replay)
{
	if (!replay)
		return 0; /* the log begins anew with the next placement that does not follow */
	if (e->epoch < b->live.epoch || e->first_seq <= b->live.seq)
		return -EBADMSG;
	if (r->people_seq[b->meta.board] > b->live.seq ||
	    r->requests_seq[b->meta.board] > b->live.seq)
		restore_lose(r->w, b);
	refill_epoch(b, e->epoch, e->first_seq - 1);
	return 0;
}

static int on_record(void *arg, uint64_t lsn, const struct record *record, bool replay)
{
	struct restore *r = arg;
	struct writer *w = r->w;
	struct writer_board *b;

	(void)lsn;
	switch ((enum record_type)record->type) {
	case RECORD_BOARD:
		return restore_board(r, &record->board, &b);
	case RECORD_EPOCH:
		b = record->epoch.board < ROOMS_MAX ? w->boards[record->epoch.board] : NULL;
		return b != NULL ? replay_epoch(r, b, &record->epoch, replay) : -EBADMSG;
	case RECORD_PLACEMENT:
		return replay_cells(r, record, replay);
	case RECORD_ROLLBACK:
		b = record->rollback.board < ROOMS_MAX ? w->boards[record->rollback.board] : NULL;
		return b != NULL ? gather_begin(r, b, record->rollback.cells) : -EBADMSG;
	default:
		return 0; /* of a later version */
	}
}

static void on_ahead(void *arg, const struct record *record)
{
	const struct restore *r = arg;
	struct record_cells cells = {record, 0};
	const struct record_placement *p;

	if (r->w->config.check_only) /* there are no people */
		return;
	while ((p = record_cells_next(&cells)) != NULL) {
		const struct writer_board *b = p->board < ROOMS_MAX ? r->w->boards[p->board] : NULL;

		if (b == NULL || p->x >= b->meta.width || p->y >= b->meta.height)
			continue; /* replay_placement() refuses it */
		apply_prefetch(&b->live, (uint32_t)p->y * b->meta.width + p->x);
		people_prefetch(r->w->people, p->board, p->user);
	}
}

static void on_report(void *arg, const char *sentence)
{
	(void)arg;
	log_warn("recovery note=\"%s\"", sentence);
}

struct recover_handler replay_handler(struct restore *r)
{
	return (struct recover_handler){.arg = r,
					.board = on_board,
					.person = on_person,
					.request = on_request,
					.ahead = on_ahead,
					.record = on_record,
					.report = on_report};
}

bool replay_is_inside(const struct restore *r)
{
	return r->gather.board != NULL;
}

void replay_free(struct restore *r)
{
	free(r->gather.cells);
	r->gather.cells = NULL;
}
