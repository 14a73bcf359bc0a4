/*
 * bench_delta.c - how near the delta codec comes to the entropy of real frames, and how fast.
 *
 * Cuts a trace of placements into rounds, codes every round as one payload, and compares the sum
 * with the bound (log2 C(N,n) + n * H) / 8 bytes, N the cells of the board, n the changed cells of
 * the frame, H the entropy of the colors of all frames together; and with sorted gap and color
 * varints. One thread; all memory is taken at start.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "engine/delta.h"
#include "tests/trace.h"

#define SAMPLE_NS 200000000 /* how long each speed is measured */

static const uint32_t round_sizes[] = {10, 50, 100, 250, 1000, 5000};

/* All frames of one cut, one behind the other. */
struct cut {
	struct delta_cell *cells;
	uint32_t *counts; /* cells of each frame */
	size_t *lens;     /* payload bytes of each frame */
	uint8_t *payloads;
	size_t frames;
	size_t cells_sum;
	size_t bytes;
};

static void *must_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL) {
		fprintf(stderr, "bench_delta: out of memory\n");
		exit(1);
	}
	return p;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void cut_fill(struct cut *cut, const struct trace *t, struct trace_fold *fold,
		     uint32_t round)
{
	memset(fold, 0, sizeof(*fold));
	cut->frames = cut->cells_sum = 0;
	for (size_t from = 0; from < t->len; from += round) {
		uint32_t n = trace_round(fold, t, from, round, cut->cells + cut->cells_sum);

		cut->counts[cut->frames++] = n;
		cut->cells_sum += n;
	}
}

static double cut_bound_bytes(const struct cut *cut)
{
	double seen[1 << TRACE_BITS] = {0}, bits = 0, total = (double)cut->cells_sum;

	for (size_t i = 0; i < cut->cells_sum; i++)
		seen[cut->cells[i].color]++;
	for (unsigned c = 0; c < 1 << TRACE_BITS; c++)
		bits -= seen[c] > 0 ? seen[c] * log2(seen[c] / total) : 0;
	for (size_t f = 0; f < cut->frames; f++) {
		double n = cut->counts[f], all = TRACE_BOARD_CELLS;

		bits += (lgamma(all + 1) - lgamma(n + 1) - lgamma(all - n + 1)) / log(2);
	}
	return bits / 8;
}

/* The plain way: LEB128 of gap and color in one. */
static size_t cut_varint_bytes(const struct cut *cut)
{
	const struct delta_cell *cell = cut->cells;
	uint8_t scratch[VARINT_BYTES_MAX];
	size_t bytes = 0;

	for (size_t f = 0; f < cut->frames; f++) {
		uint32_t next = 0;

		for (uint32_t i = 0; i < cut->counts[f]; i++, cell++) {
			uint64_t v = (uint64_t)(cell->cell - next) << TRACE_BITS | cell->color;

			bytes += (size_t)(put_varint(scratch, v) - scratch);
			next = cell->cell + 1;
		}
	}
	return bytes;
}

static void cut_encode(struct cut *cut)
{
	const struct delta_cell *cells = cut->cells;
	uint8_t *out = cut->payloads;

	for (size_t f = 0; f < cut->frames; f++) {
		cut->lens[f] =
			delta_encode(TRACE_BOARD_CELLS, TRACE_BITS, cells, cut->counts[f], out);
		cells += cut->counts[f];
		out += cut->lens[f];
	}
	cut->bytes = (size_t)(out - cut->payloads);
}

static void cut_decode(struct cut *cut)
{
	struct delta_cell *cells = cut->cells;
	const uint8_t *in = cut->payloads;

	for (size_t f = 0; f < cut->frames; f++) {
		int err = delta_decode(TRACE_BOARD_CELLS, TRACE_BITS, in, cut->lens[f],
				       cut->counts[f], cells);

		px_assert(err == 0);
		cells += cut->counts[f];
		in += cut->lens[f];
	}
}

/* Nanoseconds per cell: the best of the runs that fit into SAMPLE_NS. */
static double measure(struct cut *cut, void (*run)(struct cut *))
{
	uint64_t begin = now_ns(), at = begin, best = UINT64_MAX;

	while (at - begin < SAMPLE_NS) {
		run(cut);
		uint64_t end = now_ns();

		best = end - at < best ? end - at : best;
		at = end;
	}
	return (double)best / (double)cut->cells_sum;
}

static void report(const struct trace *t)
{
	struct trace_fold *fold = must_alloc(1, sizeof(*fold));
	struct cut cut = {
		.cells = must_alloc(t->len, sizeof(struct delta_cell)),
		.counts = must_alloc(t->len, sizeof(uint32_t)),
		.lens = must_alloc(t->len, sizeof(size_t)),
		.payloads = must_alloc(t->len, 8),
	};

	printf("%9s %7s %8s %10s %9s %9s %7s %11s %10s %10s\n", "per round", "frames", "cells",
	       "bytes", "B/cell", "bound B/c", "ratio", "varint B/c", "encode ns", "decode ns");
	for (size_t i = 0; i < sizeof(round_sizes) / sizeof(round_sizes[0]); i++) {
		cut_fill(&cut, t, fold, round_sizes[i]);
		double encode_ns = measure(&cut, cut_encode);
		double decode_ns = measure(&cut, cut_decode);
		double cells = (double)cut.cells_sum, bound = cut_bound_bytes(&cut);

		printf("%9u %7zu %8zu %10zu %9.3f %9.3f %7.4f %11.3f %10.1f %10.1f\n",
		       round_sizes[i], cut.frames, cut.cells_sum, cut.bytes,
		       (double)cut.bytes / cells, bound / cells, (double)cut.bytes / bound,
		       (double)cut_varint_bytes(&cut) / cells, encode_ns, decode_ns);
	}
	free(fold);
	free(cut.cells);
	free(cut.counts);
	free(cut.lens);
	free(cut.payloads);
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: bench_delta [FILE]\n"
		"Size and speed of the delta codec on rounds of 10 to 5,000 placements.\n"
		"FILE: placements, gzip or plain, 8 bytes each (u32 LE second, u32 LE cell << 4 | "
		"color)\n"
		"      of a board of 1000 x 1000. Default: $PIXELD_TRACES or ../shared/data/"
		"placements2017.bin.gz,\n"
		"      else a synthetic trace.\n"
		"A cell is a changed cell of a frame: placements that change nothing are not in "
		"it,\n"
		"and two placements on one cell are one. Times are per cell.\n");
}

int main(int argc, char **argv)
{
	struct trace t;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		usage(stdout);
		return 0;
	}
	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		usage(stderr);
		return 2;
	}
	if (!trace_load(&t, argc == 2 ? argv[1] : NULL)) {
		fprintf(stderr, "bench_delta: no placements in %s\n", argv[1]);
		trace_free(&t);
		return 1;
	}
	printf("%zu placements, %s\n", t.len,
	       argc == 2 ? argv[1]
	       : t.real  ? "r/place 2017"
			 : "synthetic");
	report(&t);
	trace_free(&t);
	return 0;
}
