/* server_priv.h - what server.c, server_threads.c, server_receiver.c and
 * metrics_page.c share. */
#ifndef PX_SERVER_SERVER_PRIV_H
#define PX_SERVER_SERVER_PRIV_H

#include <pthread.h>
#include <semaphore.h>

#include "edge/picture/pack.h"
#include "edge/codec/session.h"
#include "edge/worker/worker.h"
#include "persist/journal/keeper.h"
#include "persist/postgres/postgres.h"
#include "persist/receiver/receiver.h"
#include "server/helper.h"
#include "writer/historian.h"
#include "server/secret.h"
#include "server/server.h"
#include "writer/writer.h"

#define REQUESTS_MAX 16384 /* mail of one worker on its way to the writer */
#define ANSWERS_MAX  16384 /* and back: as many as may be asked */
#define PACKS_MAX    1024

struct server_worker {
	struct server *server;
	unsigned index;
	struct worker_config config;
	_Atomic(struct worker *) worker; /* NULL: not started yet */
	pthread_t thread;
};

struct server {
	const struct settings *settings;
	struct disk *disk;
	struct session_key *key;
	char admin_token[ADMIN_TOKEN_CHARS_MAX + 1];
	struct writer *writer;
	struct keeper *keeper;
	struct packer *packer;
	struct historian *historian;
	struct disk *history_disk; /* the historian's own */
	struct past *past;         /* likewise; NULL: no database is configured */
	struct worker_shared shared;
	struct writer_config writer_config;
	struct server_worker workers[WORKERS_MAX];
	struct spsc *pack_jobs, *pack_done;
	struct receiver *receiver; /* NULL: no database is configured */
	struct postgres *postgres;
	struct receiver_board *receiver_boards;
	struct spsc *history_jobs, *history_done;
	pthread_t writer_thread;
	struct helper keeper_thread, packer_thread, receiver_thread, historian_thread;
	sem_t ready; /* writer, worker: it runs, or start_error says why not */
	_Atomic int start_error;
	_Atomic bool workers_end, writer_end, receiver_abort, past_abort;
	uint64_t started_wall_ms;
};

/* --- server_threads.c ------------------------------------------------------------------------- */
void server_wiring_fill(struct server *s); /* how the writer wakes the others */
int server_threads_start(struct server *s, char why[static SERVER_WHY_CHARS]);
void server_threads_stop(struct server *s);

/* --- server_receiver.c: nothing happens in them when no database is configured ---------------- */
/* An exit code. */
int server_receiver_make(struct server *s, struct now now, char why[static SERVER_WHY_CHARS]);
int server_receiver_start(struct server *s);
void server_receiver_stop(struct server *s); /* after the writer: it may still catch up */
void server_receiver_free(struct server *s);
uint64_t server_received_lsn(void *arg); /* for retention */

/* --- server_past.c: the database as the historian's source; after server_receiver_make() --------
 * */
int server_past_make(struct server *s, char why[static SERVER_WHY_CHARS]); /* an exit code */

/* --- metrics_page.c: worker_shared.metrics_render --------------------------------------------- */
size_t metrics_page_render(void *arg, struct now now, char *out, size_t room);

#endif
