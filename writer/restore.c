/*
 * restore.c - the start: boards, people and logs from what is on the disk.
 *
 * Runs before any thread. Boards that the disk knows and the settings do not name are kept,
 * journalled and snapshotted, but not served. What the settings name and the disk does not know is
 * new, and gets its records as soon as the journal runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/hash.h"
#include "engine/base/log.h"
#include "writer/writer_priv.h"

/* A rollback whose cells follow it. */
struct gather {
	struct writer_board *board; /* NULL: none */
	struct delta_cell *cells;   /* [FRAME_CELLS_MAX], from the first one on */
	struct change change;       /* the cells that came; the first one says the rest */
	uint32_t wanted;
};

struct restore {
	struct writer *w;
	struct gather gather;
	char sentence[RECOVER_WHY_BYTES / 2]; /* why it was refused */
	bool is_refused;
	int exit_code;
};

static int restore_refuse(struct restore *r, int exit_code, const char *sentence)
{
	snprintf(r->sentence, sizeof(r->sentence), "%s", sentence);
	r->is_refused = true;
	r->exit_code = exit_code;
	return -ECANCELED;
}

static const struct settings_board *settings_of(const struct writer *w, const char *name)
{
	for (unsigned i = 0; i < w->config.settings->boards_count; i++)
		if (strcmp(w->config.settings->boards[i].name, name) == 0)
			return &w->config.settings->boards[i];
	return NULL;
}

static uint64_t cooldown_of(const struct writer *w, const char *name)
{
	const struct settings_board *s = settings_of(w, name);

	return s != NULL ? s->cooldown_ms : 0;
}

/* What a served board has besides: its log, filled as the journal is read. */
static int log_begin(struct writer *w, struct writer_board *b)
{
	b->frames = (struct frames){.of = &b->live, .board = b->meta.board};
	b->live.changed_max = frames_cells_max(b->live.board, w->config.settings->log_bytes / 4);
	b->live.changed = calloc(b->live.changed_max, sizeof(*b->live.changed));
	b->frames.half_colors = calloc(b->live.changed_max, 1);
	if (b->live.changed == NULL || b->frames.half_colors == NULL ||
	    room_log_new(w->config.settings->log_bytes, LOG_FRAMES_MAX, w->config.worker_count,
			 &b->frames.logs[MESSAGE_BINARY]) < 0)
		return -ENOMEM;
	return refill_begin(w, b);
}

static int board_fill(struct writer *w, struct writer_board *b)
{
	const struct record_board *meta = &b->meta;
	int rc = board_new(meta->width, meta->height, meta->bits, &b->live.board);

	if (rc < 0)
		return rc;
	if (board_cells(b->live.board) <= w->config.settings->last_placer_cells) {
		b->live.placers = calloc(board_cells(b->live.board), sizeof(*b->live.placers));
		if (b->live.placers == NULL)
			return -ENOMEM;
	}
	return settings_of(w, meta->name) != NULL ? log_begin(w, b) : 0;
}

static int board_add(struct writer *w, const struct record_board *meta, struct writer_board **ret)
{
	struct writer_board *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL)
		return -ENOMEM;
	b->meta = *meta;
	rc = board_fill(w, b);
	if (rc < 0) {
		writer_board_free(b);
		return rc;
	}
	w->boards[meta->board] = b;
	if (meta->board >= w->boards_end)
		w->boards_end = meta->board + 1u;
	w->cooldown_ms[meta->board] = cooldown_of(w, meta->name);
	*ret = b;
	return 0;
}

/* A board that the disk names: the settings must agree with its size. */
static int board_known(struct restore *r, const struct record_board *meta,
		       struct writer_board **ret)
{
	const struct settings_board *s = settings_of(r->w, meta->name);
	char sentence[256];
	int rc;

	if (meta->board >= ROOMS_MAX)
		return restore_refuse(r, EXIT_FAILED,
				      "the data names more boards than this version serves");
	if (s != NULL &&
	    (s->width != meta->width || s->height != meta->height || s->bits != meta->bits)) {
		snprintf(sentence, sizeof(sentence),
			 "board %s is %ux%u:%u in the data directory and %ux%u:%u in the settings: "
			 "change "
			 "the settings back, or start with another --data directory",
			 meta->name, meta->width, meta->height, meta->bits, s->width, s->height,
			 s->bits);
		return restore_refuse(r, EXIT_CONFIG, sentence);
	}
	if (r->w->boards[meta->board] != NULL) {
		*ret = r->w->boards[meta->board];
		return 0;
	}
	rc = board_add(r->w, meta, ret);
	if (rc == 0)
		(*ret)->is_journalled = true;
	return rc;
}

/* --- what recovery hands over ----------------------------------------------------------------- */

static int on_board(void *arg, const struct snapshot_board_read *read)
{
	struct restore *r = arg;
	struct writer_board *b;
	int rc = board_known(r, &read->meta, &b);

	if (rc < 0)
		return rc;
	if (!apply_load(&b->live, read->bytes, read->len, read->epoch, read->seq, read->newest_ms))
		return -EBADMSG;
	b->seq_numbered = read->seq;
	return 0;
}

static int on_person(void *arg, const struct person *person)
{
	struct restore *r = arg;
	struct writer *w = r->w;

	if (person->board >= ROOMS_MAX)
		return -EBADMSG;
	if (people_restore(w->people, person, w->cooldown_ms[person->board], w->now.wall_ms,
			   w->now.mono_ns / NS_PER_MS) < 0)
		log_warn("people_full what=\"not every cooldown is kept\" remedy=\"raise "
			 "people-max\"");
	return 0;
}

static int on_request(void *arg, const struct request *request)
{
	struct restore *r = arg;
	struct writer *w = r->w;
	struct person *person = people_find(w->people, request->board, request->user);

	if (request->board >= ROOMS_MAX)
		return -EBADMSG;
	if (person != NULL && person->last_seq == request->seq)
		person->last_sum = people_sum(request->cell, request->color);
	if (person != NULL)
		requests_restore(w->requests, person, request, w->now.wall_ms,
				 w->now.mono_ns / NS_PER_MS);
	return 0;
}

/* Who placed it, and by which number. */
static int replay_person(struct restore *r, const struct record_placement *p, uint32_t cell)
{
	struct person person = {.charged_wall_ms = p->placed_at_ms,
				.last_request = p->request,
				.last_seq = p->seq,
				.board = p->board,
				.last_sum = people_sum(cell, p->color)};
	struct request request = {.number = p->request,
				  .seq = p->seq,
				  .placed_at_ms = p->placed_at_ms,
				  .cell = cell,
				  .board = p->board,
				  .color = p->color};
	int rc;

	if (record_is_restored(p))
		return 0;
	memcpy(person.user, p->user, sizeof(person.user));
	memcpy(request.user, p->user, sizeof(request.user));
	rc = on_person(r, &person);
	return rc < 0 ? rc : on_request(r, &request);
}

static int replay_change(struct restore *r, struct writer_board *b, const struct change *c,
			 bool replay)
{
	enum apply_verdict verdict;
	int rc = refill_apply(r->w, b, c, replay, &verdict);

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
	return rc == 0 && replay ? replay_person(r, p, cell.cell) : rc;
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

static int replay_epoch(struct writer_board *b, const struct record_epoch *e, bool replay)
{
	if (!replay)
		return 0; /* the log begins anew with the next placement that does not follow */
	if (e->epoch < b->live.epoch || e->first_seq <= b->live.seq)
		return -EBADMSG;
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
		return board_known(r, &record->board, &b);
	case RECORD_EPOCH:
		b = record->epoch.board < ROOMS_MAX ? w->boards[record->epoch.board] : NULL;
		return b != NULL ? replay_epoch(b, &record->epoch, replay) : -EBADMSG;
	case RECORD_PLACEMENT:
		return replay_cells(r, record, replay);
	case RECORD_ROLLBACK:
		b = record->rollback.board < ROOMS_MAX ? w->boards[record->rollback.board] : NULL;
		return b != NULL ? gather_begin(r, b, record->rollback.cells) : -EBADMSG;
	default:
		return 0; /* of a later version */
	}
}

static void on_report(void *arg, const char *sentence)
{
	(void)arg;
	log_warn("recovery note=\"%s\"", sentence);
}

/* --- rooms: what the settings name ------------------------------------------------------------ */

static struct writer_board *board_by_name(struct writer *w, const char *name)
{
	for (uint32_t i = 0; i < w->boards_end; i++)
		if (w->boards[i] != NULL && strcmp(w->boards[i]->meta.name, name) == 0)
			return w->boards[i];
	return NULL;
}

static int board_create(struct writer *w, const struct settings_board *s, struct writer_board **ret)
{
	struct record_board meta = {
		.width = s->width, .height = s->height, .bits = (uint8_t)s->bits};

	if (w->boards_end == ROOMS_MAX)
		return -ENOSPC;
	meta.board = (uint16_t)w->boards_end;
	snprintf(meta.name, sizeof(meta.name), "%s", s->name);
	return board_add(w, &meta, ret);
}

/* How many cells show a color that the palette does not have, and the first of them. */
static uint32_t cells_beyond(const struct board *board, unsigned colors, uint32_t *ret_first)
{
	uint32_t count = 0;

	if (colors == 1u << board_bits(board))
		return 0;
	for (uint32_t cell = board_cells(board); cell-- > 0;)
		if (board_get(board, cell) >= colors) {
			*ret_first = cell;
			count++;
		}
	return count;
}

/* Pages could not draw such a cell, and nobody could place its color again. */
static int palettes_check(struct restore *r)
{
	const struct settings *settings = r->w->config.settings;

	for (unsigned i = 0; i < settings->boards_count; i++) {
		const struct settings_board *s = &settings->boards[i];
		const struct writer_board *b = board_by_name(r->w, s->name);
		char sentence[400];
		uint32_t count, first = 0;

		count = b == NULL ? 0 : cells_beyond(b->live.board, s->colors, &first);
		if (count == 0)
			continue;
		snprintf(sentence, sizeof(sentence),
			 "board %s has %u cell%s in colors that the %u of the palette in the "
			 "settings do not reach (the first is %u,%u in color %u): give the palette "
			 "its colors back, or start with another --data directory",
			 s->name, count, count == 1 ? "" : "s", s->colors, first % b->meta.width,
			 first / b->meta.width, board_get(b->live.board, first));
		return restore_refuse(r, EXIT_CONFIG, sentence);
	}
	return 0;
}

static uint32_t room_tag(const struct room *room, uint64_t journal_id)
{
	const uint32_t size[] = {room->width, room->height, room->bits, room->palette_len};
	uint64_t hash = hash64(room->name, strlen(room->name), journal_id);

	hash = hash64(size, sizeof(size), hash);
	for (uint32_t i = 0; i < room->palette_len; i++) {
		const struct palette_color *color = &room->palette[i];

		hash = hash64(color->name, strlen(color->name), hash);
		hash = hash64(&color->rgb, sizeof(color->rgb), hash);
	}
	return (uint32_t)hash;
}

static void room_fill(struct room *room, const struct writer_board *b,
		      const struct settings_board *s, uint64_t journal_id)
{
	snprintf(room->name, sizeof(room->name), "%s", s->name);
	room->number = b->meta.board;
	room->width = s->width;
	room->height = s->height;
	room->bits = (uint8_t)s->bits;
	room->frozen = s->frozen;
	room->cooldown_ms = (uint32_t)s->cooldown_ms;
	room->palette_len = s->colors;
	for (unsigned i = 0; i < s->colors; i++) {
		snprintf(room->palette[i].name, sizeof(room->palette[i].name), "%s",
			 s->palette[i].name);
		room->palette[i].rgb = s->palette[i].rgb;
	}
	room->tag = room_tag(room, journal_id);
	atomic_store(&room->seq, b->live.seq);
	atomic_store(&room->epoch, b->live.epoch);
}

static int room_open(struct writer *w, struct writer_board *b, const struct settings_board *s)
{
	b->room = calloc(1, sizeof(*b->room));
	if (b->room == NULL)
		return -ENOMEM;
	room_fill(b->room, b, s, w->start.journal_id);
	b->live.seq_shown = &b->room->seq;
	refill_end(w, b);
	atomic_store(&b->room->logs[MESSAGE_BINARY], b->frames.logs[MESSAGE_BINARY]);
	w->rooms.at[b->meta.board] = b->room;
	if (b->meta.board >= w->rooms.end)
		w->rooms.end = b->meta.board + 1u;
	return 0;
}

/* A snapshot may know of placements that the journal has lost: those were never placed. */
static void memory_lose(struct writer *w)
{
	uint64_t seq[ROOMS_MAX] = {0};

	for (uint32_t i = 0; i < w->boards_end; i++)
		if (w->boards[i] != NULL)
			seq[i] = w->boards[i]->live.seq;
	requests_lose(w->requests, seq, w->boards_end);
	people_lose(w->people, seq, w->boards_end);
}

/* After a stop in which acknowledged placements may have been lost, clients may hold seqs that are
 * given out again for something else: a new epoch, above every number that can have been used. */
static void epochs_renew(struct writer *w)
{
	for (uint32_t i = 0; i < w->boards_end; i++) {
		struct writer_board *b = w->boards[i];

		if (b == NULL)
			continue;
		refill_epoch(b, b->live.epoch + 1, b->live.seq + RECORD_EPOCH_GAP);
		b->seq_numbered = b->live.seq;
		b->is_epoch_new = true;
	}
	log_warn("epoch_renewed why=\"placements that clients know may be lost: the last run did "
		 "not stop in order and did not sync every commit, or its files are gone\"");
}

/* A snapshot of record 0, as earlier versions left when no segment could be made, knows boards that
 * the journal does not. */
static void boards_forget_journal(struct writer *w)
{
	for (uint32_t i = 0; i < w->boards_end; i++)
		if (w->boards[i] != NULL) {
			w->boards[i]->is_journalled = false;
			w->boards[i]->is_epoch_new = true;
		}
}

static int rooms_open(struct writer *w)
{
	for (unsigned i = 0; i < w->config.settings->boards_count; i++) {
		const struct settings_board *s = &w->config.settings->boards[i];
		struct writer_board *b = board_by_name(w, s->name);
		int rc = 0;

		if (b == NULL) {
			log_info("board_new name=%s size=%ux%u:%u why=\"the data directory does "
				 "not have it\"",
				 s->name, s->width, s->height, s->bits);
			rc = board_create(w, s, &b);
			if (rc == 0) {
				apply_epoch(&b->live, 1, 0);
				b->is_epoch_new = true;
			}
		}
		if (rc == 0)
			rc = room_open(w, b, s);
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < w->boards_end; i++) {
		if (w->boards[i] == NULL)
			continue;
		if (w->boards[i]->room == NULL)
			log_warn("board_not_served name=%s why=\"the settings do not name it; its "
				 "data is kept\"",
				 w->boards[i]->meta.name);
	}
	return 0;
}

/* The same words wherever it was seen; with the place where the data is wrong. */
static int refusal_say(const struct restore *r, char why[static RECOVER_WHY_BYTES])
{
	char place[RECOVER_WHY_BYTES / 2];

	snprintf(place, sizeof(place), "%s", why);
	snprintf(why, RECOVER_WHY_BYTES, "%s%s%s", r->sentence,
		 r->exit_code == EXIT_DATA_WRONG ? ": " : "",
		 r->exit_code == EXIT_DATA_WRONG ? place : "");
	return r->exit_code;
}

int restore_run(struct writer *w, char why[static RECOVER_WHY_BYTES])
{
	struct restore r = {.w = w};
	struct recover_handler handler = {.arg = &r,
					  .board = on_board,
					  .person = on_person,
					  .request = on_request,
					  .record = on_record,
					  .report = on_report};
	struct recover_options options = {.history_records = refill_records(w->config.settings),
					  .read_only = w->config.read_only};
	struct recover_result result;
	int rc;

	if (getrandom(&options.fresh_journal_id, sizeof(options.fresh_journal_id), 0) !=
	    sizeof(options.fresh_journal_id))
		return EXIT_FAILED;
	options.fresh_journal_id |= 1;
	rc = recover_run(w->config.disk, &options, &handler, &result, why);
	free(r.gather.cells);
	if (r.is_refused)
		return refusal_say(&r, why);
	if (rc < 0)
		return rc == -EBADMSG ? EXIT_DATA_WRONG : EXIT_FAILED;
	w->start = result.start;
	w->lsn_applied = result.start.next_lsn - 1;
	w->snapshot_lsn = result.snapshot_lsn;
	if (w->lsn_applied == 0)
		boards_forget_journal(w);
	memory_lose(w);
	if (result.is_missing)
		log_error("journal_missing snapshot=%llu what=\"files of the journal are gone, and "
			  "with them history, maybe also placements\" remedy=\"stop, and restore "
			  "journal-*.seg from a copy\"",
			  (unsigned long long)result.snapshot_lsn);
	if (result.is_missing ||
	    (!result.is_new && !result.was_clean && result.last_sync != JOURNAL_SYNC_COMMIT))
		epochs_renew(w);
	questions_begin_tell(w, result.first_lsn, result.first_file);
	if (palettes_check(&r) < 0)
		return refusal_say(&r, why);
	rc = rooms_open(w);
	if (rc == -ENOSPC) {
		snprintf(why, RECOVER_WHY_BYTES,
			 "board: a data directory has at most %d, those that the settings do not "
			 "name any more too, and these would be more; give new ones another --data",
			 ROOMS_MAX);
		return EXIT_CONFIG;
	}
	if (rc < 0) {
		snprintf(why, RECOVER_WHY_BYTES, "the boards do not fit: %s", strerror(-rc));
		return EXIT_FAILED;
	}
	log_info("recovered lsn=%llu snapshot=%llu replayed=%llu clean=%s",
		 (unsigned long long)w->lsn_applied, (unsigned long long)result.snapshot_lsn,
		 (unsigned long long)result.replayed, result.was_clean ? "yes" : "no");
	return 0;
}

int restore_journal(struct writer *w)
{
	for (uint32_t i = 0; i < w->boards_end; i++) {
		struct writer_board *b = w->boards[i];
		struct record r = {.type = RECORD_BOARD};
		int rc = 0;

		if (b == NULL)
			continue;
		if (b->is_journalled && !b->is_epoch_new)
			continue;
		r.board = b->meta;
		if (!b->is_journalled)
			rc = journal_append(w->journal, &r);
		if (rc == 0 && b->is_epoch_new) {
			r.type = RECORD_EPOCH;
			r.epoch = (struct record_epoch){.first_seq = b->seq_numbered + 1,
							.epoch = b->live.epoch,
							.board = b->meta.board};
			rc = journal_append(w->journal, &r);
		}
		if (rc < 0)
			return rc;
		b->meta_lsn = journal_appended(w->journal);
		b->is_journalled = true;
		b->is_epoch_new = false;
	}
	return 0;
}

bool restore_is_journalled(const struct writer *w)
{
	for (uint32_t i = 0; i < w->boards_end; i++) {
		const struct writer_board *b = w->boards[i];

		if (b != NULL &&
		    (!b->is_journalled || b->is_epoch_new || b->meta_lsn > w->lsn_applied))
			return false;
	}
	return true;
}

void restore_dropped(struct writer *w)
{
	for (uint32_t i = 0; i < w->boards_end; i++) {
		struct writer_board *b = w->boards[i];

		if (b != NULL && b->meta_lsn > journal_settled(w->journal)) {
			b->is_journalled = false; /* saying it twice does no harm */
			b->is_epoch_new = true;
			b->meta_lsn = 0;
		}
	}
}
