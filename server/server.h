/*
 * server.h - pixeld as a whole: made from settings, started, stopped in order.
 *
 *	workers  one per core: clients            writer  one order, the journal
 *	keeper   disk jobs that block             packer  compresses boards
 *
 * Main thread. The other threads are started and joined here.
 */
#ifndef PX_SERVER_SERVER_H
#define PX_SERVER_SERVER_H

#include "server/settings/settings.h"

#define SERVER_WHY_CHARS 1200

struct server;

/* Recovers the data, opens the listeners, starts the threads. 0, or the exit code of pixeld and a
 * sentence in `why`. */
int server_start(const struct settings *s, struct server **ret_server,
		 char why[static SERVER_WHY_CHARS]);

/* Drains: no new clients, the old ones are told to go over drain_ms; then journal, snapshot, end of
 * all threads. Frees. */
void server_stop(struct server *server);

#endif
