/*
 * tool_import.c - `pixeld import`: a CSV file becomes the history of a new board.
 *
 *	the file is read and checked whole ──▶ recovery ──▶ the journal, as a server writes it
 *
 * Nothing is written before every line was found good. What is written then is durable from the
 * first batch on: after a crash the board has the beginning of the file, and the same command
 * continues after it, if what is there is that beginning. The lock keeps servers out while it runs,
 * and a mark keeps them from serving the board until it is complete.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/room.h"
#include "persist/journal/journal.h"
#include "persist/journal/keeper.h"
#include "persist/recover/recover.h"
#include "server/data_dir.h"
#include "server/import_mark.h"
#include "tools/pixeld/placements_csv.h"
#include "tools/pixeld/tool.h"

#define EVENTS_PER_REAP 16
#define FIRST_EPOCH     1

const char tool_import_usage[] =
	"usage: pixeld import FILE --data DIR [--board NAME[:WxH:BITS]] [--config FILE]\n"
	"       imports a CSV file (from pixeld export, or of r/place 2022) as a new board;\n"
	"       stop the server first";

struct import {
	struct tool tool;
	struct settings *settings;
	struct settings_board *board; /* size, palette */
	FILE *in;
	struct placements_csv csv;
	uint64_t rows;   /* in the file */
	uint64_t there;  /* of them in the journal already */
	uint64_t epochs; /* of the board in the journal */
	/* what recovery found */
	struct recover_result result;
	struct record_board meta; /* of the board; its number is the next one, when it is new */
	uint16_t next_number;
	bool exists;
	bool other; /* what the journal has is not the beginning of the file */
	/* the journal */
	struct ring *ring;
	struct keeper *keeper;
	struct journal *journal;
};

/* --- the file --------------------------------------------------------------------------------- */

static int file_rewind(struct import *i)
{
	placements_csv_fini(&i->csv);
	rewind(i->in);
	if (placements_csv_init(&i->csv, i->in, i->board) < 0)
		return tool_fail(EXIT_FAILED, "%s, %s", i->tool.file, i->csv.why);
	return EXIT_PASS;
}

static int file_judge(struct import *i)
{
	struct record_placement p;
	int rc;

	i->in = fopen(i->tool.file, "re");
	if (i->in == NULL)
		return tool_fail(EXIT_FAILED, "%s: %s", i->tool.file, strerror(errno));
	rc = file_rewind(i);
	if (rc != EXIT_PASS)
		return rc;
	while ((rc = placements_csv_next(&i->csv, &p)) == 1)
		i->rows++;
	if (rc < 0)
		return tool_fail(EXIT_FAILED, "%s, %s. Nothing was changed", i->tool.file,
				 i->csv.why);
	return file_rewind(i);
}

/* The board by --board and the settings. */
static int board_choose(struct import *i)
{
	char pixeld[] = "pixeld", flag[] = "--board", config[] = "--config",
	     why[SETTINGS_WHY_CHARS];
	bool with_size = strchr(i->tool.board, ':') != NULL;
	size_t name_len = strcspn(i->tool.board, ":");
	char *argv[6] = {pixeld};
	int argc = 1, code;

	if (with_size) {
		argv[argc++] = flag;
		argv[argc++] = (char *)(uintptr_t)i->tool.board;
	}
	if (i->tool.config != NULL) {
		argv[argc++] = config;
		argv[argc++] = (char *)(uintptr_t)i->tool.config;
	}
	code = settings_load(argc, argv, environ, &i->settings, why);
	if (code != EXIT_PASS)
		return tool_fail((enum exit_code)code, "%s", why);
	for (unsigned k = 0; k < i->settings->boards_count; k++) {
		struct settings_board *b = &i->settings->boards[k];

		if (strlen(b->name) == name_len && memcmp(b->name, i->tool.board, name_len) == 0)
			i->board = b;
	}
	if (i->board == NULL)
		return tool_fail(
			EXIT_USAGE,
			"the settings have no board %s: give its size, --board %s:1000x1000:4",
			i->tool.board, i->tool.board);
	return EXIT_PASS;
}

/* --- what is there ---------------------------------------------------------------------------- */

static int board_see(struct import *i, const struct record_board *meta)
{
	if (meta->board >= i->next_number)
		i->next_number = (uint16_t)(meta->board + 1);
	if (strcmp(meta->name, i->board->name) != 0)
		return 0;
	i->exists = true;
	i->meta = *meta;
	return 0;
}

static int on_board(void *arg, const struct snapshot_board_read *read)
{
	return board_see(arg, &read->meta);
}

static int on_person(void *arg, const struct person *person)
{
	(void)arg;
	(void)person;
	return 0;
}

static int on_record(void *arg, uint64_t lsn, const struct record *record, bool replay)
{
	(void)lsn;
	(void)replay;
	return record->type == RECORD_BOARD ? board_see(arg, &record->board) : 0;
}

static void on_report(void *arg, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "pixeld: %s\n", sentence);
}

static int directory_recover(struct import *i)
{
	struct recover_options options = {.history_records = 0};
	const struct recover_handler handler = {.arg = i,
						.board = on_board,
						.person = on_person,
						.record = on_record,
						.report = on_report};
	char why[RECOVER_WHY_BYTES];
	int rc;

	if (getrandom(&options.fresh_journal_id, sizeof(options.fresh_journal_id), 0) !=
	    sizeof(options.fresh_journal_id))
		return tool_fail(EXIT_FAILED, "the system has no randomness");
	options.fresh_journal_id |= 1;
	rc = recover_run(i->tool.disk, &options, &handler, &i->result, why);
	if (rc < 0)
		return tool_fail(rc == -EBADMSG ? EXIT_DATA_WRONG : EXIT_FAILED, "%s", why);
	if (i->result.is_missing ||
	    (!i->result.was_clean && i->result.last_sync != JOURNAL_SYNC_COMMIT))
		return tool_fail(EXIT_FAILED,
				 "%s: the last run did not stop cleanly and did not sync every "
				 "commit: start the server once and stop it, then import",
				 i->tool.data);
	return EXIT_PASS;
}

/* The journal's placements of the board beside the file's, one by one. */
static void placement_compare(struct import *i, const struct record_placement *p)
{
	struct record_placement want;

	i->there++;
	i->other = placements_csv_next(&i->csv, &want) != 1 || p->seq != i->there ||
		   p->x != want.x || p->y != want.y || p->color != want.color ||
		   p->placed_at_ms != want.placed_at_ms ||
		   memcmp(p->user, want.user, sizeof(want.user)) != 0;
}

static int record_compare(void *arg, uint64_t lsn, const struct record *record)
{
	struct import *i = arg;
	struct record_cells cells = {record, 0};
	const struct record_placement *p;

	(void)lsn;
	if (record->type == RECORD_EPOCH && record->epoch.board == i->meta.board)
		i->epochs++;
	while (!i->other && (p = record_cells_next(&cells)) != NULL && p->board == i->meta.board)
		placement_compare(i, p);
	return i->other ? HISTORY_STOP : 0;
}

static void gap_note(void *arg, uint64_t first_lsn, uint64_t last_lsn)
{
	struct import *i = arg;

	(void)first_lsn;
	(void)last_lsn;
	i->other = true;
}

/* Afterwards the file stands behind what the journal has. */
static int beginning_compare(struct import *i)
{
	const struct history_handler handler = {
		.arg = i, .record = record_compare, .gap = gap_note};
	struct history_cursor c = {.next_lsn = 1};
	int rc = history_new(i->tool.disk, &i->tool.history);

	if (rc == 0)
		rc = history_look(i->tool.history, i->result.start.next_lsn - 1);
	for (rc = rc == 0 ? 1 : rc; rc == 1;)
		rc = history_step(i->tool.history, &c, &handler);
	if (rc < 0)
		return tool_fail_disk(&i->tool, rc);
	if (i->other || i->epochs > 1)
		return tool_fail(EXIT_FAILED,
				 "%s: there is a board %s already, and its content is not the "
				 "beginning of this file: choose another name. Nothing was changed",
				 i->tool.data, i->board->name);
	return EXIT_PASS;
}

static int board_prepare(struct import *i)
{
	const struct settings_board *b = i->board;

	if (!i->exists) {
		if (i->next_number >= ROOMS_MAX)
			return tool_fail(EXIT_FAILED, "%s: it has %d boards already", i->tool.data,
					 ROOMS_MAX);
		i->meta = (struct record_board){.width = b->width,
						.height = b->height,
						.board = i->next_number,
						.bits = (uint8_t)b->bits};
		snprintf(i->meta.name, sizeof(i->meta.name), "%s", b->name);
		return EXIT_PASS;
	}
	if (i->meta.width != b->width || i->meta.height != b->height || i->meta.bits != b->bits)
		return tool_fail(EXIT_CONFIG, "%s: the board %s is %ux%u:%u there", i->tool.data,
				 b->name, i->meta.width, i->meta.height, i->meta.bits);
	return beginning_compare(i);
}

/* --- the journal ------------------------------------------------------------------------------ */

static void wake_nobody(void *arg)
{
	(void)arg; /* one thread turns everything */
}

static int journal_begin(struct import *i)
{
	const struct ring_config ring = {.sq_entries = 8, .cq_entries = 16};
	const struct keeper_config keeper = {.disk = i->tool.disk, .wake_writer = wake_nobody};
	const struct journal_config journal = {.segment_bytes = i->settings->journal_segment_bytes,
					       .batch_bytes_max = JOURNAL_BATCH_BYTES_DEFAULT,
					       .sync = JOURNAL_SYNC_COMMIT};
	int rc = ring_open(&ring, &i->ring);

	if (rc < 0)
		return tool_fail(exit_code_of_ring(rc), "io_uring: %s", ring_open_remedy(rc));
	rc = keeper_new(&keeper, &i->keeper);
	if (rc == 0)
		rc = journal_new(&journal, &i->result.start, i->ring, i->keeper, &i->journal);
	return rc < 0 ? tool_fail(EXIT_FAILED, "the journal cannot be started: %s", strerror(-rc))
		      : EXIT_PASS;
}

/* 0, or -errno: the disk does not take more. */
static int journal_run(struct import *i)
{
	struct ring_event events[EVENTS_PER_REAP];
	struct now now = clock_now();
	uint32_t count = ring_reap(i->ring, events, EVENTS_PER_REAP);

	for (uint32_t k = 0; k < count; k++)
		journal_done(i->journal, events[k].tag, events[k].res, now);
	journal_turn(i->journal, now);
	ring_submit(i->ring);
	if (keeper_turn(i->keeper, now) != 0)
		ring_wait(i->ring, NS_PER_MS);
	if (journal_take_drop(i->journal) || journal_state(i->journal) == JOURNAL_REFUSING)
		return journal_error(i->journal) < 0 ? journal_error(i->journal) : -EIO;
	return 0;
}

static int record_append(struct import *i, const struct record *r)
{
	int rc;

	while ((rc = journal_append(i->journal, r)) == -ENOBUFS) {
		rc = journal_run(i);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int board_append(struct import *i)
{
	struct record r = {.type = RECORD_BOARD, .board = i->meta};
	int rc = 0;

	if (!i->exists)
		rc = record_append(i, &r);
	if (rc < 0 || i->epochs > 0)
		return rc;
	r.type = RECORD_EPOCH;
	r.epoch =
		(struct record_epoch){.first_seq = 1, .epoch = FIRST_EPOCH, .board = i->meta.board};
	return record_append(i, &r);
}

static int rows_append(struct import *i)
{
	struct record r = {.type = RECORD_PLACEMENT};
	uint64_t seq = i->there;
	int rc = board_append(i);

	while (rc == 0 && placements_csv_next(&i->csv, &r.placement) == 1) {
		r.placement.seq = ++seq;
		r.placement.epoch = FIRST_EPOCH;
		r.placement.board = i->meta.board;
		rc = record_append(i, &r);
	}
	if (rc == 0)
		journal_stop(i->journal);
	while (rc == 0 && journal_state(i->journal) != JOURNAL_CLOSED)
		rc = journal_run(i);
	if (rc < 0)
		return tool_fail(EXIT_FAILED, "%s: %s (%s). The same command continues from there",
				 i->tool.data, strerror(-rc), disk_open_remedy(rc));
	if (seq != i->rows)
		return tool_fail(EXIT_FAILED, "%s: it was changed while it was read", i->tool.file);
	return EXIT_PASS;
}

static int mark_clear(struct import *i)
{
	int rc = import_mark_clear(i->tool.disk, i->board->name);

	return rc < 0 ? tool_fail_disk(&i->tool, rc) : EXIT_PASS;
}

/* From the mark to its end no server serves the board. */
static int rows_bring(struct import *i)
{
	int rc = import_mark_set(i->tool.disk, i->board->name);

	if (rc < 0)
		return tool_fail_disk(&i->tool, rc);
	rc = rows_append(i);
	return rc == EXIT_PASS ? mark_clear(i) : rc;
}

/* Opens the directory, with its lock; one that is made is told before: it may be mistyped. */
static int directory_open(struct import *i)
{
	char path[DATA_DIR_PATH_CHARS];
	struct disk *before = NULL;
	int rc = disk_open(i->tool.data, 0, 0, &before);

	if (rc == 0)
		disk_close(before);
	data_dir_path(i->tool.data, path);
	if (rc == -ENOENT)
		fprintf(stderr, "pixeld: %s: there is no such directory yet: it is created\n",
			path);
	rc = disk_open(i->tool.data, 1, 1, &i->tool.disk);
	return rc < 0 ? tool_fail_disk(&i->tool, rc) : EXIT_PASS;
}

static int import_run(struct import *i)
{
	int rc = board_choose(i);

	if (rc == EXIT_PASS)
		rc = file_judge(i);
	if (rc == EXIT_PASS)
		rc = directory_open(i);
	if (rc == EXIT_PASS)
		rc = directory_recover(i);
	if (rc == EXIT_PASS)
		rc = board_prepare(i);
	if (rc == EXIT_PASS && i->epochs > 0 && i->there == i->rows) {
		rc = mark_clear(i);
		if (rc == EXIT_PASS)
			printf("board %s has all %" PRIu64 " placements already\n", i->board->name,
			       i->rows);
		return rc;
	}
	if (rc == EXIT_PASS)
		rc = journal_begin(i);
	if (rc == EXIT_PASS)
		rc = rows_bring(i);
	if (rc == EXIT_PASS)
		printf("board %s: %" PRIu64 " placements imported\n", i->board->name,
		       i->rows - i->there);
	return rc;
}

int tool_import(int argc, char **argv)
{
	struct import i = {.tool = {.usage = tool_import_usage}};
	int rc = tool_parse(&i.tool, argc, argv, TOOL_BOARD | TOOL_CONFIG | TOOL_FILE);

	if (rc != EXIT_PASS)
		return rc;
	rc = import_run(&i);
	ring_close(i.ring); /* first: after a failure something may be in flight */
	journal_free(i.journal);
	keeper_free(i.keeper);
	placements_csv_fini(&i.csv);
	if (i.in != NULL)
		(void)fclose(i.in);
	settings_free(i.settings);
	tool_close(&i.tool);
	return rc;
}
