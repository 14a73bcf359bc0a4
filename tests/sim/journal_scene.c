/* journal_scene.c - see journal_scene.h. */
#include "tests/sim/journal_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/assert.h"
#include "tests/prng.h"

#define TURNS_MAX 2000
#define TURN_NS   (1 * NS_PER_MS)

void scene_begin(struct scene *s, uint64_t seed, enum journal_sync sync)
{
	memset(s, 0, sizeof(*s));
	s->random = seed;
	s->sync = sync;
	s->now.mono_ns = NS_PER_SEC;
	s->now.wall_ms = 1700000000000;
	disk_sim_begin(seed);
	ring_sim_begin(NULL, &disk_sim_for_ring, seed);
}

void scene_end(struct scene *s)
{
	if (s->journal != NULL)
		scene_crash(s, false);
	ring_sim_end();
	disk_sim_end();
}

/* --- the model ------------------------------------------------------------------------------ */

static struct record record_of(uint64_t id)
{
	struct record r = {.type = RECORD_PLACEMENT};

	r.placement.seq = id;
	r.placement.request = id * 31;
	r.placement.x = (uint16_t)(id % SCENE_CELLS);
	r.placement.color = (uint8_t)id;
	r.placement.placed_at_ms = UINT64_MAX - id; /* ends a batch with bytes that are not zero */
	return r;
}

static void fold(uint8_t board[static SCENE_CELLS], uint64_t id)
{
	if (id != 0) /* else one that sets no cell */
		board[id % SCENE_CELLS] = (uint8_t)id;
}

static int on_board(void *arg, const struct snapshot_board_read *board)
{
	struct scene *s = arg;

	assert_string_equal(board->meta.name, "main");
	assert_int_equal(board->len, SCENE_CELLS);
	memcpy(s->board, board->bytes, SCENE_CELLS);
	return 0;
}

static int on_person(void *arg, const struct person *person)
{
	struct scene *s = arg;

	assert_int_equal(person->last_seq, s->people_seen + 1);
	s->people_seen++;
	return 0;
}

static int on_record(void *arg, uint64_t lsn, const struct record *record, bool replay)
{
	struct scene *s = arg;
	uint64_t id = record->type == SCENE_OTHER_TYPE ? 0 : record->placement.seq;

	if (id == 0) {
		for (unsigned i = 0; i < record->other.len; i++)
			assert_int_equal(record->other.body[i], SCENE_OTHER_BYTE);
	} else {
		assert_int_equal(record->type, RECORD_PLACEMENT);
		assert_int_equal(record->placement.request, id * 31);
	}
	assert_true(lsn < SCENE_RECORDS_MAX);
	if (lsn <= s->told)
		assert_int_equal(id, s->ids[lsn]);
	if (s->last_seen != 0 && s->replayed > 0) /* what is older may have gaps */
		assert_int_equal(lsn, s->last_seen + 1);
	s->ids[lsn] = id;
	if (s->first_seen == 0)
		s->first_seen = lsn;
	s->last_seen = lsn;
	if (!replay)
		return 0;
	s->replayed++;
	fold(s->board, id);
	return 0;
}

static void on_report(void *arg, const char *sentence)
{
	struct scene *s = arg;

	assert_true(strlen(sentence) > 20);
	s->reports++;
}

/* What was told and is not there is lost; the board is what is there. */
static void compare(struct scene *s)
{
	uint8_t want[SCENE_CELLS] = {0};
	uint64_t last = s->result.start.next_lsn - 1;

	if (last < s->told) {
		s->lost += s->told - last;
		s->told = last;
	}
	for (uint64_t lsn = 1; lsn <= last; lsn++)
		fold(want, s->ids[lsn]);
	assert_memory_equal(s->board, want, SCENE_CELLS);
	s->told = last;
}

int scene_recover(struct scene *s, bool read_only)
{
	const struct recover_options options = {
		.fresh_journal_id = 0x1234567890abcdef,
		.history_records = s->history,
		.read_only = read_only,
	};
	const struct recover_handler handler = {
		.arg = s,
		.board = on_board,
		.person = on_person,
		.record = on_record,
		.report = on_report,
	};
	struct disk *disk;
	int rc = disk_open("sim", 1, !read_only, &disk);

	assert_int_equal(rc, 0);
	memset(s->board, 0, SCENE_CELLS);
	s->first_seen = 0;
	s->last_seen = 0;
	s->replayed = 0;
	s->people_seen = 0;
	s->reports = 0;
	rc = recover_run(disk, &options, &handler, &s->result, s->why);
	disk_close(disk);
	if (rc == 0)
		compare(s);
	else
		assert_true(strlen(s->why) > 10);
	assert_int_equal(disk_sim_open_files(), 0);
	return rc;
}

/* --- lives ---------------------------------------------------------------------------------- */

static void wake_nobody(void *arg)
{
	(void)arg;
}

int scene_start(struct scene *s)
{
	const struct ring_config ring = {.sq_entries = 16, .cq_entries = 32};
	const struct journal_config config = {
		.segment_bytes = SCENE_SEGMENT_BYTES,
		.batch_bytes_max = SCENE_BATCH_BYTES,
		.sync = s->sync,
		.interval_ms = 20,
		.gather_us = s->gather_us,
	};
	struct keeper_config keeper = {.keep_bytes = s->keep_bytes,
				       .free_bytes_min = s->free_bytes_min,
				       .wake_writer = wake_nobody};
	int rc = scene_recover(s, false);

	if (rc < 0)
		return rc;
	assert_int_equal(disk_open("sim", 1, 1, &s->disk), 0);
	keeper.disk = s->disk;
	assert_int_equal(ring_open(&ring, &s->ring), 0);
	assert_int_equal(keeper_new(&keeper, &s->keeper), 0);
	assert_int_equal(journal_new(&config, &s->result.start, s->ring, s->keeper, &s->journal),
			 0);
	return 0;
}

static void image_free(struct snapshot_image *image)
{
	free(image->boards[0].copy);
	free(image->boards);
	free(image->people);
	free(image);
}

static void parts_free(struct scene *s)
{
	journal_free(s->journal);
	keeper_free(s->keeper);
	ring_close(s->ring);
	disk_close(s->disk);
	s->journal = NULL;
	s->keeper = NULL;
	s->ring = NULL;
	s->disk = NULL;
}

/* The image that the keeper had borrowed is the writer's again when the keeper is gone. */
static struct snapshot_image *lent;

void scene_crash(struct scene *s, bool power)
{
	disk_sim_die_after(0);
	parts_free(s);
	if (s->image_out)
		image_free(lent);
	s->image_out = false;
	if (power)
		disk_sim_power_cut();
	else
		disk_sim_process_kill();
}

void scene_stop(struct scene *s)
{
	journal_stop(s->journal);
	scene_until(s, JOURNAL_CLOSED);
	scene_turns(s, 50);
	if (s->image_out)
		scene_snapshot_wait(s);
	parts_free(s);
	assert_int_equal(disk_sim_open_files(), 0);
	disk_sim_process_kill();
}

/* --- turns ---------------------------------------------------------------------------------- */

int scene_append(struct scene *s)
{
	const struct record r = record_of(s->next_id + 1);
	int rc = journal_append(s->journal, &r);

	if (rc < 0)
		return rc;
	s->next_id++;
	assert_true(journal_appended(s->journal) < SCENE_RECORDS_MAX);
	s->ids[journal_appended(s->journal)] = s->next_id;
	return 0;
}

static void snapshot_collect(struct scene *s)
{
	int error;
	struct snapshot_image *image = keeper_snapshot_take(s->keeper, &error);

	if (image == NULL)
		return;
	s->snapshots += error == 0;
	image_free(image);
	s->image_out = false;
}

static void writer_turn(struct scene *s)
{
	struct ring_event events[8];
	uint32_t count = ring_reap(s->ring, events, 8);

	for (uint32_t i = 0; i < count; i++)
		journal_done(s->journal, events[i].tag, events[i].res, s->now);
	journal_turn(s->journal, s->now);
	if (journal_take_drop(s->journal)) {
		assert_int_equal(journal_appended(s->journal), journal_settled(s->journal));
		s->drops++;
	}
	assert_true(journal_settled(s->journal) >= s->told);
	assert_true(journal_durable(s->journal) <= journal_settled(s->journal));
	s->told = journal_settled(s->journal);
	snapshot_collect(s);
	ring_submit(s->ring);
}

void scene_turn(struct scene *s)
{
	writer_turn(s);
	if (prng_below(&s->random, 3) != 0)
		keeper_turn(s->keeper, s->now);
	s->now.mono_ns += TURN_NS;
	s->now.wall_ms++;
	ring_sim_advance(TURN_NS);
}

void scene_turns(struct scene *s, unsigned turns)
{
	while (turns-- > 0)
		scene_turn(s);
}

void scene_until(struct scene *s, enum journal_state state)
{
	for (unsigned i = 0; i < TURNS_MAX && journal_state(s->journal) != state; i++)
		scene_turn(s);
	assert_string_equal(journal_state_str(journal_state(s->journal)), journal_state_str(state));
}

void scene_commit(struct scene *s, unsigned count)
{
	uint64_t want = journal_appended(s->journal) + count;

	while (count-- > 0)
		assert_int_equal(scene_append(s), 0);
	for (unsigned i = 0; i < TURNS_MAX && journal_settled(s->journal) < want; i++)
		scene_turn(s);
	assert_int_equal(journal_settled(s->journal), want);
}

/* --- snapshots ------------------------------------------------------------------------------ */

bool scene_snapshot(struct scene *s, bool clean)
{
	struct snapshot_image *image;
	struct board_copy *copy;
	uint8_t *bytes;

	if (s->image_out)
		return false;
	image = calloc(1, sizeof(*image));
	px_assert(image != NULL);
	image->boards = calloc(1, sizeof(*image->boards));
	image->people = calloc(3, sizeof(*image->people));
	copy = calloc(1, sizeof(*copy) + SCENE_CELLS);
	px_assert(image->boards != NULL && image->people != NULL && copy != NULL);
	bytes = (uint8_t *)(copy + 1);
	for (uint64_t lsn = 1; lsn <= s->told; lsn++)
		fold(bytes, s->ids[lsn]);
	copy->bytes = bytes;
	copy->len = SCENE_CELLS;
	copy->hash = board_hash_bytes(bytes, SCENE_CELLS);
	image->boards[0] = (struct snapshot_board){
		.meta = {.width = 8, .height = 8, .bits = 8, .name = "main"},
		.copy = copy,
	};
	for (uint32_t i = 0; i < 3; i++)
		image->people[i].last_seq = i + 1;
	image->board_count = 1;
	image->people_count = 3;
	image->lsn = s->told;
	image->journal_id = s->result.start.journal_id;
	image->sync = s->sync;
	image->clean = clean;
	lent = image;
	s->image_out = true;
	assert_true(keeper_snapshot_submit(s->keeper, image));
	return true;
}

void scene_snapshot_wait(struct scene *s)
{
	for (unsigned i = 0; i < TURNS_MAX && s->image_out; i++)
		scene_turn(s);
	assert_false(s->image_out);
}
