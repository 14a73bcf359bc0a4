/*
 * server.h - pixeld as a whole: made from settings, started, stopped in order.
 *
 *	workers  one per core: clients            writer  one order, the journal
 *	keeper   disk jobs that block             packer  compresses boards
 *
 * and the other threads of helper.def and receiver.def. Main thread; it starts and joins all
 * others.
 */
#ifndef PX_SERVER_SERVER_H
#define PX_SERVER_SERVER_H

#include "server/settings/settings.h"

#define SERVER_WHY_CHARS 1200

struct server;

/* Recovers the data, opens the listeners, starts the threads. 0, or the exit code of pixeld and a
 * sentence in `why`. The settings must outlive the server. */
int server_start(const struct settings *s, struct server **ret_server,
		 char why[static SERVER_WHY_CHARS]);

/* Reads the settings again, with the flags and the environment of the start, and changes what can
 * change while the server runs; or nothing at all. Logs what changed, or why nothing did. */
void server_reload(struct server *s, int argc, char *const argv[], char *const envp[]);

/* Drains: no new clients, the old ones are closed over drain_ms; then journal, snapshot, end of all
 * threads. Frees the server. */
void server_stop(struct server *server);

#endif
