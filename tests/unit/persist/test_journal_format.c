/* test_journal_format.c - headers, checksums, chain: what the reader takes and what it leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "persist/format/journal_format.h"

#define ID    0xabcdefu
#define BYTES 4096

struct segment_file {
	uint8_t bytes[BYTES];
	size_t end;
	uint64_t chain;
	uint64_t next_lsn;
	uint32_t number;
};

static void begin(struct segment_file *f, uint32_t number, uint64_t first_lsn, uint64_t chain)
{
	const struct segment_header h = {
		.journal_id = ID,
		.segment_bytes = BYTES,
		.first_lsn = first_lsn,
		.chain = chain,
		.durable_lsn = first_lsn - 1,
		.wall_ms = 5,
		.segment = number,
		.flags = SEGMENT_RESTART,
		.sync = JOURNAL_SYNC_INTERVAL,
	};

	memset(f, 0, sizeof(*f));
	segment_header_put(f->bytes, &h);
	f->end = SEGMENT_HEADER_BYTES;
	f->chain = chain;
	f->next_lsn = first_lsn;
	f->number = number;
}

/* `records` in the header; the payload is `payload_bytes` of 0x55. */
static void add(struct segment_file *f, uint32_t records, uint32_t payload_bytes, uint32_t flags)
{
	const struct batch_header h = {
		.journal_id = ID,
		.first_lsn = f->next_lsn,
		.durable_lsn = f->next_lsn - 1,
		.chain = f->chain,
		.payload_bytes = payload_bytes,
		.records = records,
		.flags = flags,
	};

	memset(f->bytes + f->end + BATCH_HEADER_BYTES, 0x55, payload_bytes);
	f->chain = batch_seal(f->bytes + f->end, &h, f->number);
	f->end += batch_bytes(payload_bytes);
	f->next_lsn += records;
}

static unsigned count(const struct segment_file *f, struct segment_reader *ret_reader)
{
	struct segment_header h;
	struct batch batch;
	unsigned batches = 0;
	uint32_t version;

	assert_int_equal(segment_header_get(f->bytes, BYTES, &h, &version), SEGMENT_GOOD);
	segment_reader_init(ret_reader, &h, f->bytes, BYTES);
	while (segment_reader_next(ret_reader, &batch))
		batches++;
	return batches;
}

static void header_is_read_as_written(void **state)
{
	struct segment_file f;
	struct segment_header h;
	uint32_t version;

	(void)state;
	begin(&f, 7, 100, 3);
	assert_int_equal(segment_header_get(f.bytes, BYTES, &h, &version), SEGMENT_GOOD);
	assert_int_equal(version, JOURNAL_VERSION);
	assert_int_equal(h.journal_id, ID);
	assert_int_equal(h.segment_bytes, BYTES);
	assert_int_equal(h.first_lsn, 100);
	assert_int_equal(h.chain, 3);
	assert_int_equal(h.durable_lsn, 99);
	assert_int_equal(h.wall_ms, 5);
	assert_int_equal(h.segment, 7);
	assert_int_equal(h.flags, SEGMENT_RESTART);
	assert_int_equal(h.sync, JOURNAL_SYNC_INTERVAL);
}

static void zeros_are_unused_and_anything_else_is_bad(void **state)
{
	uint8_t bytes[BYTES] = {0};
	struct segment_header h;
	uint32_t version;

	(void)state;
	for (size_t len = 0; len < 200; len++)
		assert_int_equal(segment_header_get(bytes, len, &h, &version), SEGMENT_UNUSED);
	for (size_t bit = 0; bit < 8 * (size_t)SEGMENT_HEADER_BYTES; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(segment_header_get(bytes, BYTES, &h, &version), SEGMENT_BAD);
		bytes[bit / 8] = 0;
	}
}

static void batches_follow_each_other_to_the_closing_one(void **state)
{
	struct segment_reader r;
	struct segment_file f;

	(void)state;
	begin(&f, 1, 1, 3);
	add(&f, 2, 100, 0);
	add(&f, 1, 7, 0);
	add(&f, 0, 0, BATCH_CLOSING);
	assert_int_equal(count(&f, &r), 3);
	assert_int_equal(r.offset, f.end);
	assert_int_equal(r.next_lsn, 4);
	assert_int_equal(r.chain, f.chain);
	assert_true(r.closed);
	add(&f, 1, 7, 0);
	assert_int_equal(count(&f, &r), 3);
}

static void closing_batch_leaves_the_chain(void **state)
{
	struct segment_file f;
	uint64_t chain;

	(void)state;
	begin(&f, 1, 1, 3);
	add(&f, 2, 100, 0);
	assert_int_not_equal(f.chain, 3);
	chain = f.chain;
	add(&f, 0, 0, BATCH_CLOSING);
	assert_int_equal(f.chain, chain);
}

static void batch_of_another_history_with_the_same_lsn_is_not_taken(void **state)
{
	struct segment_reader r;
	struct segment_file f;

	(void)state;
	begin(&f, 1, 1, 3);
	add(&f, 2, 100, 0);
	f.chain ^= 1;
	add(&f, 2, 100, 0);
	assert_int_equal(count(&f, &r), 1);
}

static void batch_with_a_gap_in_lsn_is_not_taken(void **state)
{
	struct segment_reader r;
	struct segment_file f;

	(void)state;
	begin(&f, 1, 1, 3);
	add(&f, 2, 100, 0);
	f.next_lsn++;
	add(&f, 2, 100, 0);
	assert_int_equal(count(&f, &r), 1);
}

static void batch_of_another_segment_or_journal_is_not_taken(void **state)
{
	struct segment_reader r;
	struct segment_file a;
	struct segment_file b;
	struct journal_claim claim;

	(void)state;
	begin(&a, 1, 50, 3);
	begin(&b, 2, 50, 3);
	add(&b, 2, 100, 0);
	memcpy(a.bytes + SEGMENT_HEADER_BYTES, b.bytes + SEGMENT_HEADER_BYTES, 500);
	assert_int_equal(count(&a, &r), 0);
	assert_false(journal_claim_find(a.bytes, BYTES, 0, ID, 1, 49, &claim));
	assert_true(journal_claim_find(b.bytes, BYTES, 0, ID, 2, 49, &claim));
	assert_false(journal_claim_find(b.bytes, BYTES, 0, ID + 1, 2, 49, &claim));
	assert_true(journal_claim_find(b.bytes, BYTES, 0, 0, 2, 49, &claim));
}

static void claim_names_its_place_and_reach(void **state)
{
	struct journal_claim claim;
	struct segment_file f;
	size_t second;

	(void)state;
	begin(&f, 1, 1, 3);
	add(&f, 5, 100, 0);
	second = f.end;
	add(&f, 5, 100, 0);
	assert_true(journal_claim_find(f.bytes, BYTES, SEGMENT_HEADER_BYTES, ID, 1, 5, &claim));
	assert_int_equal(claim.offset, second);
	assert_int_equal(claim.durable_lsn, 5);
	assert_false(journal_claim_find(f.bytes, BYTES, SEGMENT_HEADER_BYTES, ID, 1, 6, &claim));
	assert_true(journal_claim_find(f.bytes, BYTES, second - 3, ID, 1, 5, &claim));
	assert_false(journal_claim_find(f.bytes, BYTES, second + 1, ID, 1, 5, &claim));
}

static void length_beyond_the_file_is_not_taken(void **state)
{
	struct segment_header h;
	struct segment_reader r;
	struct segment_file f;
	struct batch batch;
	uint32_t version;

	(void)state;
	begin(&f, 1, 1, 3);
	add(&f, 5, 1000, 0);
	assert_int_equal(segment_header_get(f.bytes, BYTES, &h, &version), SEGMENT_GOOD);
	for (size_t len = SEGMENT_HEADER_BYTES; len < f.end; len++) {
		segment_reader_init(&r, &h, f.bytes, len);
		assert_false(segment_reader_next(&r, &batch));
		assert_int_equal(r.offset, SEGMENT_HEADER_BYTES);
	}
}

static void names_are_exact(void **state)
{
	char name[JOURNAL_NAME_BYTES];

	(void)state;
	journal_segment_name(name, 42);
	assert_string_equal(name, "journal-00000042.seg");
	assert_int_equal(journal_segment_number(name), 42);
	journal_segment_name(name, UINT32_MAX);
	assert_int_equal(journal_segment_number(name), UINT32_MAX);
	assert_int_equal(journal_segment_number("journal-42.seg"), 0);
	assert_int_equal(journal_segment_number("journal-00000042.seg~"), 0);
	assert_int_equal(journal_segment_number("journal-00000000.seg"), 0);
	assert_int_equal(journal_segment_number("journal--0000042.seg"), 0);
	assert_int_equal(journal_segment_number("snapshot-1"), 0);
}

static void seam_of_two_segments_is_known_by_record_and_chain(void **state)
{
	struct segment_header next = {.first_lsn = 8, .chain = 5};

	(void)state;
	assert_int_equal(segment_seam(&next, 8, 5), SEAM_CONTINUES);
	assert_int_equal(segment_seam(&next, 8, 6), SEAM_DIFFERS);
	assert_int_equal(segment_seam(&next, 7, 5), SEAM_LACKS);
	assert_int_equal(segment_seam(&next, 9, 5), SEAM_LACKS);
	next.flags = SEGMENT_RESTART;
	assert_int_equal(segment_seam(&next, 8, 6), SEAM_RESTARTS);
	assert_int_equal(segment_seam(&next, 3, 5), SEAM_RESTARTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_read_as_written),
		cmocka_unit_test(zeros_are_unused_and_anything_else_is_bad),
		cmocka_unit_test(batches_follow_each_other_to_the_closing_one),
		cmocka_unit_test(closing_batch_leaves_the_chain),
		cmocka_unit_test(batch_of_another_history_with_the_same_lsn_is_not_taken),
		cmocka_unit_test(batch_with_a_gap_in_lsn_is_not_taken),
		cmocka_unit_test(batch_of_another_segment_or_journal_is_not_taken),
		cmocka_unit_test(claim_names_its_place_and_reach),
		cmocka_unit_test(length_beyond_the_file_is_not_taken),
		cmocka_unit_test(names_are_exact),
		cmocka_unit_test(seam_of_two_segments_is_known_by_record_and_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
