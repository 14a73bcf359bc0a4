/*
 * test_journal_real.c - the journal over a real ring and a real directory: what the simulated ones
 * stand for is so.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "persist/journal/journal.h"
#include "persist/recover/recover.h"
#include "tests/temp_dir.h"

#define RECORDS 2000

struct real {
	char dir[TEMP_DIR_BYTES];
	struct disk *disk;
	struct ring *ring;
	struct keeper *keeper;
	struct journal *journal;
	struct recover_result result;
	uint64_t seen;
};

static void wake_nobody(void *arg)
{
	(void)arg;
}

static int on_record(void *arg, uint64_t lsn, const struct record *record, bool replay)
{
	struct real *r = arg;

	(void)replay;
	r->seen++;
	assert_int_equal(lsn, r->seen);
	assert_int_equal(record->placement.seq, lsn);
	return 0;
}

static void start(struct real *r)
{
	const struct ring_config ring = {.sq_entries = 8, .cq_entries = 16};
	const struct journal_config config = {.segment_bytes = 65536, .batch_bytes_max = 8192};
	const struct recover_options options = {.fresh_journal_id = 5};
	const struct recover_handler handler = {.arg = r, .record = on_record};
	struct keeper_config keeper = {.wake_writer = wake_nobody};
	char why[RECOVER_WHY_BYTES];

	r->seen = 0;
	assert_int_equal(disk_open(r->dir, 1, 1, &r->disk), 0);
	assert_int_equal(recover_run(r->disk, &options, &handler, &r->result, why), 0);
	keeper.disk = r->disk;
	assert_int_equal(ring_open(&ring, &r->ring), 0);
	assert_int_equal(keeper_new(&keeper, &r->keeper), 0);
	assert_int_equal(journal_new(&config, &r->result.start, r->ring, r->keeper, &r->journal),
			 0);
}

static void turn(struct real *r)
{
	struct ring_event events[8];
	uint32_t count = ring_reap(r->ring, events, 8);
	uint64_t idle;

	for (uint32_t i = 0; i < count; i++)
		journal_done(r->journal, events[i].tag, events[i].res, clock_now());
	journal_turn(r->journal, clock_now());
	ring_submit(r->ring);
	idle = keeper_turn(r->keeper, clock_now());
	if (idle != 0)
		ring_wait(r->ring, NS_PER_MS);
}

static void stop(struct real *r)
{
	journal_free(r->journal);
	keeper_free(r->keeper);
	ring_close(r->ring);
	disk_close(r->disk);
}

static void records_come_back_over_segments_and_starts(void **state)
{
	struct real r = {.seen = 0};
	struct record record = {.type = RECORD_PLACEMENT};

	(void)state;
	assert_int_equal(temp_dir_make(r.dir, "journal"), 0);
	start(&r);
	while (journal_settled(r.journal) < RECORDS) {
		while (journal_appended(r.journal) < RECORDS) {
			record.placement.seq = journal_appended(r.journal) + 1;
			if (journal_append(r.journal, &record) == -ENOBUFS)
				break;
		}
		turn(&r);
	}
	assert_true(journal_stats(r.journal)->segments > 1);
	journal_stop(r.journal);
	while (journal_state(r.journal) != JOURNAL_CLOSED)
		turn(&r);
	stop(&r);

	start(&r);
	assert_int_equal(r.seen, RECORDS);
	assert_true(r.result.was_clean);
	stop(&r);

	assert_int_equal(temp_dir_remove(r.dir), 0);
}

static int ring_is_there(void **state)
{
	const struct ring_config config = {.sq_entries = 8, .cq_entries = 16};
	struct ring *ring;
	int rc = ring_open(&config, &ring);

	(void)state;
	if (rc < 0) {
		print_message("no ring: %s\n", ring_open_remedy(rc));
		return rc;
	}
	ring_close(ring);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back_over_segments_and_starts),
	};

	return cmocka_run_group_tests(tests, ring_is_there, NULL);
}
