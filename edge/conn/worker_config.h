/*
 * worker_config.h - what a worker gets at start.
 */
#ifndef PX_CONN_WORKER_CONFIG_H
#define PX_CONN_WORKER_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/base/spsc.h"
#include "engine/room.h"

#define LISTENERS_MAX       16
#define ORIGINS_MAX         240 /* ever listed while the server runs */
#define ORIGIN_CHARS_MAX    128 /* of one */
#define WORKER_ACCEPT_DEPTH 32  /* accepts in flight per ring and listener */
#define ORIGINS_TOLD_MAX    256 /* pairs of Origin and Host already logged */

struct session_key;

struct worker_listener {
	int fd;        /* listening; shared by all workers, closed by its opener */
	bool is_local; /* Unix socket: no address, no limit on new sessions */
};

/* Of other sites, as browsers write them. The main thread adds and removes; an entry keeps its
 * place and text for good, because answers on their way refer to it by number. */
struct worker_origins {
	_Atomic uint32_t count; /* entries below it have their text */
	_Atomic bool is_allowed[ORIGINS_MAX];
	char texts[ORIGINS_MAX][ORIGIN_CHARS_MAX];
};

/* What may change while workers run: stored by the main thread, loaded at each use. */
struct worker_limits {
	_Atomic uint32_t requests_per_second; /* per connection; 0: no limit */
	_Atomic uint32_t sessions_per_minute; /* new ones per address; 0: no limit */
	_Atomic uint32_t http_head_timeout_ms, http_idle_timeout_ms, ws_idle_timeout_ms;
	_Atomic uint64_t session_lifetime_s;
	_Atomic uint64_t round_interval_ns;
	_Atomic uint64_t round_rest_ns; /* in each round, between its batches; 0: large batches, no
					   rests */
};

/* Shared by all workers: made before the first, outlives the last. Constant except for atomics. */
struct worker_shared {
	struct rooms *rooms;
	const struct session_key *session_key;
	const char *admin_token; /* its bearer may roll back; at least 16 characters */
	struct worker_listener listeners[LISTENERS_MAX];
	unsigned listener_count;
	unsigned worker_count;
	struct worker_origins origins; /* allowed besides the own host */
	uint32_t clients_max;
	struct worker_limits limits;
	bool test_echo;
	/* Render /metrics and decide GET /readyz; set by the server, which knows all threads. */
	size_t (*metrics_render)(void *arg, struct now now, char *out, size_t room);
	bool (*is_ready)(void *arg);
	void *arg;
	_Atomic uint32_t clients;  /* over all workers */
	_Atomic bool stopping;     /* drain: no new clients, close the old ones */
	_Atomic uint64_t drain_ns; /* time over which they are closed */
	_Atomic uint64_t origins_told[ORIGINS_TOLD_MAX]; /* hashes; 0: free */
	_Atomic uint32_t origins_told_count;
};

struct worker_config {
	struct worker_shared *shared;
	unsigned index; /* 0..worker_count - 1 */
	uint32_t rings; /* at least 1 */
	/* Clients and accepts in flight, WORKER_ACCEPT_DEPTH per listener: those also answer 503
	 * when the server is full. At least one per listener. */
	uint32_t slots_per_ring;
	uint32_t recv_bufs;    /* per ring, a power of two */
	struct spsc *requests; /* of struct mail_request; pushed here */
	struct spsc *answers;  /* of struct mail_answer; popped here */
	uint32_t answers_max;  /* capacity of the answer queue */
	void (*wake_writer)(void *arg);
	void *wake_arg;
};

#endif
