/*
 * restore.c - the start: boards, people and logs from what is on the disk.
 *
 * Runs before any other thread. Boards that are on the disk but not in the settings are kept,
 * journalled and snapshotted, but not served. Boards in the settings that are not on the disk are
 * new, and get their records as soon as the journal runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/log.h"
#include "writer/restore_priv.h"

int restore_refuse(struct restore *r, int exit_code, const char *sentence)
{
	px_assert(!r->is_refused); /* the first reason ends the recovery */
	px_assert(exit_code != EXIT_PASS);
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
	px_assert(b->live.changed_max > 0 && b->live.changed_max <= FRAME_CELLS_MAX);
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

	px_assert(b->room == NULL && b->refill == NULL && b->live.epoch == 0);
	if (rc < 0 || w->config.check_only)
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

	px_assert(meta->board < ROOMS_MAX && w->boards[meta->board] == NULL); /* one's for ever */
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
int restore_board(struct restore *r, const struct record_board *meta, struct writer_board **ret)
{
	const struct settings_board *s = settings_of(r->w, meta->name);
	char why[FACE_WHY_BYTES];
	int rc;

	if (meta->board >= ROOMS_MAX)
		return restore_refuse(r, EXIT_FAILED,
				      "the data names more boards than this version serves");
	if (s != NULL && !faces_size_fits(meta, s, why))
		return restore_refuse(r, EXIT_CONFIG, why);
	if (r->w->boards[meta->board] != NULL) {
		*ret = r->w->boards[meta->board];
		return 0;
	}
	rc = board_add(r->w, meta, ret);
	if (rc == 0)
		(*ret)->is_journalled = true;
	return rc;
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

	px_assert(board_by_name(w, s->name) == NULL); /* a name has one number for ever */
	if (w->boards_end == ROOMS_MAX)
		return -ENOSPC;
	meta.board = (uint16_t)w->boards_end;
	snprintf(meta.name, sizeof(meta.name), "%s", s->name);
	return board_add(w, &meta, ret);
}

/* Pages could not draw such a cell, and nobody could place its color again. */
static int palettes_check(struct restore *r)
{
	const struct settings *settings = r->w->config.settings;

	for (unsigned i = 0; i < settings->boards_count; i++) {
		const struct settings_board *s = &settings->boards[i];
		const struct writer_board *b = board_by_name(r->w, s->name);
		char why[FACE_WHY_BYTES];

		px_assert(s->colors <= 1u << s->bits); /* the settings were checked */
		if (b != NULL && !faces_palette_fits(r->w, b, s, why))
			return restore_refuse(r, EXIT_CONFIG, why);
	}
	return 0;
}

static int room_open(struct writer *w, struct writer_board *b, const struct settings_board *s)
{
	int rc = faces_make(w, b, s, &b->face);

	px_assert(b->room == NULL && b->refill != NULL); /* log_begin(): the settings name it */
	if (rc < 0)
		return rc;
	b->room = calloc(1, sizeof(*b->room));
	if (b->room == NULL)
		return -ENOMEM;
	b->room->kind = ROOM_BOARD;
	b->room->number = b->meta.board;
	snprintf(b->room->name, sizeof(b->room->name), "%s", b->meta.name);
	atomic_store(&b->room->face, b->face);
	atomic_store(&b->room->seq, b->live.seq);
	atomic_store(&b->room->epoch, b->live.epoch);
	b->live.seq_shown = &b->room->seq;
	cut_face_told(b, MESSAGE_BINARY); /* to whoever subscribes */
	refill_end(w, b);
	room_log_count(b->frames.logs[MESSAGE_BINARY], &w->rooms.frames);
	atomic_store(&b->room->logs[MESSAGE_BINARY], b->frames.logs[MESSAGE_BINARY]);
	busy_status_at(w, b, w->now.mono_ns);
	w->rooms.at[b->meta.board] = b->room;
	if (b->meta.board >= w->rooms.end)
		w->rooms.end = b->meta.board + 1u;
	return 0;
}

void restore_lose(struct writer *w, const struct writer_board *of)
{
	uint64_t seq[ROOMS_MAX];

	px_assert(w->journal == NULL); /* before anybody places */
	if (w->config.check_only)
		return;
	for (uint32_t i = 0; i < w->boards_end; i++) {
		const struct writer_board *b = w->boards[i];

		if (of == NULL || b == of)
			seq[i] = b != NULL ? b->live.seq : 0;
		else
			seq[i] = UINT64_MAX;
	}
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
		px_assert(b->room == NULL); /* before anybody can have seen the old one */
		refill_epoch(b, b->live.epoch + 1, b->live.seq + RECORD_EPOCH_GAP);
		b->seq_numbered = b->live.seq;
		b->is_epoch_new = true;
	}
	log_warn("epoch_renewed why=\"placements that clients know may be lost: the last run did "
		 "not stop cleanly and did not sync every commit, or its files are gone\"");
}

/* A snapshot of record 0, as earlier versions left when no segment could be made, knows boards that
 * the journal does not. */
static void boards_forget_journal(struct writer *w)
{
	px_assert(w->lsn_applied == 0 && w->journal == NULL);
	for (uint32_t i = 0; i < w->boards_end; i++)
		if (w->boards[i] != NULL) {
			w->boards[i]->is_journalled = false;
			w->boards[i]->is_epoch_new = true;
		}
}

/* Boards in the settings that are not on the disk are made here. */
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
		if (rc == 0 && !w->config.check_only)
			rc = room_open(w, b, s);
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < w->boards_end; i++) {
		if (w->boards[i] == NULL || w->config.check_only)
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

/* What recovery found: where the journal goes on, and what was lost before this start. */
static void restored_take(struct writer *w, const struct recover_result *result)
{
	w->start = result->start;
	w->lsn_applied = result->start.next_lsn - 1;
	w->snapshot_lsn = result->snapshot_lsn;
	if (w->lsn_applied == 0)
		boards_forget_journal(w);
	restore_lose(w, NULL);
	if (!w->config.check_only)
		requests_restore_end(w->requests);
	if (result->is_missing)
		log_error("journal_missing snapshot=%llu what=\"files of the journal are gone, and "
			  "with them history, maybe also placements\" remedy=\"stop, and restore "
			  "journal-*.seg from a copy\"",
			  (unsigned long long)result->snapshot_lsn);
	if (result->is_missing ||
	    (!result->is_new && !result->was_clean && result->last_sync != JOURNAL_SYNC_COMMIT))
		epochs_renew(w);
	questions_begin_tell(w, result->first_lsn, result->first_file);
}

int restore_run(struct writer *w, char why[static RECOVER_WHY_BYTES])
{
	struct restore r = {.w = w};
	struct recover_handler handler = replay_handler(&r);
	struct recover_options options = {.history_records = refill_records(w->config.settings),
					  .read_only = w->config.read_only};
	struct recover_result result;
	int rc;

	px_assert(w->journal == NULL); /* it goes on from what is found here */
	if (getrandom(&options.fresh_journal_id, sizeof(options.fresh_journal_id), 0) !=
	    sizeof(options.fresh_journal_id))
		return EXIT_FAILED;
	options.fresh_journal_id |= 1;
	rc = recover_run(w->config.disk, &options, &handler, &result, why);
	replay_free(&r);
	if (r.is_refused)
		return refusal_say(&r, why);
	if (rc < 0)
		return rc == -EBADMSG ? EXIT_DATA_WRONG : EXIT_FAILED;
	if (replay_is_inside(&r)) {
		snprintf(why, RECOVER_WHY_BYTES,
			 "%s: the journal ends inside a rollback, which must be complete or "
			 "absent. Restore its files from a copy.",
			 disk_path(w->config.disk));
		return EXIT_DATA_WRONG;
	}
	restored_take(w, &result);
	if (palettes_check(&r) < 0)
		return refusal_say(&r, why);
	rc = rooms_open(w);
	if (rc == -ENOSPC) {
		snprintf(why, RECOVER_WHY_BYTES,
			 "board: a data directory has at most %d, including those that are no "
			 "longer in the settings, and these would be more; put new ones in another "
			 "--data directory",
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
	if (w->metas_are_written)
		return 0;
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
		px_assert(b->seq_numbered == b->live.seq); /* in front of the first placement */
		b->meta_lsn = journal_appended(w->journal);
		b->is_journalled = true;
		b->is_epoch_new = false;
	}
	w->metas_are_written = true;
	return 0;
}

bool restore_is_journalled(struct writer *w)
{
	if (w->metas_are_settled)
		return true;
	for (uint32_t i = 0; i < w->boards_end; i++) {
		const struct writer_board *b = w->boards[i];

		if (b != NULL &&
		    (!b->is_journalled || b->is_epoch_new || b->meta_lsn > w->lsn_applied))
			return false;
	}
	w->metas_are_settled = true;
	return true;
}

void restore_dropped(struct writer *w)
{
	for (uint32_t i = 0; i < w->boards_end; i++) {
		struct writer_board *b = w->boards[i];

		if (b != NULL && b->meta_lsn > journal_settled(w->journal)) {
			px_assert(b->seq_numbered == b->live.seq); /* what stood behind went too */
			b->is_journalled = false; /* saying it twice does no harm */
			b->is_epoch_new = true;
			b->meta_lsn = 0;
			w->metas_are_written = w->metas_are_settled = false;
		}
	}
}
