/*
 * worker_config.h - what a worker is given at its start.
 */
#ifndef PX_CONN_WORKER_CONFIG_H
#define PX_CONN_WORKER_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/clock.h"
#include "engine/base/spsc.h"
#include "engine/room.h"

#define LISTENERS_MAX      16
#define ORIGINS_MAX        64  /* that are listed */
#define ORIGIN_CHARS_MAX   128 /* of one */
#define WORKER_SPARE_SLOTS 16  /* per ring, on which 503 is said when the server is full */
#define ORIGINS_TOLD_MAX   256 /* pairs of Origin and Host that the log has been told about */

struct session_key;

struct worker_listener {
	int fd;        /* listening; shared by all workers, closed by who opened it */
	bool is_local; /* Unix socket: no address, no limit of new sessions */
};

/* What all workers share: made before the first, outlives the last. Atomics apart, it is constant.
 * */
struct worker_shared {
	struct rooms *rooms;
	const struct session_key *session_key;
	const char *admin_token; /* who shows it may roll back; at least 16 characters */
	struct worker_listener listeners[LISTENERS_MAX];
	unsigned listener_count;
	unsigned worker_count;
	char origins[ORIGINS_MAX][ORIGIN_CHARS_MAX]; /* allowed besides the own host, as browsers
							write them */
	unsigned origin_count;
	uint32_t clients_max;
	uint32_t requests_per_second; /* of one connection; 0: no limit */
	uint32_t sessions_per_minute; /* new ones of one address; 0: no limit */
	uint64_t session_lifetime_s;
	uint64_t round_interval_ns;
	uint64_t round_rest_ns; /* of each round, between its batches; 0: large batches, no rests */
	uint32_t http_head_timeout_ms, http_idle_timeout_ms, ws_idle_timeout_ms;
	bool test_echo;
	/* Renders /metrics and GET /readyz's verdict; set by who knows all threads. */
	size_t (*metrics_render)(void *arg, struct now now, char *out, size_t room);
	bool (*is_ready)(void *arg);
	void *arg;
	_Atomic uint32_t clients;                        /* of all workers */
	_Atomic bool stopping;                           /* drain: no new clients, close the old */
	_Atomic uint64_t drain_ns;                       /* over which the closing is spread */
	_Atomic uint64_t origins_told[ORIGINS_TOLD_MAX]; /* hashes; 0: free */
	_Atomic uint32_t origins_told_count;
};

struct worker_config {
	struct worker_shared *shared;
	unsigned index; /* 0..worker_count - 1 */
	uint32_t rings; /* at least 1 */
	uint32_t slots_per_ring;
	uint32_t recv_bufs;    /* per ring, a power of two */
	struct spsc *requests; /* of struct mail_request: we push */
	struct spsc *answers;  /* of struct mail_answer: we pop */
	uint32_t answers_max;  /* what the answer queue holds */
	void (*wake_writer)(void *arg);
	void *wake_arg;
};

#endif
