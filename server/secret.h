/*
 * secret.h - the secret that signs sessions: from the settings, a file, or the data directory,
 * where it is made on first start. Main thread, at start.
 */
#ifndef PX_SERVER_SECRET_H
#define PX_SERVER_SECRET_H

#include "edge/session.h"
#include "persist/disk.h"
#include "server/settings.h"

#define SECRET_WHY_CHARS 256

/* 0, or -errno and a sentence in `why`. */
int secret_key_new(const struct settings *s, struct disk *disk, struct session_key **ret_key,
		   char why[static SECRET_WHY_CHARS]);

#endif
