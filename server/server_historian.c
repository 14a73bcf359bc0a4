/*
 * server_historian.c - the historian's thread, see writer/historian.h; with the database as a
 * source of the past, if one is configured.
 *
 * Memory   its queues with the writer; at the end the writer empties them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/server_priv.h"
#include "writer/historian.h"

/* What it reads for one client takes a core for seconds: everybody else goes first. */
#define HISTORIAN_NICE 15

struct server_historian {
	struct historian *historian;
	struct disk *disk; /* a handle of its own */
	struct past *past; /* NULL: no database is configured */
	struct spsc *jobs, *done;
};

static void wake_historian(void *arg)
{
	server_helper_wake(arg, HELPER_HISTORIAN);
}

static int wire(struct server_helper *h)
{
	struct writer_config *writer = &h->server->writer_config;
	struct server_historian *t = calloc(1, sizeof(*t));

	h->self = t;
	if (t == NULL || spsc_new(HISTORY_JOBS_MAX, sizeof(struct history_job), &t->jobs) < 0 ||
	    spsc_new(HISTORY_JOBS_MAX, sizeof(struct history_job), &t->done) < 0)
		return -ENOMEM;
	writer->history_jobs = t->jobs;
	writer->history_done = t->done;
	writer->wake_historian = wake_historian;
	return 0;
}

static bool is_trusted(void *arg)
{
	return receiver_is_trusted(arg);
}

static int past_make(struct server_helper *h)
{
	const struct server *s = h->server;
	struct server_historian *t = h->self;
	const struct past_config config = {
		.postgres = {.dsn = s->settings->postgres,
			     .journal_id = writer_journal_id(s->writer),
			     .abort = &h->abort},
		.arg = s->receivers[HELPER_POSTGRES].driver,
		.is_trusted = is_trusted,
	};

	return config.arg == NULL ? 0 : past_new(&config, &t->past);
}

static int make(struct server_helper *h, struct now now, char why[static SERVER_WHY_CHARS])
{
	struct server *s = h->server;
	struct server_historian *t = h->self;
	struct historian_config config = {
		.jobs = t->jobs, .done = t->done, .arg = s, .wake_writer = server_wake_writer};
	int rc = disk_open(s->settings->data, 0, 0, &t->disk);

	(void)now;
	if (rc < 0) {
		snprintf(why, SERVER_WHY_CHARS, "data directory %s: %s", s->settings->data,
			 strerror(-rc));
		return EXIT_FAILED;
	}
	rc = past_make(h);
	config.disk = t->disk;
	config.past = t->past;
	if (rc == 0)
		rc = historian_new(&config, &t->historian);
	if (rc == 0)
		return EXIT_PASS;
	snprintf(why, SERVER_WHY_CHARS, "not enough memory for questions about the past");
	return EXIT_FAILED;
}

static uint64_t turn(struct server_helper *h, struct now now)
{
	const struct server_historian *t = h->self;

	return historian_turn(t->historian, now);
}

static void historian_gone(struct server_helper *h)
{
	struct server_historian *t = h->self;

	historian_free(t->historian);
	past_free(t->past);
	disk_close(t->disk);
	spsc_free(t->jobs);
	spsc_free(t->done);
	free(t);
}

/* Who still waits for an answer out of the database when the server ends gets none. */
const struct server_helper_ops server_historian = {
	.name = "historian",
	.nice = HISTORIAN_NICE,
	.is_hurried = true,
	.wire = wire,
	.make = make,
	.turn = turn,
	.free = historian_gone,
};
