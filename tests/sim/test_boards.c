/*
 * test_boards.c - boards while people place. They get other faces: what holds from when on, what is
 * refused, what the logs tell, and how long an old face is kept. And those with nothing to do are
 * not looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/codec/message.h"
#include "edge/codec/ws_frame.h"
#include "edge/mail/mail.h"
#include "engine/base/blob.h"
#include "engine/room_log.h"
#include "tests/sim/disk_sim.h"
#include "tests/sim/lone_writer.h"
#include "tests/sim/ring_sim.h"
#include "writer/writer.h"

#define SIDE      100
#define TURNS_MAX 100000

#define IDLE_MAX 200

enum { MAIN, SIDE_BOARD, BOARDS };

/* What a test begins with. */
struct plan {
	unsigned idle; /* boards besides */
};

struct life {
	struct lone_writer lone;
	struct settings_board boards[BOARDS]; /* as they are to look next */
	struct mail_answer answer;            /* the last one */
	unsigned answers_count;
	bool sees_faces; /* as a worker that takes turns */
	struct face_wish wish;
	unsigned answered;
};

static void settings_make(struct life *l, unsigned idle)
{
	static char names[IDLE_MAX][32];
	static char args[][40] = {"pixeld",
				  "--board=main:100x100:4",
				  "--board=side:10x10:4",
				  "--journal-segment-bytes=4MiB",
				  "--people-max=1024",
				  "--cooldown-ms=0",
				  "--status-interval-ms=5s",
				  "--cut-interval-ms=1ms",
				  "--log-bytes=64KiB"};
	char *argv[10 + IDLE_MAX] = {NULL}, *const envp[] = {NULL};
	char why[SETTINGS_WHY_CHARS];

	for (int i = 0; i < 9; i++)
		argv[i] = args[i];
	for (unsigned i = 0; i < idle; i++) {
		snprintf(names[i], sizeof(names[i]), "--board=idle%u:4x4:4", i);
		argv[9 + i] = names[i];
	}
	assert_int_equal(settings_load((int)(9 + idle), argv, envp, &l->lone.settings, why), 0);
	memcpy(l->boards, l->lone.settings->boards, sizeof(l->boards));
}

static void parts_free(struct life *l)
{
	lone_writer_free(&l->lone);
	disk_sim_process_kill();
}

static struct room *room(struct life *l, unsigned board)
{
	return lone_writer_room(&l->lone, board);
}

static const struct face *face(struct life *l, unsigned board)
{
	return room_face(room(l, board));
}

static struct room_log *binary_log(struct life *l)
{
	return lone_writer_log(&l->lone, MAIN);
}

/* Nothing that the disk did in between is known in it. */
static void turn_at_once(struct life *l)
{
	const struct mail_answer *a;
	bool nap;

	(void)spsc_publish(l->lone.requests);
	(void)writer_turn(l->lone.writer, l->lone.now, &nap);
	if (l->sees_faces)
		rooms_faces_see(writer_rooms(l->lone.writer), 0);
	while ((a = spsc_peek(l->lone.answers)) != NULL) {
		l->answer = *a;
		l->answers_count++;
		spsc_pop(l->lone.answers);
	}
}

static void turn(struct life *l)
{
	turn_at_once(l);
	lone_writer_pass(&l->lone);
}

static void turns(struct life *l, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		turn(l);
}

static void start(struct life *l)
{
	lone_writer_start(&l->lone);
	while (!writer_is_ready(l->lone.writer))
		turn(l);
	turns(l, 10);
}

static int begin(void **state)
{
	const struct plan *plan = *state;
	struct life *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->lone.now = (struct now){.mono_ns = NS_PER_SEC, .wall_ms = 1700000000000ULL};
	l->sees_faces = true;
	disk_sim_begin(1);
	ring_sim_begin(NULL, &disk_sim_for_ring, 1);
	settings_make(l, plan != NULL ? plan->idle : 0);
	start(l);
	*state = l;
	return 0;
}

static int end(void **state)
{
	struct life *l = *state;

	writer_stop(l->lone.writer);
	while (!writer_is_stopped(l->lone.writer))
		turn(l);
	parts_free(l);
	settings_free(l->lone.settings);
	ring_sim_end();
	disk_sim_end();
	free(l);
	return 0;
}

static void ask(struct life *l, unsigned board, uint32_t cell, uint32_t color)
{
	lone_writer_ask(&l->lone, (uint16_t)board, cell % SIDE, cell / SIDE, color);
}

/* What becomes of one placement, when it is durable: enum refusal. */
static enum refusal placed(struct life *l, unsigned board, uint32_t cell, uint32_t color)
{
	unsigned before = l->answers_count;

	ask(l, board, cell, color);
	for (unsigned i = 0; l->answers_count == before; i++) {
		assert_true(i < TURNS_MAX);
		turn(l);
	}
	if (l->answer.head.type == MAIL_PLACED)
		return REFUSAL_NONE;
	assert_int_equal(l->answer.head.type, MAIL_REFUSED);
	return (enum refusal)l->answer.refused.refusal;
}

static void answered(void *arg)
{
	struct life *l = arg;

	l->answered++;
}

/* Gives all boards the faces of l->boards; the sentence why not, or "". */
static const char *set_in(struct life *l, void (*turn_of)(struct life *l))
{
	unsigned before = l->answered;

	l->wish = (struct face_wish){
		.boards = l->boards, .count = BOARDS, .arg = l, .answered = answered};
	writer_faces_wish(l->lone.writer, &l->wish);
	assert_true(writer_has_mail(l->lone.writer)); /* or it would sleep over it */
	turn_of(l);
	assert_int_equal(l->answered, before + 1);
	return l->wish.why;
}

static const char *set(struct life *l)
{
	return set_in(l, turn);
}

/* --- what the log tells ----------------------------------------------------------------------- */

#define HEARD_MAX 64

struct heard {
	enum message_type type;
	uint32_t version;
	uint32_t face_len;
	uint64_t last;         /* of a delta, */
	uint8_t highest_color; /* and in it */
};

static uint8_t highest_color(const struct msg_delta *d, struct bytes payload)
{
	static struct delta_cell cells[SIDE * SIDE];
	uint8_t highest = 0;

	assert_true(d->count <= SIDE * SIDE);
	assert_int_equal(delta_decode(SIDE * SIDE, 4, payload.at,
				      (size_t)(payload.end - payload.at), d->count, cells),
			 0);
	for (uint32_t i = 0; i < d->count; i++)
		highest = cells[i].color > highest ? cells[i].color : highest;
	return highest;
}

static unsigned log_read(struct life *l, uint64_t from, struct heard heard[static HEARD_MAX])
{
	struct bytes payload;
	struct message m;
	unsigned count = 0;

	while (lone_writer_hear(binary_log(l), &from, &m, &payload)) {
		if (m.type == MSG_STATUS)
			continue;
		assert_true(count < HEARD_MAX);
		heard[count] = (struct heard){.type = m.type};
		if (m.type == MSG_BOARD) {
			heard[count].version = m.board.version;
			heard[count].face_len = (uint32_t)m.board.face_len;
			assert_memory_equal(m.board.face, face(l, MAIN)->json,
					    face(l, MAIN)->json_len);
		} else {
			heard[count].last = m.delta.last;
			heard[count].highest_color = highest_color(&m.delta, payload);
		}
		count++;
	}
	return count;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void face_holds_from_the_next_placement_on(void **state)
{
	struct life *l = *state;

	assert_int_equal(placed(l, MAIN, 1, 15), REFUSAL_NONE);
	l->boards[MAIN].frozen = true;
	assert_string_equal(set(l), "");
	assert_int_equal(l->wish.changed, 1);
	assert_int_equal(placed(l, MAIN, 1, 3), REFUSAL_FROZEN);
	assert_int_equal(placed(l, SIDE_BOARD, 1, 3), REFUSAL_NONE);
	l->boards[MAIN].frozen = false;
	l->boards[MAIN].cooldown_ms = 3600000;
	assert_string_equal(set(l), "");
	assert_int_equal(placed(l, MAIN, 1, 3), REFUSAL_COOLDOWN); /* it placed a moment ago */
	l->boards[MAIN].cooldown_ms = 0;
	assert_string_equal(set(l), "");
	assert_int_equal(placed(l, MAIN, 1, 3), REFUSAL_NONE);
	l->boards[MAIN].colors = 4;
	assert_string_equal(set(l), "");
	assert_int_equal(placed(l, MAIN, 2, 4), REFUSAL_BAD_COLOR);
	assert_int_equal(placed(l, MAIN, 2, 3), REFUSAL_NONE);
	assert_int_equal(face(l, MAIN)->version, 5);
	assert_int_equal(face(l, SIDE_BOARD)->version, 1);
}

/* Whoever waits is not forgotten by the old cooldown. */
static void longer_cooldown_holds_for_who_placed_before(void **state)
{
	struct life *l = *state;

	assert_int_equal(placed(l, MAIN, 1, 3), REFUSAL_NONE);
	l->boards[MAIN].cooldown_ms = 3600000;
	assert_string_equal(set(l), "");
	l->lone.now.mono_ns += 1800 * NS_PER_SEC;
	l->lone.now.wall_ms += 1800000;
	turns(l, 1000);
	assert_int_equal(placed(l, MAIN, 1, 4), REFUSAL_COOLDOWN);
	l->lone.now.mono_ns += 1800 * NS_PER_SEC;
	l->lone.now.wall_ms += 1800000;
	turns(l, 1000);
	assert_int_equal(placed(l, MAIN, 1, 4), REFUSAL_NONE);
}

static void same_face_is_no_change(void **state)
{
	struct life *l = *state;
	const struct face *before = face(l, MAIN);

	assert_string_equal(set(l), "");
	assert_int_equal(l->wish.changed, 0);
	assert_ptr_equal(face(l, MAIN), before);
}

static void palette_without_a_color_in_use_is_refused_as_at_the_start(void **state)
{
	struct life *l = *state;
	const struct face *before = face(l, MAIN), *side = face(l, SIDE_BOARD);
	char why[RECOVER_WHY_BYTES] = "", said[FACE_WHY_BYTES];

	assert_int_equal(placed(l, MAIN, 203, 9), REFUSAL_NONE);
	assert_int_equal(placed(l, MAIN, 204, 15), REFUSAL_NONE);
	l->boards[MAIN].colors = 9;
	l->boards[SIDE_BOARD].frozen = true;
	snprintf(said, sizeof(said), "%s", set(l));
	assert_non_null(strstr(said, "board main has 2 cells in colors that are not among the 9"));
	assert_non_null(strstr(said, "the first is 3,2 in color 9"));
	assert_ptr_equal(face(l, MAIN), before);
	assert_ptr_equal(face(l, SIDE_BOARD), side); /* all of a wish, or nothing */
	/* the start says the same */
	writer_stop(l->lone.writer);
	while (!writer_is_stopped(l->lone.writer))
		turn(l);
	parts_free(l);
	memcpy(l->lone.settings->boards, l->boards, sizeof(l->boards));
	assert_int_equal(lone_writer_make(&l->lone, why), EXIT_CONFIG);
	assert_string_equal(why, said);
	l->lone.settings->boards[MAIN].colors = 10;
	parts_free(l);
	assert_int_equal(lone_writer_make(&l->lone, why), EXIT_CONFIG);
	assert_non_null(strstr(why, "board main has 1 cell in colors that are not among the 10"));
	l->lone.settings->boards[MAIN].colors = 16;
	parts_free(l);
	start(l);
}

static void color_that_waits_for_the_journal_is_in_use(void **state)
{
	struct life *l = *state;

	ask(l, MAIN, 105, 12);
	turn_at_once(l);
	l->boards[MAIN].colors = 12;
	assert_non_null(strstr(set_in(l, turn_at_once), "the first is 5,1 in color 12"));
	assert_int_equal(atomic_load(&room(l, MAIN)->seq), 0); /* it did wait */
	l->boards[MAIN].colors = 13;
	assert_string_equal(set(l), "");
	turns(l, 100);
	assert_int_equal(atomic_load(&room(l, MAIN)->seq), 1);
	assert_int_equal(placed(l, MAIN, 105, 0), REFUSAL_NONE);
	l->boards[MAIN].colors = 12; /* nothing shows it any more */
	assert_string_equal(set(l), "");
}

static void other_sizes_and_other_boards_are_refused(void **state)
{
	struct life *l = *state;
	const struct face *before = face(l, MAIN);

	l->boards[MAIN].frozen = true;
	l->boards[SIDE_BOARD].width = 11;
	assert_non_null(strstr(set(l), "board side is 10x10:4 in the data directory and 11x10:4"));
	l->boards[SIDE_BOARD].width = 10;
	snprintf(l->boards[SIDE_BOARD].name, sizeof(l->boards[0].name), "new");
	assert_non_null(strstr(set(l), "board new is not served"));
	assert_ptr_equal(face(l, MAIN), before);
}

static void log_tells_of_a_face_before_anything_that_it_allows(void **state)
{
	struct life *l = *state;
	struct heard heard[HEARD_MAX] = {0};
	uint64_t from;

	l->boards[MAIN].colors = 4;
	assert_string_equal(set(l), "");
	turns(l, 10);
	from = room_log_head(binary_log(l));
	ask(l, MAIN, 7, 2); /* the turn that accepts it gives the board its next face first */
	l->boards[MAIN].colors = 16;
	assert_string_equal(set(l), "");
	assert_int_equal(placed(l, MAIN, 8, 15), REFUSAL_NONE);
	turns(l, 200);
	assert_in_range(log_read(l, from, heard), 2, 3);
	assert_int_equal(heard[0].type, MSG_BOARD);
	assert_int_equal(heard[0].version, 3);
	assert_int_equal(heard[0].face_len, face(l, MAIN)->json_len);
	assert_int_equal(heard[1].type, MSG_DELTA);
}

static void log_tells_of_a_shorter_palette_after_the_last_color_is_gone(void **state)
{
	struct life *l = *state;
	struct heard heard[HEARD_MAX] = {0};
	struct room_log *log = binary_log(l);
	uint64_t from;

	/* What is guarded is the oldest that a full log has; nothing more fits into it. */
	assert_true(room_log_guard(log, 0, room_log_head(log)));
	for (uint32_t i = 0; metric_get(&writer_metrics(l->lone.writer)->cuts_delayed) == 0; i++) {
		assert_true(i < TURNS_MAX);
		ask(l, MAIN, 1 + i % (SIDE * SIDE - 1), 1 + i / (SIDE * SIDE - 1) % 2);
		ask(l, MAIN, 0, 14 + i % 2);
		turn(l);
	}
	from = room_log_head(log);
	turns(l, 200); /* all of it is settled */
	assert_int_equal(placed(l, MAIN, 0, 1), REFUSAL_NONE);
	l->boards[MAIN].colors = 4;
	assert_string_equal(set(l), "");
	turns(l, 50);
	assert_int_equal(room_log_head(log), from); /* else nothing was in the way */
	room_log_release(log, 0);
	turns(l, 200);
	assert_int_equal(log_read(l, from, heard), 3);
	assert_int_equal(heard[0].type, MSG_DELTA);
	assert_in_range(heard[0].highest_color, 14, 15);
	assert_int_equal(heard[1].type, MSG_DELTA); /* what it showed is gone from boards, */
	assert_in_range(heard[1].highest_color, 0, 3);
	assert_int_equal(heard[2].type, MSG_BOARD); /* then from the palette */
	assert_int_equal(heard[2].version, 2);
}

/* How many hold the face besides the test. */
static uint32_t holders(struct face *f)
{
	return atomic_load(&f->refs) - 1;
}

static void old_face_is_kept_until_every_worker_has_begun_a_turn(void **state)
{
	struct life *l = *state;
	struct face *old = face_ref(atomic_load(&room(l, MAIN)->face));

	l->sees_faces = false;
	l->boards[MAIN].frozen = true;
	assert_string_equal(set(l), "");
	assert_ptr_not_equal(face(l, MAIN), old);
	turns(l, 100);
	assert_int_equal(holders(old), 1);
	rooms_faces_see(writer_rooms(l->lone.writer), 0);
	turns(l, 2);
	assert_int_equal(holders(old), 0);
	face_unref(old);
}

/* The test is the packer. */
static void board_that_is_packed_keeps_its_face(void **state)
{
	struct life *l = *state;
	struct mail_request *m = spsc_push(l->lone.requests);
	struct face *old = face_ref(atomic_load(&room(l, MAIN)->face));
	struct pack_job job;

	assert_non_null(m);
	*m = (struct mail_request){.head = {.type = MAIL_ASK_BITMAP, .board = MAIN}};
	for (unsigned i = 0; spsc_peek(l->lone.pack_jobs) == NULL; i++) {
		assert_true(i < TURNS_MAX);
		turn(l);
	}
	job = *(const struct pack_job *)spsc_peek(l->lone.pack_jobs);
	spsc_pop(l->lone.pack_jobs);
	assert_ptr_equal(job.face, old);
	l->boards[MAIN].palette[0].rgb = 0x123456;
	assert_string_equal(set(l), "");
	turns(l, 10);
	assert_ptr_not_equal(face(l, MAIN), old);
	assert_int_equal(holders(old), 1); /* the job's: workers have begun turns */
	*(struct pack_job *)spsc_push(l->lone.pack_done) = job;
	(void)spsc_publish(l->lone.pack_done);
	turn(l);
	assert_int_equal(l->answer.head.type, MAIL_BITMAP);
	assert_int_equal(l->answer.bitmap.tag, old->tag); /* of the palette that is in it */
	assert_int_equal(holders(old), 0);
	face_unref(old);
}

static void many_changes_in_a_row_keep_few_faces(void **state)
{
	struct life *l = *state;

	for (unsigned i = 0; i < 3000; i++) {
		l->boards[i % 2].frozen = !l->boards[i % 2].frozen;
		assert_string_equal(set(l), "");
	}
	assert_int_equal(face(l, MAIN)->version, 1501);
}

/* Asks for a rollback, and is the historian, who plans that cell 5 becomes `color`. */
static void rollback_plan(struct life *l, uint8_t color)
{
	struct mail_request *m = spsc_push(l->lone.requests);
	struct history_job job, *slot;

	assert_non_null(m);
	*m = (struct mail_request){
		.head = {.type = MAIL_QUESTION, .board = MAIN},
		.question = {.asked_ns = l->lone.now.mono_ns,
			     .ask = {.kind = QUESTION_ROLLBACK,
				     .rollback = {calloc(1, sizeof(struct rollback_order)),
						  ROLLBACK_DO}}}};
	turn(l);
	assert_non_null(spsc_peek(l->lone.history_jobs));
	job = *(const struct history_job *)spsc_peek(l->lone.history_jobs);
	spsc_pop(l->lone.history_jobs);
	job.rollback.verdict = ROLLBACK_DONE;
	job.rollback.told = blob_new(sizeof(struct told_rollback));
	memset(job.rollback.told->bytes, 0, sizeof(struct told_rollback));
	job.offer = calloc(1, sizeof(*job.offer) + sizeof(job.offer->cells[0]));
	job.offer->placements = job.offer->first_seq = job.offer->count = 1;
	job.offer->cells[0] = (struct delta_cell){5, color};
	slot = spsc_push(l->lone.history_done);
	*slot = job;
}

/* What becomes of the plan. */
static enum rollback_verdict rolled_back(struct life *l)
{
	unsigned before = l->answers_count;
	enum rollback_verdict verdict;

	(void)spsc_publish(l->lone.history_done);
	for (unsigned i = 0; l->answers_count == before; i++) {
		assert_true(i < TURNS_MAX);
		turn(l);
	}
	assert_int_equal(l->answer.head.type, MAIL_ROLLBACK);
	verdict = (enum rollback_verdict)l->answer.rollback.verdict;
	mail_answer_drop(&l->answer);
	return verdict;
}

static void rollback_shows_no_color_that_was_lost_since_it_was_planned(void **state)
{
	struct life *l = *state;
	uint64_t seq;

	assert_int_equal(placed(l, MAIN, 5, 1), REFUSAL_NONE);
	seq = atomic_load(&room(l, MAIN)->seq);
	rollback_plan(l, 12);
	l->boards[MAIN].colors = 12;
	assert_string_equal(set(l), "");
	assert_int_equal(rolled_back(l), ROLLBACK_NO_COLOR);
	assert_int_equal(atomic_load(&room(l, MAIN)->seq), seq);
	rollback_plan(l, 11);
	assert_int_equal(rolled_back(l), ROLLBACK_DONE);
	assert_int_equal(atomic_load(&room(l, MAIN)->seq), seq + 1);
}

/* --- what is looked at ------------------------------------------------------------------------ */

static uint64_t looks_in(struct life *l, unsigned count)
{
	uint64_t before = writer_board_looks(l->lone.writer);

	turns(l, count);
	return writer_board_looks(l->lone.writer) - before;
}

/* Until all statuses of the start are behind us, and none is due soon: in the next second nothing
 * is to be done. */
static void come_to_rest(struct life *l)
{
	turns(l, 1000);
}

static void boards_with_nothing_to_do_are_not_looked_at(void **state)
{
	struct life *l = *state;

	come_to_rest(l);
	assert_int_equal(looks_in(l, 1000), 0);
}

static void only_the_board_that_is_placed_on_is_looked_at(void **state)
{
	struct life *l = *state;
	uint64_t looks, frames;

	come_to_rest(l);
	frames = metric_get(&writer_metrics(l->lone.writer)->frames_cut);
	looks = writer_board_looks(l->lone.writer);
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(placed(l, MAIN, i, 1), REFUSAL_NONE);
	looks = writer_board_looks(l->lone.writer) - looks;
	frames = metric_get(&writer_metrics(l->lone.writer)->frames_cut) - frames;
	assert_true(frames >= 49); /* the last one may be to come */
	assert_true(looks > 0);
	assert_true(looks <= frames * 20); /* a few in each turn until the frame is cut */
	turns(l, 100);
	assert_int_equal(looks_in(l, 100), 0);
}

static void every_board_has_its_status_when_it_is_due(void **state)
{
	struct life *l = *state;
	uint64_t before[IDLE_MAX + BOARDS];
	unsigned boards = writer_rooms(l->lone.writer)->end;

	come_to_rest(l);
	for (unsigned b = 0; b < boards; b++)
		before[b] = room_log_head(lone_writer_log(&l->lone, b));
	turns(l, 5000);
	for (unsigned b = 0; b < boards; b++)
		assert_true(room_log_head(lone_writer_log(&l->lone, b)) > before[b]);
	/* one look for the status, and those at the end of the turn */
	assert_true(looks_in(l, 5000) <= 5 * boards);
}

static void every_frame_is_counted_for_the_workers(void **state)
{
	struct life *l = *state;
	uint64_t before = atomic_load(&writer_rooms(l->lone.writer)->frames);

	assert_int_equal(placed(l, MAIN, 1, 1), REFUSAL_NONE);
	turns(l, 100);
	assert_int_equal(atomic_load(&writer_rooms(l->lone.writer)->frames), before + 1);
	l->boards[MAIN].frozen = true;
	assert_string_equal(set(l), "");
	turns(l, 100);
	assert_int_equal(atomic_load(&writer_rooms(l->lone.writer)->frames), before + 2);
}

static struct plan many_idle = {.idle = IDLE_MAX};

#define IDLE(name) cmocka_unit_test_prestate_setup_teardown(name, begin, end, &many_idle)
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(face_holds_from_the_next_placement_on),
		TEST(longer_cooldown_holds_for_who_placed_before),
		TEST(same_face_is_no_change),
		TEST(palette_without_a_color_in_use_is_refused_as_at_the_start),
		TEST(color_that_waits_for_the_journal_is_in_use),
		TEST(other_sizes_and_other_boards_are_refused),
		TEST(log_tells_of_a_face_before_anything_that_it_allows),
		TEST(log_tells_of_a_shorter_palette_after_the_last_color_is_gone),
		TEST(old_face_is_kept_until_every_worker_has_begun_a_turn),
		TEST(board_that_is_packed_keeps_its_face),
		TEST(many_changes_in_a_row_keep_few_faces),
		TEST(rollback_shows_no_color_that_was_lost_since_it_was_planned),
		TEST(boards_with_nothing_to_do_are_not_looked_at),
		IDLE(boards_with_nothing_to_do_are_not_looked_at),
		TEST(only_the_board_that_is_placed_on_is_looked_at),
		IDLE(only_the_board_that_is_placed_on_is_looked_at),
		TEST(every_board_has_its_status_when_it_is_due),
		IDLE(every_board_has_its_status_when_it_is_due),
		TEST(every_frame_is_counted_for_the_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
