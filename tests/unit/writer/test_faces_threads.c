/*
 * test_faces_threads.c - faces that change under workers that look at them: each sees whole ones,
 * never an older one again, and none that is gone (the sanitizers say so).
 *
 * Threads: the test's asks, one is the writer, two look as workers do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "edge/mail/mail.h"
#include "tests/temp_dir.h"
#include "writer/writer.h"

#define WORKERS 2
#define WISHES  400
#define COLORS  16

static char dir[TEMP_DIR_BYTES];
static struct settings *settings;
static struct disk *disk;
static struct writer *writer;
static struct keeper *keeper;
static struct spsc *requests[WORKERS], *answers[WORKERS], *pack_jobs, *pack_done;
static _Atomic bool writer_ends, workers_end;
static _Atomic unsigned broken; /* cmocka's asserts are for the test's thread only */

static void no_worker_sleeps(void *arg, unsigned worker)
{
	(void)arg;
	(void)worker;
}

static void nobody_sleeps(void *arg)
{
	(void)arg;
}

static uint64_t round_ns(void *arg)
{
	(void)arg;
	return 0;
}

static int settings_make(void)
{
	char data[TEMP_DIR_BYTES + 8], why[SETTINGS_WHY_CHARS];
	char *argv[] = {(char[]){"pixeld"},
			data,
			(char[]){"--board=a:100x100:4"},
			(char[]){"--people-max=1024"},
			(char[]){"--log-bytes=65536"},
			(char[]){"--journal-segment-bytes=1048576"},
			NULL};
	char *const envp[] = {NULL};

	snprintf(data, sizeof(data), "--data=%s", dir);
	return settings_load(6, argv, envp, &settings, why);
}

static int setup(void **state)
{
	struct writer_config config = {.worker_count = WORKERS,
				       .wake_worker = no_worker_sleeps,
				       .wake_packer = nobody_sleeps,
				       .round_ns = round_ns};
	struct keeper_config keepers = {.wake_writer = nobody_sleeps};
	char why[RECOVER_WHY_BYTES];

	(void)state;
	if (temp_dir_make(dir, "faces") < 0 || settings_make() != 0 ||
	    disk_open(dir, 0, 0, &disk) < 0 ||
	    spsc_new(16, sizeof(struct pack_job), &pack_jobs) < 0 ||
	    spsc_new(16, sizeof(struct pack_job), &pack_done) < 0)
		return -1;
	for (unsigned i = 0; i < WORKERS; i++) {
		if (spsc_new(16, sizeof(struct mail_request), &requests[i]) < 0 ||
		    spsc_new(16, sizeof(struct mail_answer), &answers[i]) < 0)
			return -1;
		config.requests[i] = requests[i];
		config.answers[i] = answers[i];
	}
	config.settings = settings;
	config.disk = disk;
	config.pack_jobs = pack_jobs;
	config.pack_done = pack_done;
	keepers.disk = disk;
	if (writer_new(&config, clock_now(), &writer, why) != 0)
		return -1;
	return keeper_new(&keepers, &keeper);
}

static int teardown(void **state)
{
	(void)state;
	keeper_free(keeper);
	writer_free(writer);
	for (unsigned i = 0; i < WORKERS; i++) {
		spsc_free(requests[i]);
		spsc_free(answers[i]);
	}
	spsc_free(pack_jobs);
	spsc_free(pack_done);
	settings_free(settings);
	disk_close(disk);
	return temp_dir_remove(dir);
}

static void *writer_run(void *arg)
{
	bool nap;

	(void)arg;
	if (writer_start(writer, keeper, clock_now()) != 0)
		broken++;
	while (!atomic_load(&writer_ends)) {
		(void)writer_turn(writer, clock_now(), &nap);
		(void)keeper_turn(keeper, clock_now());
		sched_yield();
	}
	return NULL;
}

/* One that was set has the same number in everything. */
static bool is_whole(const struct face *f)
{
	if (f->json[f->json_len - 1] != '}')
		return false;
	for (unsigned i = 0; i < COLORS && f->version > 1; i++)
		if (f->palette[i].rgb != f->cooldown_ms)
			return false;
	return true;
}

static void *worker_run(void *arg)
{
	struct rooms *rooms = writer_rooms(writer);
	unsigned worker = *(unsigned *)arg;
	uint32_t version = 0;

	while (!atomic_load(&workers_end)) {
		const struct face *f;

		rooms_faces_see(rooms, worker);
		f = room_face(rooms->at[0]);
		for (unsigned looks = 0; looks < 20; looks++) { /* a turn may take long */
			if (f->version < version || !is_whole(f))
				broken++;
			version = f->version;
			sched_yield();
		}
	}
	return NULL;
}

static void answered(void *arg)
{
	(void)sem_post(arg);
}

static void workers_see_whole_faces_that_are_there(void **state)
{
	static unsigned numbers[WORKERS] = {0, 1};
	static struct settings_board board;
	pthread_t threads[WORKERS], writer_thread;
	struct face_wish wish = {.boards = &board, .count = 1, .answered = answered};
	sem_t done;

	(void)state;
	board = settings->boards[0];
	assert_int_equal(sem_init(&done, 0, 0), 0);
	wish.arg = &done;
	assert_int_equal(pthread_create(&writer_thread, NULL, writer_run, NULL), 0);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker_run, &numbers[i]), 0);
	for (uint32_t n = 1; n <= WISHES; n++) {
		board.cooldown_ms = n;
		for (unsigned i = 0; i < COLORS; i++)
			board.palette[i].rgb = n;
		writer_faces_wish(writer, &wish);
		while (sem_wait(&done) < 0 && errno == EINTR)
			;
		assert_string_equal(wish.why, "");
	}
	atomic_store(&workers_end, true);
	for (unsigned i = 0; i < WORKERS; i++)
		(void)pthread_join(threads[i], NULL);
	atomic_store(&writer_ends, true);
	(void)pthread_join(writer_thread, NULL);
	assert_int_equal(broken, 0);
	assert_int_equal(room_face(writer_rooms(writer)->at[0])->version, 1 + WISHES);
	(void)sem_destroy(&done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
		workers_see_whole_faces_that_are_there, setup, teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
