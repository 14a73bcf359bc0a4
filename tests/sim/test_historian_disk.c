/*
 * test_historian_disk.c - the historian over a disk that fails: every question has an answer, and
 * says that it failed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/journal_make.h"
#include "tests/sim/disk_sim.h"
#include "writer/historian.h"
#include "writer/writer.h"

static struct room room = {.name = "main"};
static struct face face = {.width = 4, .height = 4, .bits = 4};

static void wake_writer(void *arg)
{
	(void)arg;
}

static struct history_job answer_of(struct historian *h, struct spsc *jobs, struct spsc *done,
				    const struct question *what)
{
	struct history_job *job = spsc_push(jobs);
	struct history_job answer;

	*job = (struct history_job){.ask = *what, .room = &room, .face = &face, .upto_lsn = 2};
	(void)spsc_publish(jobs);
	while (spsc_peek(done) == NULL)
		assert_int_equal(historian_turn(h, (struct now){.mono_ns = NS_PER_SEC}), 0);
	answer = *(const struct history_job *)spsc_peek(done);
	spsc_pop(done);
	return answer;
}

static void any_error_of_the_disk_is_an_answer(void **state)
{
	/* the third one is what a database that is away says, too */
	static const int errors[] = {-EIO, -EACCES, -EHOSTUNREACH};
	const struct record records[] = {
		{.type = RECORD_BOARD,
		 .board = {.width = 4, .height = 4, .bits = 4, .name = "main"}},
		{.type = RECORD_EPOCH, .epoch = {.first_seq = 1, .epoch = 1}}};
	const struct question list = {.kind = QUESTION_ROLLBACK, .rollback.op = ROLLBACK_LIST};
	const struct question cell = {.kind = QUESTION_CELL,
				      .cell = {.before_seq = UINT64_MAX, .max = 10}};
	struct historian_config config = {.wake_writer = wake_writer};
	struct historian *h;
	struct history_job job;

	(void)state;
	disk_sim_begin(1);
	assert_int_equal(disk_open("sim", 1, 0, &config.disk), 0);
	(void)segment_make(config.disk, 1, MADE_JOURNAL_ID, 1, records, 2);
	assert_int_equal(spsc_new(4, sizeof(struct history_job), &config.jobs), 0);
	assert_int_equal(spsc_new(4, sizeof(struct history_job), &config.done), 0);
	assert_int_equal(historian_new(&config, &h), 0);
	for (unsigned i = 0; i < 3; i++) {
		disk_sim_deny("journal-", errors[i]);
		job = answer_of(h, config.jobs, config.done, &list);
		assert_int_equal(job.rollback.verdict, ROLLBACK_FAILED);
		job = answer_of(h, config.jobs, config.done, &cell);
		assert_int_not_equal(job.history.verdict, HISTORY_FOUND);
		disk_sim_deny(NULL, 0);
	}
	job = answer_of(h, config.jobs, config.done, &cell);
	assert_int_equal(job.history.verdict, HISTORY_FOUND);
	history_result_drop(&job.history);
	historian_free(h);
	spsc_free(config.jobs);
	spsc_free(config.done);
	disk_close(config.disk);
	disk_sim_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_error_of_the_disk_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
