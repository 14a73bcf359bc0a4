/*
 * server_priv.h - shared by the files of the server: server.c, server_threads.c, server_helpers.c,
 * those of helpers and receivers, metrics_page.c.
 */
#ifndef PX_SERVER_SERVER_PRIV_H
#define PX_SERVER_SERVER_PRIV_H

#include <pthread.h>
#include <semaphore.h>

#include "edge/codec/session.h"
#include "edge/worker/worker.h"
#include "persist/receiver/receiver.h"
#include "server/helper.h"
#include "server/secret.h"
#include "server/server.h"
#include "writer/writer.h"

/* Mail of one worker, as much as the writer lets wait for the journal: what 300,000 placements a
 * second bring while the disk or the scheduler stalls for a fifth of a second is no overload. It
 * costs memory only when it is used. */
#define REQUESTS_MAX 65536 /* to the writer */
#define ANSWERS_MAX  65536 /* and back: as many as may be open */

/* Receivers first: a receiver's number is its thread's number. */
enum server_helper_number {
#define RECEIVER(symbol, name) HELPER_##symbol,
#include "server/receiver.def"
#undef RECEIVER
	RECEIVERS,
	BEFORE_HELPERS = RECEIVERS - 1,
#define HELPER(symbol, name) HELPER_##symbol,
#include "server/helper.def"
#undef HELPER
	HELPERS
};

struct server_worker {
	struct server *server;
	unsigned index;
	struct worker_config config;
	_Atomic(struct worker *) worker; /* NULL: not started yet */
	pthread_t thread;
};

/* A thread beside writer and workers. */
struct server_helper {
	const struct server_helper_ops *ops;
	struct server *server;
	const char *name;
	void *self; /* passed to the ops; NULL: not wanted by the settings */
	struct helper thread;
	_Atomic bool abort; /* the server waits for its end: it must stop waiting for anything */
};

/* Functions that are NULL are skipped. */
struct server_helper_ops {
	const char *name; /* of the thread; NULL: make() sets it */
	int nice;         /* of the thread; 0: the default */
	uint32_t grace_s; /* after stop() it may run for this long, then `abort` is set */
	bool is_hurried;  /* `abort` is set as soon as the server starts to stop */

	/* Before the writer is made: fills in what writer_config needs from it. 0 or -errno. */
	int (*wire)(struct server_helper *h);
	/* After that, and before any thread runs. Returns an exit code. */
	int (*make)(struct server_helper *h, struct now now, char why[static SERVER_WHY_CHARS]);
	uint64_t (*turn)(struct server_helper *h, struct now now);
	/* The writer has ended. Makes sure that the thread ends: helper_end(), unless this does. */
	void (*stop)(struct server_helper *h);
	/* All threads have ended, and the writer is gone. Not called when self is NULL. */
	void (*free)(struct server_helper *h);
};

/* What one kind of receiver adds to the driver. */
struct receiver_kind {
	const struct receiver_ops *ops;
	/* Makes it, if the settings want it, and sets config->self and how it is driven. 0 or
	 * -errno. */
	int (*make)(const struct server_helper *h, struct receiver_config *config);
	void (*free)(void *self); /* NULL is allowed */
};

struct server_receiver {
	void *self;              /* of this kind */
	struct receiver *driver; /* NULL: not wanted by the settings */
	struct full_copy copy;   /* between it and the writer */
};

struct server {
	const struct settings *settings; /* of the start: what threads keep pointers to */
	const struct settings *running;  /* what holds now: the same, or the next; main thread */
	struct settings *reloaded;       /* NULL: nothing was */
	_Atomic uint64_t reloads, reloads_refused;
	_Atomic(struct keeper_limits *) keeper_limits; /* on their way to the keeper; NULL: none */
	struct disk *disk;
	struct session_key *key;
	char admin_token[ADMIN_TOKEN_CHARS_MAX + 1];
	struct writer *writer;
	struct worker_shared shared;
	struct writer_config writer_config;
	struct server_worker workers[WORKERS_MAX];
	struct server_helper helpers[HELPERS];
	struct server_receiver receivers[RECEIVERS];
	struct receiver_board *receiver_boards; /* of all receivers; NULL: there are none */
	uint32_t receiver_board_count;
	pthread_t writer_thread;
	sem_t ready; /* writer, worker: it is running, or start_error says why not */
	_Atomic int start_error;
	_Atomic bool workers_end, writer_end;
	uint64_t started_wall_ms;
};

/* --- server_threads.c ------------------------------------------------------------------------- */
void server_wiring_fill(struct server *s); /* sets how the writer wakes the workers */
int server_threads_start(struct server *s, char why[static SERVER_WHY_CHARS]);
void server_threads_stop(struct server *s);
void server_wake_writer(void *arg); /* struct server; any thread */

/* --- server_limits.c: what workers, writer and keeper take from the settings ------------------ */
/* Whether there is room for all listed origins. */
bool server_origins_fit(const struct server *s, const struct settings *settings);
/* Sets those of workers and writer; main thread, at any time. The origins must fit. */
void server_limits_set(struct server *s, const struct settings *settings);

/* --- server_keeper.c -------------------------------------------------------------------------- */
/* Makes them; the other call hands them to the keeper, for its next turn. NULL: out of memory. */
struct keeper_limits *server_keeper_limits_new(const struct settings *settings);
void server_keeper_limits_set(struct server *s, struct keeper_limits *limits);

/* --- server_helpers.c: all of them, in the order of the tables -------------------------------- */
int server_helpers_wire(struct server *s); /* -errno */
int server_helpers_make(struct server *s, struct now now, char why[static SERVER_WHY_CHARS]);
int server_helpers_start(struct server *s);  /* -errno */
void server_helpers_hurry(struct server *s); /* the server starts to stop */
void server_helpers_stop(struct server *s);  /* the writer has ended */
void server_helpers_free(struct server *s);
void server_helper_wake(struct server *s, enum server_helper_number number); /* any thread */

/* --- server_receiver.c ------------------------------------------------------------------------ */
/* For all receivers, by their next batch; while they run. */
void server_receivers_palettes_set(struct server *s, const struct settings *settings);
extern const struct server_helper_ops server_receiver; /* for every receiver's thread */
/* The lsn that all receivers have passed; UINT64_MAX: there are none. Any thread. */
uint64_t server_received_lsn(const struct server *s);

/* --- one file each ---------------------------------------------------------------------------- */
#define RECEIVER(symbol, name) extern const struct receiver_kind server_##name;
#include "server/receiver.def"
#undef RECEIVER
#define HELPER(symbol, name) extern const struct server_helper_ops server_##name;
#include "server/helper.def"
#undef HELPER

/* --- metrics_page.c: worker_shared.metrics_render --------------------------------------------- */
size_t metrics_page_render(void *arg, struct now now, char *out, size_t room);

#endif
