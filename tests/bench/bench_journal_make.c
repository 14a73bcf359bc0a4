/*
 * bench_journal_make.c - a journal of so many placements, for measurements of what reads it.
 *
 *	bench_journal_make DIR RECORDS [STEP_MS]
 *
 * Board `main`, 1000 x 1000; the places, people and colors are drawn from a seed. The first was
 * placed now, each next one STEP_MS (0) later. Written without the ring, synced at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "persist/disk/disk.h"
#include "persist/format/journal_format.h"
#include "persist/format/record.h"
#include "tests/prng.h"

#define SEGMENT_BYTES (64u << 20)
#define BATCH_RECORDS 1000u
#define SIZE          1000u

struct maker {
	struct disk *disk;
	uint8_t *bytes; /* of the segment */
	size_t len;
	uint64_t lsn, chain, journal_id, state, first_ms, step_ms;
	uint32_t number;
};

static void segment_begin(struct maker *m)
{
	const struct segment_header h = {
		.journal_id = m->journal_id,
		.segment_bytes = SEGMENT_BYTES,
		.first_lsn = m->lsn + 1,
		.chain = m->chain,
		.durable_lsn = m->lsn,
		.segment = ++m->number,
	};

	memset(m->bytes, 0, SEGMENT_BYTES);
	segment_header_put(m->bytes, &h);
	m->len = SEGMENT_HEADER_BYTES;
}

static int segment_end(struct maker *m)
{
	char name[JOURNAL_NAME_BYTES];
	int fd, rc;

	journal_segment_name(name, m->number);
	fd = disk_file_create(m->disk, name);
	if (fd < 0)
		return fd;
	rc = disk_write(m->disk, fd, m->bytes, SEGMENT_BYTES, 0);
	if (rc == 0)
		rc = disk_sync(m->disk, fd);
	disk_file_close(m->disk, fd);
	return rc;
}

static struct record placement_draw(struct maker *m, uint64_t seq)
{
	struct record r = {.type = RECORD_PLACEMENT};

	r.placement = (struct record_placement){
		.seq = seq,
		.request = prng_next(&m->state),
		.placed_at_ms = m->first_ms + seq * m->step_ms,
		.epoch = 1,
		.x = (uint16_t)prng_below(&m->state, SIZE),
		.y = (uint16_t)prng_below(&m->state, SIZE),
		.color = (uint8_t)prng_below(&m->state, 16),
	};
	put_u64(r.placement.user, prng_below(&m->state, 300000));
	return r;
}

static const struct record begin[] = {
	{.type = RECORD_BOARD, .board = {.width = SIZE, .height = SIZE, .bits = 4, .name = "main"}},
	{.type = RECORD_EPOCH, .epoch = {.first_seq = 1, .epoch = 1}},
};

/* Two records say what the board is; seq is the lsn without them. */
static int batch_make(struct maker *m, uint32_t records)
{
	uint8_t *batch, *end;
	struct batch_header h = {.journal_id = m->journal_id, .records = records};

	if (m->len + BATCH_HEADER_BYTES + records * RECORD_BYTES_MAX + JOURNAL_ALIGN >
	    SEGMENT_BYTES) {
		int rc = segment_end(m);

		if (rc < 0)
			return rc;
		segment_begin(m);
	}
	batch = m->bytes + m->len;
	end = batch + BATCH_HEADER_BYTES;
	h.first_lsn = m->lsn + 1;
	h.durable_lsn = m->lsn;
	h.chain = m->chain;
	for (uint32_t i = 0; i < records; i++) {
		struct record r;

		m->lsn++;
		r = m->lsn <= 2 ? begin[m->lsn - 1] : placement_draw(m, m->lsn - 2);
		end = record_put(end, &r);
	}
	h.payload_bytes = (uint32_t)(end - batch - BATCH_HEADER_BYTES);
	m->chain = batch_seal(batch, &h, m->number);
	m->len += batch_bytes(h.payload_bytes);
	return 0;
}

int main(int argc, char **argv)
{
	struct maker m = {.journal_id = 1, .chain = 1, .first_ms = clock_now().wall_ms};
	uint64_t records = argc >= 3 ? strtoull(argv[2], NULL, 10) : 0;
	int rc;

	if (records == 0) {
		fputs("usage: bench_journal_make DIR RECORDS [STEP_MS]\n", stderr);
		return 2;
	}
	m.state = prng_start("journal");
	m.step_ms = argc >= 4 ? strtoull(argv[3], NULL, 10) : 0;
	m.bytes = malloc(SEGMENT_BYTES);
	rc = m.bytes == NULL ? -ENOMEM : disk_open(argv[1], 1, 1, &m.disk);
	if (rc == 0)
		segment_begin(&m);
	while (rc == 0 && m.lsn < records + 2) {
		uint64_t left = records + 2 - m.lsn;

		rc = batch_make(&m, left < BATCH_RECORDS ? (uint32_t)left : BATCH_RECORDS);
	}
	if (rc == 0)
		rc = segment_end(&m);
	if (rc < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-rc));
	return rc < 0;
}
