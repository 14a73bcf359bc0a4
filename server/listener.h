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
 * why; nothing is open then. */
int listeners_open(const struct settings *s, struct worker_listener *ret_listeners,
		   unsigned *ret_count, char why[static LISTENER_WHY_CHARS]);
void listeners_close(const struct settings *s, struct worker_listener *listeners, unsigned count);

/* Where listener `i` really listens (port 0 was chosen by the system), as text. */
void listener_str(const struct worker_listener *l, char *out, size_t room);

#endif
