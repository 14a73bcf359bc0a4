/*
 * server.c - the wiring: from settings to threads that know each other, and back.
 *
 * Owner      the main thread. What threads share (worker_shared, queues, rooms) is made before the
 *            first one starts and freed after the last one has ended.
 */
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "edge/mail/mail.h"
#include "engine/base/log.h"
#include "server/data_dir.h"
#include "server/listener.h"
#include "server/secret.h"
#include "server/server_priv.h"

#define SLOTS_PER_RING 18750 /* no more than this, so that a ring's tables stay small */
#define FILES_OURS     128   /* plain descriptors: rings, files, listeners */
#define RECV_BUFS_MAX  1024

static uint32_t core_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (uint32_t)n;
}

/* Slots that one ring may have: as many as RLIMIT_NOFILE says, raised to its hard limit. */
static uint32_t slots_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024 - FILES_OURS;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > SLOTS_PER_RING + FILES_OURS)
		return SLOTS_PER_RING;
	return limit.rlim_cur > 2 * FILES_OURS ? (uint32_t)limit.rlim_cur - FILES_OURS : FILES_OURS;
}

/* The clients of a worker over as many rings as the descriptor limit asks for, with some room to
 * spare: the kernel does not spread clients evenly. */
static void lanes_plan(const struct server *s, struct worker_config *c)
{
	uint64_t clients = s->settings->clients_max * 106 / 100 / s->shared.worker_count + 16;
	uint32_t accepts = s->settings->listen.count * WORKER_ACCEPT_DEPTH;
	uint32_t slots = slots_max(), usable;

	if (accepts > slots / 2)
		accepts = slots / 2;
	usable = slots - accepts;
	c->rings = (uint32_t)((clients + usable - 1) / usable);
	c->slots_per_ring = (uint32_t)((clients + c->rings - 1) / c->rings) + accepts;
	c->recv_bufs = 64;
	while (c->recv_bufs < RECV_BUFS_MAX && c->recv_bufs < c->slots_per_ring / 32)
		c->recv_bufs *= 2;
}

static bool server_is_ready(void *arg)
{
	const struct server *s = arg;

	return writer_is_ready(s->writer);
}

_Static_assert(LISTENERS_MAX >= SETTINGS_LISTEN_MAX, "every listed address is listened on");
_Static_assert(SNAPSHOTS_PAST_MAX >= SETTINGS_PAST_MAX, "as many snapshots are kept");

static void shared_fill(struct server *s)
{
	const struct settings *settings = s->settings;
	struct worker_shared *shared = &s->shared;

	shared->rooms = writer_rooms(s->writer);
	shared->session_key = s->key;
	shared->admin_token = s->admin_token;
	shared->clients_max = (uint32_t)settings->clients_max;
	server_limits_set(s, settings);
	shared->test_echo = settings->test_echo;
	shared->metrics_render = metrics_page_render;
	shared->is_ready = server_is_ready;
	shared->arg = s;
}

static int queues_new(struct server *s)
{
	for (unsigned i = 0; i < s->shared.worker_count; i++) {
		struct server_worker *sw = &s->workers[i];

		sw->server = s;
		sw->index = i;
		sw->config.shared = &s->shared;
		sw->config.index = i;
		sw->config.answers_max = ANSWERS_MAX;
		if (spsc_new(REQUESTS_MAX, sizeof(struct mail_request), &sw->config.requests) < 0 ||
		    spsc_new(ANSWERS_MAX, sizeof(struct mail_answer), &sw->config.answers) < 0)
			return -ENOMEM;
		s->writer_config.requests[i] = sw->config.requests;
		s->writer_config.answers[i] = sw->config.answers;
	}
	return server_helpers_wire(s);
}

_Static_assert(SERVER_WHY_CHARS >= DATA_DIR_WHY_CHARS, "it is handed on");
_Static_assert(SERVER_WHY_CHARS >= SECRET_WHY_CHARS, "likewise");

static int data_open(struct server *s, char why[static SERVER_WHY_CHARS])
{
	int code = data_dir_open(s->settings, &s->disk, why);

	return code == EXIT_PASS ? data_dir_imports_check(s->settings, s->disk, why) : code;
}

/* Everything that comes before threads. */
static int server_make(struct server *s, char why[static SERVER_WHY_CHARS])
{
	uint64_t workers = s->settings->workers;
	int rc = data_open(s, why);

	if (rc != EXIT_PASS)
		return rc;
	rc = secret_key_new(s->settings, s->disk, &s->key, why);
	if (rc == EXIT_PASS)
		rc = admin_token_get(s->settings, s->disk, s->admin_token, why);
	if (rc != EXIT_PASS)
		return rc;
	s->shared.worker_count = (uint32_t)(workers == 0 ? core_count() : workers);
	if (s->shared.worker_count > WORKERS_MAX)
		s->shared.worker_count = WORKERS_MAX;
	if (queues_new(s) < 0) {
		snprintf(why, SERVER_WHY_CHARS, "not enough memory for the queues of %u workers",
			 s->shared.worker_count);
		return EXIT_FAILED;
	}
	s->writer_config.settings = s->settings;
	s->writer_config.disk = s->disk;
	s->writer_config.worker_count = s->shared.worker_count;
	server_wiring_fill(s);
	rc = writer_new(&s->writer_config, clock_now(), &s->writer, why);
	return rc == 0 ? server_helpers_make(s, clock_now(), why) : rc;
}

static void listening_say(const struct server *s)
{
	for (unsigned i = 0; i < s->shared.listener_count; i++) {
		char text[160];

		listener_str(&s->shared.listeners[i], text, sizeof(text));
		log_info("listening address=%s", text);
	}
	log_info("serving workers=%u rings=%u clients_max=%u data=%s", s->shared.worker_count,
		 s->workers[0].config.rings * s->shared.worker_count, s->shared.clients_max,
		 s->settings->data);
}

static void server_free(struct server *s)
{
	for (unsigned i = 0; i < s->shared.worker_count; i++) {
		worker_free(atomic_load(&s->workers[i].worker));
		mail_requests_free(s->workers[i].config.requests);
	}
	writer_free(s->writer);
	server_helpers_free(s);
	free(s->receiver_boards);
	for (unsigned i = 0; i < s->shared.worker_count; i++)
		spsc_free(s->workers[i].config.answers);
	settings_free(s->reloaded);
	listeners_close(s->settings, s->shared.listeners, s->shared.listener_count);
	session_key_free(s->key);
	disk_close(s->disk);
	(void)sem_destroy(&s->ready);
	free(s);
}

int server_start(const struct settings *settings, struct server **ret_server,
		 char why[static SERVER_WHY_CHARS])
{
	struct server *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return EXIT_FAILED;
	s->settings = s->running = settings;
	s->started_wall_ms = clock_now().wall_ms;
	(void)sem_init(&s->ready, 0, 0);
	rc = server_make(s, why);
	if (rc == 0) {
		shared_fill(s);
		for (unsigned i = 0; i < s->shared.worker_count; i++)
			lanes_plan(s, &s->workers[i].config);
		if (listeners_open(settings, s->shared.listeners, &s->shared.listener_count, why) <
		    0)
			rc = EXIT_FAILED;
	}
	if (rc != 0) {
		server_free(s);
		return rc;
	}
	rc = server_threads_start(s, why);
	if (rc != 0)
		return (int)exit_code_of_ring(rc); /* the process ends: threads with it */
	listening_say(s);
	*ret_server = s;
	return 0;
}

void server_stop(struct server *s)
{
	log_info("stopping drain_ms=%llu clients=%u", (unsigned long long)s->running->drain_ms,
		 atomic_load(&s->shared.clients));
	server_threads_stop(s);
	server_free(s);
	log_info("stopped");
}
