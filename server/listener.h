/*
 * listener.h - listening sockets, with the options that accepted clients inherit.
 *
 * Main thread, at start. One socket per address; all rings accept from it.
 */
#ifndef PX_SERVER_LISTENER_H
#define PX_SERVER_LISTENER_H

#include "edge/worker/worker.h"
#include "server/settings/settings.h"

#define LISTENER_WHY_CHARS 256

/* Opens every `listen` of the settings. 0 and *ret_count listeners, or -errno and a sentence in
 * `why`, with nothing left open. */
int listeners_open(const struct settings *s, struct worker_listener *ret_listeners,
		   unsigned *ret_count, char why[static LISTENER_WHY_CHARS]);
void listeners_close(const struct settings *s, struct worker_listener *listeners, unsigned count);

/* The actual address of a listener (with port 0 the system chose one), as text. */
void listener_str(const struct worker_listener *l, char *out, size_t room);

#endif
