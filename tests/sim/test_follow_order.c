/*
 * test_follow_order.c - a node that applies what another one numbered.
 *
 * No journal, no accept, no order here: a source has the changes of one board (placements,
 * rollbacks, a new epoch now and then) and sends them in batches that come late, twice, cut short,
 * or not at all. The node applies what fits, refuses the rest, and asks again from where it stands.
 * It cuts frames of its own into a log that readers stand in the way of. Whoever reads that log
 * ends with the source's board, from wherever it began.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "edge/codec/ws_frame.h"
#include "tests/prng.h"
#include "writer/frames.h"

#define WIDTH     64u
#define HEIGHT    32u
#define CELLS     (WIDTH * HEIGHT)
#define BITS      4u
#define CHANGES   4000u
#define CELLS_MAX 40u /* of a rollback */
#define LOG_BYTES 4096u
#define BATCH_MAX 20u
#define READERS   3u
#define SEEDS     20u
#define SEEDS_MAX 1000u
#define EPOCH_GAP 100000u

static const uint8_t somebody[USER_BYTES] = {7};

/* What another node numbered. */
struct source {
	struct change changes[CHANGES];
	struct delta_cell cells[CHANGES][CELLS_MAX];
	uint8_t board[CELLS];
};

/* A board that somebody keeps from the frames of the log. */
struct reader {
	uint8_t board[CELLS];
	uint64_t seq;
	uint32_t epoch;
	bool is_guarding;
};

struct node {
	struct applied a;
	struct frames frames;
	uint32_t changed[FRAME_CELLS_MAX];
	struct reader readers[READERS];
	uint64_t refused_gap, refused_repeated, full, in_the_way;
};

static struct writer_metrics metrics;
static struct frame_maker maker = {.metrics = &metrics};
static struct source source;
static struct node node;

/* --- the source ------------------------------------------------------------------------------- */

static void source_fill(uint64_t *random)
{
	uint64_t seq = 0;
	uint32_t epoch = 1;

	memset(&source, 0, sizeof(source));
	for (unsigned i = 0; i < CHANGES; i++) {
		struct change *c = &source.changes[i];
		bool is_rollback = prng_below(random, 10) == 0;

		if (prng_below(random, 200) == 0) {
			epoch++;
			seq += EPOCH_GAP;
		}
		*c = (struct change){.cause = is_rollback ? CHANGE_ROLLBACK : CHANGE_PLACEMENT,
				     .epoch = epoch,
				     .first = seq + 1,
				     .at_ms = 1000 + i,
				     .cells = source.cells[i],
				     .user = is_rollback ? NULL : somebody};
		c->count = is_rollback ? 1 + (uint32_t)prng_below(random, CELLS_MAX) : 1;
		for (uint32_t n = 0; n < c->count; n++) {
			source.cells[i][n].cell = (uint32_t)prng_below(random, CELLS);
			source.cells[i][n].color = (uint8_t)prng_below(random, 1u << BITS);
			source.board[source.cells[i][n].cell] = source.cells[i][n].color;
		}
		seq = change_last(c);
	}
}

/* --- readers of the log ----------------------------------------------------------------------- */

static void reader_take(struct reader *r, const uint8_t *frame, size_t len)
{
	static struct delta_cell cells[CELLS];
	size_t skip = len < 126 + 2 ? 2 : 4;
	const uint8_t *payload;
	struct message m;

	assert_true(message_decode_server(frame + skip, len - skip, &m, &payload) >= 0);
	assert_int_equal(m.type, MSG_DELTA);
	assert_true(m.delta.first <= r->seq + 1); /* no gap, and it may overlap */
	assert_true(m.delta.last > r->seq);
	assert_int_equal(delta_decode(CELLS, BITS, payload, (size_t)(frame + len - payload),
				      m.delta.count, cells),
			 0);
	for (uint32_t i = 0; i < m.delta.count; i++)
		r->board[cells[i].cell] = cells[i].color;
	r->seq = m.delta.last;
}

/* As a client that loads the board: that of the node, at its seq. */
static void reader_load(struct reader *r)
{
	for (uint32_t cell = 0; cell < CELLS; cell++)
		r->board[cell] = board_get(node.a.board, cell);
	r->seq = node.a.seq;
	r->epoch = node.a.epoch;
}

static void reader_follow(struct reader *r)
{
	struct room_log *log = node.frames.logs[MESSAGE_BINARY];
	uint64_t head = room_log_head(log), at;

	if (r->epoch != node.a.epoch || r->seq < room_log_oldest(log)) {
		reader_load(r); /* stale */
		return;
	}
	if (r->seq >= room_log_last(log))
		return;
	at = room_log_find(log, r->seq);
	assert_int_not_equal(at, ROOM_LOG_NONE);
	while (at < head) {
		uint64_t len = ws_frame_bytes(room_log_at(log, at), head - at);

		reader_take(r, room_log_at(log, at), len);
		at += len;
	}
	assert_int_equal(r->seq, room_log_last(log));
}

static void reader_turn(uint64_t *random, unsigned i)
{
	struct room_log *log = node.frames.logs[MESSAGE_BINARY];
	struct reader *r = &node.readers[i];

	if (r->is_guarding && prng_below(random, 12) == 0) {
		room_log_release(log, i);
		r->is_guarding = false;
	}
	if (prng_below(random, 3) == 0)
		reader_follow(r);
	if (!r->is_guarding &&
	    prng_below(random, 8) == 0) /* sends all that there is, and is slow */
		r->is_guarding = room_log_guard(log, i, room_log_find(log, room_log_oldest(log)));
}

/* --- the node --------------------------------------------------------------------------------- */

static void node_begin(void)
{
	memset(&node, 0, sizeof(node));
	assert_int_equal(board_new(WIDTH, HEIGHT, BITS, &node.a.board), 0);
	assert_int_equal(room_log_new(LOG_BYTES, 256, READERS, &node.frames.logs[MESSAGE_BINARY]),
			 0);
	node.frames.of = &node.a;
	node.a.changed = node.changed;
	node.a.changed_max = CELLS_MAX + 20;
	node.frames.half_colors = calloc(node.a.changed_max, 1);
	assert_non_null(node.frames.half_colors);
	apply_epoch(&node.a, 1, 0);
	for (unsigned i = 0; i < READERS; i++)
		node.readers[i].epoch = 1;
}

static void node_end(void)
{
	board_free(node.a.board);
	room_log_free(node.frames.logs[MESSAGE_BINARY]);
	free(node.frames.half_colors);
}

/* False: somebody sends what a frame would overwrite. */
static bool node_cut(void)
{
	bool is_cut = frames_cut(&node.frames, &maker);

	node.in_the_way += !is_cut;
	return is_cut;
}

/* An epoch is told beside the changes, as by a board that is loaded anew. */
static bool node_epoch(const struct change *c)
{
	if (c->epoch == node.a.epoch || c->epoch != node.a.epoch + 1 ||
	    c->first != node.a.seq + EPOCH_GAP + 1)
		return true;
	if (!node_cut() || node.frames.seq != node.a.seq)
		return false;
	for (unsigned i = 0; i < READERS; i++)
		if (node.readers[i].is_guarding)
			return false;
	apply_epoch(&node.a, c->epoch, c->first - 1);
	node.frames.seq = node.a.seq;
	room_log_start(node.frames.logs[MESSAGE_BINARY], node.a.seq);
	return true;
}

static void assert_refused_right(const struct change *c, enum apply_verdict verdict)
{
	if (verdict == APPLY_REPEATED)
		assert_true(change_last(c) <= node.a.seq);
	else
		assert_true(c->epoch != node.a.epoch || c->first > node.a.seq + 1);
}

/* False: the rest of the batch is in vain. */
static bool node_take(const struct change *c)
{
	enum apply_verdict verdict;

	if (!node_epoch(c))
		return false;
	while ((verdict = apply_change(&node.a, c)) == APPLY_FULL) {
		node.full++;
		if (!node_cut())
			return false;
	}
	if (verdict == APPLY_DONE)
		return true;
	assert_refused_right(c, verdict);
	node.refused_gap += verdict == APPLY_GAP;
	node.refused_repeated += verdict == APPLY_REPEATED;
	return verdict == APPLY_REPEATED || c->epoch < node.a.epoch;
}

/* The first change that the node does not have. */
static unsigned node_wants(void)
{
	unsigned i = 0;

	while (i < CHANGES && (source.changes[i].epoch < node.a.epoch ||
			       (source.changes[i].epoch == node.a.epoch &&
				change_last(&source.changes[i]) <= node.a.seq)))
		i++;
	return i;
}

/* One batch, from about where the node stands. */
static void batch_send(uint64_t *random)
{
	unsigned from = node_wants(), count = (unsigned)prng_below(random, BATCH_MAX);

	switch (prng_below(random, 5)) {
	case 0: /* an older one again, up to what is new */
		from -= from < 10 ? from : (unsigned)prng_below(random, 10);
		break;
	case 1: /* one in between was lost */
		from += (unsigned)prng_below(random, 5);
		break;
	default:
		break;
	}
	for (unsigned i = from; i < from + count && i < CHANGES; i++)
		if (!node_take(&source.changes[i]))
			return;
}

/* --- the run ---------------------------------------------------------------------------------- */

static void run(uint64_t seed)
{
	uint64_t random = seed;
	unsigned turns = 0;

	source_fill(&random);
	node_begin();
	while (node_wants() < CHANGES || node.frames.seq != node.a.seq) {
		batch_send(&random);
		if (prng_below(&random, 3) == 0)
			(void)node_cut();
		for (unsigned i = 0; i < READERS; i++)
			reader_turn(&random, i);
		assert_true(++turns < 100000); /* it gets on */
	}
	for (uint32_t cell = 0; cell < CELLS; cell++)
		assert_int_equal(board_get(node.a.board, cell), source.board[cell]);
	for (unsigned i = 0; i < READERS; i++) {
		reader_follow(&node.readers[i]);
		assert_int_equal(node.readers[i].seq, node.a.seq);
		assert_memory_equal(node.readers[i].board, source.board, CELLS);
	}
}

static void whoever_follows_an_order_ends_with_its_board(void **state)
{
	uint64_t random = prng_start("test_follow_order"), gap = 0, repeated = 0, full = 0, way = 0;

	(void)state;
	for (unsigned i = 0; i < SEEDS || !(gap > 0 && repeated > 0 && full > 0 && way > 0); i++) {
		assert_true(i < SEEDS_MAX); /* all of it is to be seen */
		run(prng_next(&random));
		gap += node.refused_gap;
		repeated += node.refused_repeated;
		full += node.full;
		way += node.in_the_way;
		node_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_follows_an_order_ends_with_its_board),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
