/*
 * tool_verify.c - `pixeld verify`: do the newest snapshot, and the other copies asked for, equal
 * the boards that the journal makes?
 *
 * Each board of the snapshot is built again from the journal's beginning, or, if that is not kept,
 * from the snapshot before; both must have the same blocks. Before that, if no server is running,
 * the whole journal is read as a start would read it.
 */
#include <errno.h>
#include <inttypes.h>

#include "persist/recover/recover.h"
#include "persist/snapshot/snapshot.h"
#include "tools/pixeld/tool.h"

#define SNAPSHOTS_LOOKED_AT 16

const char tool_verify_usage[] =
	"usage: pixeld verify --data DIR [--server URL] [--postgres DSN]\n"
	"       compares the newest snapshot with the journal, block by block; with --server also\n"
	"       the boards in the memory of the server running on it (http://127.0.0.1:8080); "
	"with\n"
	"       --postgres also the board built from its rows, and that each seq occurs once;\n"
	"       exit code 3: they differ";

static const struct history_moment the_end = {UINT64_MAX, UINT64_MAX};

struct verify {
	struct tool tool;
	uint64_t snapshots[SNAPSHOTS_LOOKED_AT]; /* newest first */
	int snapshot_count;
	struct tool_boards boards;
	uint64_t upto_lsn; /* where the journal ends */
	bool differs;
};

static void sentence_print(void *arg, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "pixeld: %s\n", sentence);
}

/* As a start would read it: a tail that is torn is none of our business, damage is. */
static int journal_check(struct verify *v)
{
	const struct recover_options options = {
		.fresh_journal_id = 1, .history_records = UINT64_MAX, .read_only = true};
	const struct recover_handler handler = {.report = sentence_print};
	struct recover_result result;
	char why[RECOVER_WHY_BYTES];
	int rc;

	if (v->tool.server_runs)
		return EXIT_PASS;
	rc = recover_run(v->tool.disk, &options, &handler, &result, why);
	if (rc == 0)
		return EXIT_PASS;
	sentence_print(NULL, why);
	return rc == -EBADMSG ? EXIT_DATA_WRONG : EXIT_FAILED;
}

static int board_note(void *arg, const struct snapshot_board_read *read)
{
	struct verify *v = arg;

	if (v->boards.count < TOOL_BOARDS_MAX)
		v->boards.at[v->boards.count++] = read->meta;
	return 0;
}

static int person_skip(void *arg, const struct person *person)
{
	(void)arg;
	(void)person;
	return 0;
}

/* Its boards; the whole file is checked on the way. */
static int snapshot_note(struct verify *v)
{
	const struct snapshot_handler handler = {
		.arg = v, .board = board_note, .person = person_skip};
	char name[SNAPSHOT_NAME_BYTES], why[RECOVER_WHY_BYTES];
	struct snapshot_head head;
	int rc;

	snapshot_name(name, v->snapshots[0]);
	rc = snapshot_read(v->tool.disk, name, &handler, &head, why, sizeof(why));
	if (rc == 0)
		return EXIT_PASS;
	sentence_print(NULL, why);
	return rc == -EBADMSG ? EXIT_DATA_WRONG : EXIT_FAILED;
}

static int replay(struct verify *v, struct history_board *b, const struct history_moment *moment)
{
	int rc = 1;

	while (rc == 1)
		rc = history_board_step(v->tool.history, b, moment);
	return rc;
}

/* The board from the journal, as it was at the snapshot; where from, in `ret_from`. */
static int board_rebuild(struct verify *v, struct history_board *b, const char **ret_from)
{
	int rc = history_board_begin_at(v->tool.history, b, 0);

	*ret_from = "from its beginning";
	if (rc == 0)
		rc = replay(v, b, &the_end);
	for (int i = 1; rc == 0 && b->board == NULL && i < v->snapshot_count; i++) {
		*ret_from = "on from the snapshot before";
		rc = history_board_begin_at(v->tool.history, b, v->snapshots[i]);
		if (rc == 0)
			rc = replay(v, b, &the_end);
		else if (rc == -ENODATA)
			rc = 0;
	}
	return rc;
}

bool tool_boards_equal(struct history_board *journal, struct board *other, const char *other_name)
{
	uint64_t per_block = (uint64_t)BOARD_BLOCK_BYTES * 8 / journal->meta.bits;
	uint32_t different = 0;

	for (uint32_t i = 0; i < board_blocks(journal->board); i++) {
		uint64_t one = board_block_hash(journal->board, i),
			 two = board_block_hash(other, i);

		if (one == two)
			continue;
		different++;
		printf("board %s: block %u (cells from %" PRIu64
		       " on) differs: the journal %016" PRIx64 ", %s %016" PRIx64 "\n",
		       journal->meta.name, i, i * per_block, one, other_name, two);
	}
	if (different == 0)
		printf("board %s: seq %" PRIu64 ", epoch %u: the journal and %s are equal: %u "
		       "blocks, hash %016" PRIx64 "\n",
		       journal->meta.name, journal->seq, journal->epoch, other_name,
		       board_blocks(journal->board), board_hash(journal->board));
	return different == 0;
}

static void boards_compare(struct verify *v, struct history_board *want, struct history_board *got,
			   const char *from)
{
	char name[96];

	snprintf(name, sizeof(name), "the snapshot of record %" PRIu64 " (journal read %s)",
		 v->snapshots[0], from);
	if (got->meta.width != want->meta.width || got->meta.height != want->meta.height ||
	    got->meta.bits != want->meta.bits) {
		v->differs = true;
		printf("board %s: it has another size in the journal\n", want->meta.name);
	} else if (!tool_boards_equal(got, want->board, name)) {
		v->differs = true;
	}
	if (got->seq != want->seq || got->epoch != want->epoch) {
		v->differs = true;
		printf("board %s: the snapshot is at seq %" PRIu64
		       " of epoch %u, the journal at seq "
		       "%" PRIu64 " of epoch %u\n",
		       want->meta.name, want->seq, want->epoch, got->seq, got->epoch);
	}
}

/* What comes behind the snapshot, too: the board as a start would have it. */
static int board_end_say(struct verify *v, struct history_board *b)
{
	int rc = history_look(v->tool.history, v->upto_lsn);

	if (rc == 0)
		rc = replay(v, b, &the_end);
	if (rc == 0 && b->board != NULL)
		printf("board %s: at the journal's end: seq %" PRIu64 ", epoch %u, hash %016" PRIx64
		       "\n",
		       b->meta.name, b->seq, b->epoch, board_hash(b->board));
	return rc;
}

static int board_verify(struct verify *v, uint16_t number)
{
	struct history_board want, got;
	const char *from = "";
	int rc = history_look(v->tool.history, v->snapshots[0]);

	history_board_init(&want, number);
	history_board_init(&got, number);
	if (rc == 0)
		rc = history_board_begin_at(v->tool.history, &want, v->snapshots[0]);
	if (rc == 0)
		rc = board_rebuild(v, &got, &from);
	if (rc == 0 && got.board != NULL)
		boards_compare(v, &want, &got, from);
	else if (rc == 0)
		printf("board %s: not compared: the journal from before the snapshot is not "
		       "kept\n",
		       want.meta.name);
	if (rc == 0)
		rc = board_end_say(v, got.board != NULL ? &got : &want);
	history_board_fini(&want);
	history_board_fini(&got);
	return rc;
}

static int record_note(void *arg, uint64_t lsn, const struct record *record)
{
	struct verify *v = arg;

	(void)lsn;
	if (record->type != RECORD_BOARD)
		return 0;
	for (uint32_t i = 0; i < v->boards.count; i++)
		if (v->boards.at[i].board == record->board.board)
			return 0;
	if (v->boards.count < TOOL_BOARDS_MAX)
		v->boards.at[v->boards.count++] = record->board;
	return 0;
}

/* The boards of the journal that the newest snapshot, if one was read, does not have. */
static int journal_note(struct verify *v)
{
	const struct history_handler handler = {
		.arg = v, .record = record_note, .gap = tool_gap_say};
	struct history_cursor cursor = {.next_lsn = history_first(v->tool.history)};
	int rc = 1;

	if (v->boards.count > 0 && cursor.next_lsn <= v->snapshots[0])
		cursor.next_lsn = v->snapshots[0] + 1;
	while (rc == 1)
		rc = history_step(v->tool.history, &cursor, &handler);
	return rc;
}

/* Of two codes. What differs is told, whatever else could not be looked at. */
static int worse(int one, int other)
{
	if (one == EXIT_DATA_WRONG || other == EXIT_DATA_WRONG)
		return EXIT_DATA_WRONG;
	return one > other ? one : other;
}

/* One that is not asked for says EXIT_PASS. The worst of all. */
static int others_verify(struct verify *v)
{
	int rc = history_look(v->tool.history, v->upto_lsn), worst = EXIT_PASS;

	if (rc == 0 && (v->tool.server != NULL || v->tool.postgres != NULL))
		rc = journal_note(v);
	if (rc < 0)
		return tool_fail_disk(&v->tool, rc);
	if (v->tool.server != NULL)
		worst = tool_verify_server(&v->tool, &v->boards);
	rc = v->tool.postgres != NULL ? tool_verify_postgres(&v->tool, &v->boards) : EXIT_PASS;
	return worse(rc, worst);
}

static int snapshot_verify(struct verify *v)
{
	int rc;

	v->snapshot_count = snapshot_list(v->tool.disk, v->snapshots, SNAPSHOTS_LOOKED_AT);
	if (v->snapshot_count < 0)
		return tool_fail_disk(&v->tool, v->snapshot_count);
	if (v->snapshot_count == 0) {
		printf("there is no snapshot yet: nothing to compare the journal with\n");
		return EXIT_PASS;
	}
	rc = snapshot_note(v);
	if (rc != EXIT_PASS)
		return rc;
	if (v->upto_lsn < v->snapshots[0])
		v->upto_lsn = v->snapshots[0];
	for (uint32_t i = 0; rc == 0 && i < v->boards.count; i++)
		rc = board_verify(v, v->boards.at[i].board);
	if (rc < 0)
		return tool_fail_disk(&v->tool, rc);
	return v->differs ? EXIT_DATA_WRONG : EXIT_PASS;
}

static int verify_run(struct verify *v)
{
	int rc = journal_check(v);

	v->upto_lsn = history_upto(v->tool.history);
	if (rc == EXIT_PASS)
		rc = snapshot_verify(v);
	if (rc == EXIT_PASS || rc == EXIT_DATA_WRONG)
		rc = worse(rc, others_verify(v));
	return rc;
}

int tool_verify(int argc, char **argv)
{
	static struct verify v;
	int rc;

	v = (struct verify){.tool = {.usage = tool_verify_usage}};
	rc = tool_parse(&v.tool, argc, argv, TOOL_POSTGRES | TOOL_SERVER);
	if (rc != EXIT_PASS)
		return rc;
	rc = tool_open(&v.tool);
	if (rc == EXIT_PASS)
		rc = verify_run(&v);
	tool_close(&v.tool);
	return rc;
}
