/*
 * test_full.c - a receiver that begins with a copy, over a real writer, journal and driver: what it
 * holds is the board, whatever is placed while the copy is made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "persist/journal/keeper.h"
#include "persist/receiver/receiver.h"
#include "tests/prng.h"
#include "tests/temp_dir.h"
#include "writer/writer.h"

#define BOARDS     2u
#define WIDTH      2048u /* of both; a copy takes several turns, of the second more */
#define PER_TURN   40u
#define PLACED_MIN 4000u
#define TURNS_MAX  1000000u

static const uint32_t heights[BOARDS] = {1024, 2048};

/* What was copied and followed. */
struct mirror {
	struct board *boards[BOARDS];
	uint64_t seq[BOARDS];
	uint32_t epoch[BOARDS];
	struct receiver_position at;
	unsigned copies, followed;
	bool is_filled;
};

static char dir[TEMP_DIR_BYTES];
static struct disk *disk;
static struct settings *settings;
static struct spsc *requests, *answers, *pack_jobs, *pack_done;
static struct keeper *keeper;
static struct writer *writer;
static struct receiver *receiver;
static struct full_copy mirrors_copy, other_copy;
static struct mirror mirror;
static struct now now;
static uint64_t dice, asked, placed, receiver_due_ns;

/* --- the receiver ----------------------------------------------------------------------------- */

static enum receiver_verdict mirror_init(void *self, const struct receiver_journal *journal,
					 struct receiver_position *ret_position)
{
	struct mirror *m = self;

	(void)journal;
	*ret_position = m->at;
	return m->is_filled ? RECEIVER_OK : RECEIVER_COPY;
}

static enum receiver_verdict mirror_copy(void *self, const struct receiver_position *at,
					 const struct full_copy *boards)
{
	struct mirror *m = self;

	assert_int_equal(boards->count, BOARDS);
	assert_int_not_equal(at->chain, 0);
	for (uint32_t i = 0; i < BOARDS; i++) {
		const struct board_copy *copy = boards->boards[i].copy;

		assert_int_equal(boards->boards[i].number, i);
		assert_int_equal(copy->len, board_bytes(m->boards[i]));
		board_load(m->boards[i], copy->bytes, copy->len);
		m->seq[i] = copy->seq;
		m->epoch[i] = copy->epoch;
	}
	m->at = *at;
	m->copies++;
	m->is_filled = true;
	return RECEIVER_OK;
}

static enum receiver_verdict mirror_event(void *self, uint64_t lsn, const struct record *record)
{
	struct mirror *m = self;
	struct record_cells cells = {record, 0};
	const struct record_placement *p;

	assert_true(m->is_filled);
	assert_true(lsn > m->at.lsn);
	assert_int_equal(record->type, RECORD_PLACEMENT);
	while ((p = record_cells_next(&cells)) != NULL) {
		assert_true(p->board < BOARDS);
		assert_int_equal(p->epoch, m->epoch[p->board]);
		assert_int_equal(p->seq, m->seq[p->board] + 1);
		m->seq[p->board] = p->seq;
		(void)board_set(m->boards[p->board], (uint32_t)p->y * WIDTH + p->x, p->color);
		m->followed++;
	}
	return RECEIVER_OK;
}

static enum receiver_verdict mirror_flush(void *self, const struct receiver_position *to)
{
	((struct mirror *)self)->at = *to;
	return RECEIVER_OK;
}

static void mirror_close(void *self)
{
	(void)self;
}

static const char *mirror_why(const void *self)
{
	(void)self;
	return "";
}

static const struct receiver_ops mirror_ops = {
	.name = "mirror",
	.init = mirror_init,
	.copy = mirror_copy,
	.event = mirror_event,
	.flush = mirror_flush,
	.close = mirror_close,
	.why = mirror_why,
};

/* --- a server without threads ----------------------------------------------------------------- */

static void nobody_sleeps(void *arg)
{
	(void)arg;
}

static void no_worker_sleeps(void *arg, unsigned worker)
{
	(void)arg;
	(void)worker;
}

static uint64_t round_ns(void *arg)
{
	(void)arg;
	return 0;
}

static uint64_t durable_lsn(void *arg)
{
	(void)arg;
	return writer_durable_lsn(writer);
}

static int settings_make(void)
{
	char data[TEMP_DIR_BYTES + 8], why[SETTINGS_WHY_CHARS];
	char *argv[] = {(char[]){"pixeld"},
			data,
			(char[]){"--board=a:2048x1024:4"},
			(char[]){"--board=b:2048x2048:4"},
			(char[]){"--cooldown-ms=0"},
			(char[]){"--people-max=1024"},
			(char[]){"--log-bytes=65536"},
			(char[]){"--journal-segment-bytes=1048576"},
			(char[]){"--snapshot-interval-s=1"},
			NULL};
	char *const envp[] = {NULL};

	snprintf(data, sizeof(data), "--data=%s", dir);
	return settings_load(9, argv, envp, &settings, why);
}

static int receiver_make(void)
{
	const struct receiver_config config = {.ops = &mirror_ops,
					       .self = &mirror,
					       .data = dir,
					       .journal_id = writer_journal_id(writer),
					       .batch_records = 500,
					       .batch_bytes = 1 << 20,
					       .batch_age_ns = 20 * NS_PER_MS,
					       .seed = 1,
					       .copy = &mirrors_copy,
					       .durable_lsn = durable_lsn,
					       .wake_writer = nobody_sleeps};

	for (uint32_t i = 0; i < BOARDS; i++)
		if (board_new(WIDTH, heights[i], 4, &mirror.boards[i]) < 0)
			return -1;
	return receiver_new(&config, now, &receiver);
}

static int setup(void **state)
{
	struct writer_config config = {.worker_count = 1,
				       .wake_worker = no_worker_sleeps,
				       .wake_packer = nobody_sleeps,
				       .round_ns = round_ns,
				       .full_copies = {&mirrors_copy, &other_copy},
				       .full_copy_count = 2};
	struct keeper_config keepers = {.wake_writer = nobody_sleeps};
	char why[RECOVER_WHY_BYTES];

	(void)state;
	memset(&mirror, 0, sizeof(mirror));
	now = (struct now){.mono_ns = NS_PER_SEC, .wall_ms = 1490918400000};
	dice = 1;
	asked = placed = receiver_due_ns = 0;
	if (temp_dir_make(dir, "full") < 0 || settings_make() != 0 ||
	    disk_open(dir, 0, 0, &disk) < 0 ||
	    spsc_new(1024, sizeof(struct mail_request), &requests) < 0 ||
	    spsc_new(1024, sizeof(struct mail_answer), &answers) < 0 ||
	    spsc_new(16, sizeof(struct pack_job), &pack_jobs) < 0 ||
	    spsc_new(16, sizeof(struct pack_job), &pack_done) < 0)
		return -1;
	config.settings = settings;
	config.disk = disk;
	config.requests[0] = requests;
	config.answers[0] = answers;
	config.pack_jobs = pack_jobs;
	config.pack_done = pack_done;
	keepers.disk = disk;
	if (writer_new(&config, now, &writer, why) != 0 || keeper_new(&keepers, &keeper) < 0 ||
	    writer_start(writer, keeper, now) < 0)
		return -1;
	return receiver_make();
}

static int teardown(void **state)
{
	(void)state;
	receiver_free(receiver);
	keeper_free(keeper);
	writer_free(writer);
	for (uint32_t i = 0; i < BOARDS; i++)
		board_free(mirror.boards[i]);
	spsc_free(requests);
	spsc_free(answers);
	spsc_free(pack_jobs);
	spsc_free(pack_done);
	settings_free(settings);
	disk_close(disk);
	return temp_dir_remove(dir);
}

static void answers_count(void)
{
	const struct mail_answer *a;

	while ((a = spsc_peek(answers)) != NULL) {
		if (a->head.type == MAIL_PLACED)
			placed++;
		else
			asked--; /* the journal is being opened */
		spsc_pop(answers);
	}
}

/* All of them once, and the kernel as long as the writer would sleep. */
static void turn(void)
{
	bool nap;

	(void)writer_turn(writer, now, &nap);
	while (keeper_turn(keeper, now) == 0)
		;
	if (receiver != NULL && now.mono_ns >= receiver_due_ns)
		receiver_due_ns = now.mono_ns + receiver_turn(receiver, now);
	answers_count();
	ring_wait(writer_ring(writer), NS_PER_MS / 10);
	now.mono_ns += NS_PER_MS;
	now.wall_ms = 1490918400000 + now.mono_ns / NS_PER_MS;
}

static void place(unsigned count)
{
	for (unsigned i = 0; i < count && asked - placed < 500; i++) {
		struct mail_request *m = spsc_push(requests);
		uint64_t draw = prng_next(&dice);

		assert_non_null(m);
		*m = (struct mail_request){
			.head = {.type = MAIL_PLACE, .board = draw % BOARDS},
			.place = {.nameless = true,
				  .x = (uint32_t)(draw >> 8) % WIDTH,
				  .y = (uint32_t)(draw >> 24) % heights[draw % BOARDS],
				  .color = (uint32_t)(draw >> 40) % 16,
				  .asked_ns = now.mono_ns}};
		m->place.user[0] = (uint8_t)(draw >> 48) % 100;
		asked++;
	}
	(void)spsc_publish(requests);
}

#define TURNS_WHILE(condition, placing)                                                            \
	for (unsigned turns = 0; condition; turns++) {                                             \
		assert_true(turns < TURNS_MAX);                                                    \
		place(placing);                                                                    \
		turn();                                                                            \
	}

/* Nobody places any more. */
static void expect_the_same_as_the_board(void)
{
	TURNS_WHILE(asked != placed || mirror.at.lsn < writer_durable_lsn(writer), 0)
	full_copy_ask(&other_copy);
	TURNS_WHILE(!full_copy_is_ready(&other_copy), 0)
	assert_int_equal(other_copy.lsn, mirror.at.lsn);
	for (uint32_t i = 0; i < BOARDS; i++) {
		const struct board_copy *copy = other_copy.boards[i].copy;

		assert_int_equal(mirror.seq[i], copy->seq);
		assert_int_equal(board_hash(mirror.boards[i]), copy->hash);
		assert_int_equal(board_hash_bytes(copy->bytes, copy->len), copy->hash);
	}
	full_copy_return(&other_copy);
}

/* --- what must hold --------------------------------------------------------------------------- */

static void what_follows_the_copy_makes_the_board(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		unsigned copies = mirror.copies;

		mirror.is_filled = false;
		mirror.followed = 0;
		receiver_stop(receiver);
		TURNS_WHILE(!receiver_is_closed(receiver), i == 0 ? PER_TURN : 0)
		receiver_free(receiver);
		for (uint32_t b = 0; b < BOARDS; b++)
			board_free(mirror.boards[b]);
		assert_int_equal(receiver_make(), 0);
		receiver_due_ns = 0;
		TURNS_WHILE(mirror.copies == copies, PER_TURN)
		TURNS_WHILE(mirror.followed < PLACED_MIN, PER_TURN)
		expect_the_same_as_the_board();
	}
	assert_int_equal(mirror.copies, 3);
}

static void client_asks_for_the_board(void)
{
	struct mail_request *m = spsc_push(requests);

	assert_non_null(m);
	*m = (struct mail_request){.head = {.type = MAIL_ASK_BITMAP}};
	(void)spsc_publish(requests);
}

/* While the packer has a copy, too. */
static void a_copy_that_is_kept_long_is_in_nobodys_way(void **state)
{
	uint64_t snapshots;

	(void)state;
	client_asks_for_the_board();
	TURNS_WHILE(spsc_peek(pack_jobs) == NULL, PER_TURN)
	full_copy_ask(&other_copy);
	TURNS_WHILE(!full_copy_is_ready(&other_copy) || mirror.copies == 0, PER_TURN)
	snapshots = metric_get(&writer_metrics(writer)->snapshots);
	TURNS_WHILE(metric_get(&writer_metrics(writer)->snapshots) < snapshots + 2, PER_TURN)
	full_copy_return(&other_copy);
	expect_the_same_as_the_board();
}

static void the_end_does_not_wait_for_who_keeps_one(void **state)
{
	(void)state;
	full_copy_ask(&other_copy);
	TURNS_WHILE(!full_copy_is_ready(&other_copy), PER_TURN)
	TURNS_WHILE(asked != placed, 0)
	writer_stop(writer);
	TURNS_WHILE(!writer_is_stopped(writer), 0)
	assert_true(full_copy_is_ready(&other_copy)); /* and writer_free() takes it back */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_follows_the_copy_makes_the_board),
		TEST(a_copy_that_is_kept_long_is_in_nobodys_way),
		TEST(the_end_does_not_wait_for_who_keeps_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
