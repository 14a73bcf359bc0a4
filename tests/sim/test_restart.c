/*
 * test_restart.c - what a client that comes back finds after a kill: the broadcast log reaches back
 * as far as it did before, and what it sends is the board.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/codec/message.h"
#include "edge/codec/ws_frame.h"
#include "engine/base/assert.h"
#include "engine/delta.h"
#include "edge/mail/mail.h"
#include "engine/room_log.h"
#include "persist/history/history_board.h"
#include "writer/writer.h"
#include "tests/prng.h"
#include "tests/sim/disk_sim.h"
#include "tests/sim/lone_writer.h"
#include "tests/sim/ring_sim.h"

#define WALL_MS   1700000000000ULL
#define SIDE      500
#define CELLS     (SIDE * SIDE)
#define ASKED_MAX 1000 /* placements of one turn */
#define TURNS_MAX 100000

struct life {
	struct lone_writer lone;
	uint64_t dice;
	uint64_t placed;
	bool subscribing;
	uint64_t oldest_at_cut; /* of the log, the moment before the end */
};

static void settings_make(struct life *l, const char *board, const char *log_bytes,
			  const char *sync)
{
	char args[][64] = {"pixeld",
			   "--journal-segment-bytes=4MiB",
			   "--people-max=1024",
			   "--cooldown-ms=0",
			   "--last-placer-cells=0",
			   "--snapshot-interval-s=3600",
			   "",
			   "",
			   ""};
	char why[SETTINGS_WHY_CHARS], *argv[10] = {NULL};
	char *const envp[] = {NULL};

	snprintf(args[6], sizeof(args[6]), "--board=%s", board);
	snprintf(args[7], sizeof(args[7]), "--log-bytes=%s", log_bytes);
	snprintf(args[8], sizeof(args[8]), "--journal-sync=%s", sync);
	for (int i = 0; i < 9; i++)
		argv[i] = args[i];
	assert_int_equal(settings_load(9, argv, envp, &l->lone.settings, why), 0);
}

static void begin(struct life *l, const char *log_bytes, const char *sync)
{
	memset(l, 0, sizeof(*l));
	l->dice = 2017;
	l->lone.now = (struct now){.mono_ns = NS_PER_SEC, .wall_ms = WALL_MS};
	disk_sim_begin(1);
	ring_sim_begin(NULL, &disk_sim_for_ring, 1);
	settings_make(l, "main:500x500:4", log_bytes, sync);
}

static void answers_take(struct life *l)
{
	const struct mail_answer *a;

	while ((a = spsc_peek(l->lone.answers)) != NULL) {
		if (a->head.type == MAIL_SUBSCRIBED) {
			l->subscribing = false;
		} else {
			assert_int_equal(a->head.type, MAIL_PLACED);
			l->placed++;
		}
		spsc_pop(l->lone.answers);
	}
}

static void turn(struct life *l)
{
	bool nap;

	(void)writer_turn(l->lone.writer, l->lone.now, &nap);
	answers_take(l);
	lone_writer_pass(&l->lone);
}

static struct room *room(struct life *l)
{
	return lone_writer_room(&l->lone, 0);
}

static struct room_log *binary_log(struct life *l)
{
	return lone_writer_log(&l->lone, 0);
}

static void ask(struct life *l, uint32_t cell, uint32_t color)
{
	lone_writer_ask(&l->lone, 0, cell % SIDE, cell / SIDE, color);
}

/* So many placements, `per_turn` a millisecond; `spread` cells, so many colors. */
static void place(struct life *l, uint64_t count, unsigned per_turn, uint32_t spread,
		  uint32_t colors)
{
	uint64_t end = l->lone.asked + count;

	for (unsigned turns = 0; l->placed < end; turns++) {
		assert_true(turns < TURNS_MAX);
		for (unsigned i = 0;
		     i < per_turn && l->lone.asked < end && writer_is_ready(l->lone.writer); i++)
			ask(l, (uint32_t)prng_below(&l->dice, spread),
			    (uint32_t)prng_below(&l->dice, colors));
		(void)spsc_publish(l->lone.requests);
		turn(l);
	}
	while (room_log_last(binary_log(l)) < atomic_load(&room(l)->seq))
		turn(l);
}

static void stop(struct life *l)
{
	writer_stop(l->lone.writer);
	while (!writer_is_stopped(l->lone.writer))
		turn(l);
	lone_writer_free(&l->lone);
	disk_sim_process_kill();
}

static void kill_and_start(struct life *l)
{
	l->oldest_at_cut = room_log_oldest(binary_log(l));
	disk_sim_die_after(0);
	lone_writer_free(&l->lone);
	disk_sim_process_kill();
	lone_writer_start(&l->lone);
}

static void end(struct life *l)
{
	stop(l);
	settings_free(l->lone.settings);
	ring_sim_end();
	disk_sim_end();
}

/* --- what the log sends ----------------------------------------------------------------------- */

/* Calls `each` with the deltas that a client gets who has `seq`, in order. */
static void log_read(struct life *l, uint64_t seq, uint8_t *colors,
		     void (*each)(const struct msg_delta *d))
{
	static struct delta_cell cells[CELLS];
	struct room_log *log = binary_log(l);
	uint64_t at = room_log_find(log, seq);
	struct bytes payload;
	struct message m;

	assert_true(at != ROOM_LOG_NONE);
	while (lone_writer_hear(log, &at, &m, &payload)) {
		if (m.type != MSG_DELTA)
			continue;
		assert_true(m.delta.first <= seq + 1);
		assert_int_equal(delta_decode(CELLS, 4, payload.at, bytes_left(&payload),
					      m.delta.count, cells),
				 0);
		for (uint32_t i = 0; i < m.delta.count; i++)
			colors[cells[i].cell] = cells[i].color;
		if (each != NULL)
			each(&m.delta);
		seq = m.delta.last;
	}
	assert_int_equal(seq, atomic_load(&room(l)->seq));
}

/* --- the disk --------------------------------------------------------------------------------- */

/* Room for so many MiB: a segment takes 4, a snapshot far less than one. */
static void disk_room(uint64_t mib)
{
	disk_sim_capacity_set(mib << 20);
}

struct wanted {
	const char *prefix;
	char name[64];
};

static int file_find(void *arg, const char *name)
{
	struct wanted *w = arg;

	if (strncmp(name, w->prefix, strlen(w->prefix)) != 0)
		return 0;
	snprintf(w->name, sizeof(w->name), "%s", name);
	return 1;
}

static unsigned files_remove(const char *prefix)
{
	struct wanted w = {.prefix = prefix};
	struct disk *disk;
	unsigned count = 0;

	assert_int_equal(disk_open("sim", 0, 0, &disk), 0);
	for (; disk_list(disk, file_find, &w) == 1; count++)
		disk_sim_file_put(w.name, NULL, 0);
	disk_close(disk);
	return count;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void assert_reach_is_kept(struct life *l)
{
	kill_and_start(l);
	assert_int_equal(room_log_last(binary_log(l)), l->placed);
	if (room_log_oldest(binary_log(l)) > l->oldest_at_cut)
		fail_msg("of %lu placements the log reached back to %lu, and to %lu after a kill",
			 l->placed, l->oldest_at_cut, room_log_oldest(binary_log(l)));
}

static void a_kill_does_not_shorten_how_far_a_client_may_be_behind(void **state)
{
	static const struct {
		unsigned per_turn;
		uint32_t spread, colors;
		uint64_t count;
		const char *log_bytes;
	} rows[] = {
		{100, CELLS, 16, 600000, "512KiB"}, /* at full speed, anywhere */
		{60, 2000, 16, 200000, "64KiB"},    /* all want the same place */
		{60, CELLS, 2, 100000, "64KiB"},    /* half of it changes nothing */
		{1, CELLS, 16, 40000, "64KiB"},     /* a quiet day */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct life l;

		begin(&l, rows[i].log_bytes, "commit");
		lone_writer_start(&l.lone);
		place(&l, rows[i].count, rows[i].per_turn, rows[i].spread, rows[i].colors);
		assert_true(room_log_oldest(binary_log(&l)) > 0); /* else the test says nothing */
		assert_reach_is_kept(&l);
		assert_reach_is_kept(&l);
		end(&l);
	}
}

/* Somebody follows in JSON, from the head on: that makes the log. */
static struct room_log *json_log(struct life *l)
{
	struct mail_request *m = spsc_push(l->lone.requests);

	assert_non_null(m);
	*m = (struct mail_request){.head = {.type = MAIL_SUBSCRIBE},
				   .subscribe = {.encoding = MESSAGE_JSON}};
	(void)spsc_publish(l->lone.requests);
	l->subscribing = true;
	while (l->subscribing)
		turn(l);
	return atomic_load(&room(l)->logs[MESSAGE_JSON]);
}

static void nor_does_it_for_clients_that_speak_json(void **state)
{
	struct room_log *log;
	struct life l;
	uint64_t oldest;

	(void)state;
	begin(&l, "4MiB", "commit");
	lone_writer_start(&l.lone);
	log = json_log(&l);
	place(&l, 500000, 100, CELLS, 16);
	oldest = room_log_oldest(log);
	assert_true(oldest > 0); /* else the test says nothing */
	kill_and_start(&l);
	/* what is decoded are whole frames of 125 ms */
	if (room_log_oldest(json_log(&l)) > oldest + 12600)
		fail_msg("of %lu placements the log reached back to %lu, and to %lu after a kill",
			 l.placed, oldest, room_log_oldest(json_log(&l)));
	end(&l);
}

static void nor_does_a_snapshot_before_the_kill(void **state)
{
	struct life l;

	(void)state;
	begin(&l, "512KiB", "commit");
	lone_writer_start(&l.lone);
	place(&l, 600000, 100, CELLS, 16);
	stop(&l);
	lone_writer_start(&l.lone);
	place(&l, 1000, 200, CELLS, 16);
	assert_reach_is_kept(&l);
	end(&l);
}

static void what_the_log_sends_after_a_kill_is_the_board(void **state)
{
	static uint8_t before[CELLS], after[CELLS];
	struct life l;
	uint64_t seq;

	(void)state;
	memset(before, 0, sizeof(before));
	begin(&l, "1MiB", "commit");
	lone_writer_start(&l.lone);
	place(&l, 20000, 50, 3000, 5);
	log_read(&l, 0, before, NULL);
	seq = l.placed;
	place(&l, 30000, 50, 3000, 5);
	memcpy(after, before, sizeof(after));
	log_read(&l, seq, before, NULL);
	kill_and_start(&l);
	log_read(&l, seq, after, NULL);
	assert_memory_equal(before, after, sizeof(after));
	memset(after, 0, sizeof(after));
	log_read(&l, 0, after, NULL);
	assert_memory_equal(before, after, sizeof(after));
	end(&l);
}

static uint32_t cells_max;

static void cells_look(const struct msg_delta *d)
{
	cells_max = d->count > cells_max ? d->count : cells_max;
}

static void a_quiet_board_s_frames_stay_small_after_a_kill(void **state)
{
	static uint8_t colors[CELLS];
	struct life l;

	(void)state;
	begin(&l, "1MiB", "commit");
	lone_writer_start(&l.lone);
	place(&l, 3000, 1, CELLS, 16);
	kill_and_start(&l);
	cells_max = 0;
	log_read(&l, 0, colors, cells_look);
	assert_in_range(cells_max, 1, 300);
	end(&l);
}

/* A whole journal gives the boards by itself: whoever reads it needs no snapshot. */
static void assert_journal_tells_all(struct life *l)
{
	uint64_t seq = atomic_load(&room(l)->seq), placed;
	uint32_t epoch = atomic_load(&room(l)->epoch);

	placed = l->placed + 10;
	place(l, 10, 10, CELLS, 16);
	assert_int_equal(atomic_load(&room(l)->seq), seq + 10);
	stop(l);
	assert_true(files_remove("snapshot-") > 0);
	lone_writer_start(&l->lone);
	assert_int_equal(atomic_load(&room(l)->seq), seq + 10);
	assert_int_equal(atomic_load(&room(l)->epoch), epoch);
	assert_int_equal(l->placed, placed);
}

static void a_board_that_no_segment_could_be_made_for_is_in_the_journal_later(void **state)
{
	struct life l;

	(void)state;
	begin(&l, "64KiB", "commit");
	disk_room(3);
	lone_writer_start(&l.lone);
	for (int i = 0; i < 50; i++)
		turn(&l);
	stop(&l);
	disk_room(1000);
	lone_writer_start(&l.lone);
	assert_journal_tells_all(&l);
	end(&l);
}

static void an_epoch_that_no_segment_could_be_made_for_is_in_the_journal_later(void **state)
{
	struct life l;

	(void)state;
	begin(&l, "64KiB", "interval");
	lone_writer_start(&l.lone);
	place(&l, 100, 10, CELLS, 16);
	disk_room(6);
	kill_and_start(&l);
	assert_int_equal(atomic_load(&room(&l)->epoch), 2);
	for (int i = 0; i < 50; i++)
		turn(&l);
	stop(&l);
	disk_room(1000);
	lone_writer_start(&l.lone);
	assert_int_equal(atomic_load(&room(&l)->epoch), 2);
	assert_journal_tells_all(&l);
	end(&l);
}

static void after_the_journal_is_gone_a_new_epoch_begins(void **state)
{
	struct life l;

	(void)state;
	begin(&l, "64KiB", "commit");
	lone_writer_start(&l.lone);
	place(&l, 100, 10, CELLS, 16);
	stop(&l);
	assert_true(files_remove("journal-") > 0);
	lone_writer_start(&l.lone);
	assert_int_equal(atomic_load(&room(&l)->epoch), 2);
	assert_true(atomic_load(&room(&l)->seq) > 100);
	end(&l);
}

/* Starts with other settings, and back: what was said. */
static void refusal_get(struct life *l, const char *board, int exit_code, char *why)
{
	struct settings *good = l->lone.settings;

	settings_make(l, board, "64KiB", "commit");
	assert_int_equal(lone_writer_make(&l->lone, why), exit_code);
	lone_writer_free(&l->lone);
	disk_sim_process_kill();
	settings_free(l->lone.settings);
	l->lone.settings = good;
}

static void a_changed_board_is_refused_in_the_same_words_with_and_without_a_snapshot(void **state)
{
	char by_journal[RECOVER_WHY_BYTES], by_snapshot[RECOVER_WHY_BYTES];
	struct life l;

	(void)state;
	begin(&l, "64KiB", "commit");
	lone_writer_start(&l.lone);
	place(&l, 10, 10, CELLS, 16);
	disk_sim_die_after(0);
	lone_writer_free(&l.lone);
	disk_sim_process_kill();
	refusal_get(&l, "main:400x500:4", 78, by_journal);
	lone_writer_start(&l.lone);
	stop(&l);
	refusal_get(&l, "main:400x500:4", 78, by_snapshot);
	assert_string_equal(by_journal, by_snapshot);
	assert_string_equal(by_journal,
			    "board main is 500x500:4 in the data directory and 400x500:4 in the "
			    "settings: change the settings back, or start with another --data "
			    "directory");
	lone_writer_start(&l.lone);
	end(&l);
}

/* "Gone" would be said for ever; this passes. */
static void history_does_not_take_what_it_may_not_read_for_gone(void **state)
{
	const struct history_moment now = {UINT64_MAX, UINT64_MAX};
	struct record_board meta;
	struct history_board b;
	struct history *history;
	struct disk *disk;
	struct life l;

	(void)state;
	begin(&l, "64KiB", "commit");
	lone_writer_start(&l.lone);
	place(&l, 10, 10, CELLS, 16);
	stop(&l);
	assert_int_equal(disk_open("sim", 0, 0, &disk), 0);
	assert_int_equal(history_new(disk, &history), 0);
	assert_int_equal(history_look(history, UINT64_MAX), 0);
	history_board_init(&b, 0);
	disk_sim_deny("snapshot-", -EACCES);
	assert_int_equal(history_board_begin(history, &b, &now), -EACCES);
	assert_int_equal(history_board_find(history, "main", &meta), -EACCES);
	disk_sim_deny(NULL, 0);
	assert_int_equal(history_board_begin(history, &b, &now), 0);
	assert_non_null(b.board);
	history_board_fini(&b);
	history_free(history);
	disk_close(disk);
	lone_writer_start(&l.lone);
	end(&l);
}

static int newest_look(void *arg, const struct snapshot_board_read *board)
{
	*(uint64_t *)arg = board->newest_ms;
	return 1;
}

/* As the newest snapshot has it. */
static uint64_t snapshot_newest_ms(void)
{
	uint64_t newest_ms = 0, lsn;
	const struct snapshot_handler handler = {.arg = &newest_ms, .board = newest_look};
	char name[SNAPSHOT_NAME_BYTES], why[RECOVER_WHY_BYTES];
	struct snapshot_head head;
	struct disk *disk;

	assert_int_equal(disk_open("sim", 0, 0, &disk), 0);
	assert_int_equal(snapshot_list(disk, &lsn, 1), 1);
	snapshot_name(name, lsn);
	assert_int_equal(snapshot_read(disk, name, &handler, &head, why, sizeof(why)), 1);
	disk_close(disk);
	return newest_ms;
}

static void a_snapshot_knows_the_latest_placement_though_the_clock_was_set_back(void **state)
{
	uint64_t latest_ms;
	struct life l;

	(void)state;
	begin(&l, "64KiB", "commit");
	lone_writer_start(&l.lone);
	place(&l, 10, 10, CELLS, 16);
	l.lone.now.wall_ms += 60000;
	latest_ms = l.lone.now.wall_ms;
	place(&l, 1, 1, CELLS, 16);
	l.lone.now.wall_ms -= 50000;
	place(&l, 10, 10, CELLS, 16);
	kill_and_start(&l); /* from the journal */
	stop(&l);
	assert_in_range(snapshot_newest_ms(), latest_ms, latest_ms + 1000);
	lone_writer_start(&l.lone); /* from a snapshot */
	place(&l, 10, 10, CELLS, 16);
	stop(&l);
	assert_in_range(snapshot_newest_ms(), latest_ms, latest_ms + 1000);
	lone_writer_start(&l.lone);
	end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_does_not_shorten_how_far_a_client_may_be_behind),
		cmocka_unit_test(nor_does_it_for_clients_that_speak_json),
		cmocka_unit_test(nor_does_a_snapshot_before_the_kill),
		cmocka_unit_test(what_the_log_sends_after_a_kill_is_the_board),
		cmocka_unit_test(a_quiet_board_s_frames_stay_small_after_a_kill),
		cmocka_unit_test(a_board_that_no_segment_could_be_made_for_is_in_the_journal_later),
		cmocka_unit_test(
			an_epoch_that_no_segment_could_be_made_for_is_in_the_journal_later),
		cmocka_unit_test(
			a_snapshot_knows_the_latest_placement_though_the_clock_was_set_back),
		cmocka_unit_test(after_the_journal_is_gone_a_new_epoch_begins),
		cmocka_unit_test(
			a_changed_board_is_refused_in_the_same_words_with_and_without_a_snapshot),
		cmocka_unit_test(history_does_not_take_what_it_may_not_read_for_gone),
	};

	return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
