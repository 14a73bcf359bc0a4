/*
 * secret.h - the secret that signs sessions, and the operator's token: from the settings, a file,
 * or the data directory, where they are created on first start. Main thread, at start.
 */
#ifndef PX_SERVER_SECRET_H
#define PX_SERVER_SECRET_H

#include "edge/codec/session.h"
#include "persist/disk/disk.h"
#include "server/settings/settings.h"

#define SECRET_WHY_CHARS      256
#define ADMIN_TOKEN_CHARS_MIN 16
#define ADMIN_TOKEN_CHARS_MAX 128

/* EXIT_PASS, or the code to exit with and a sentence in `why`. */
int secret_key_new(const struct settings *s, struct disk *disk, struct session_key **ret_key,
		   char why[static SECRET_WHY_CHARS]);

/* A line of printable characters. Returns as above. */
int admin_token_get(const struct settings *s, struct disk *disk,
		    char ret_token[static ADMIN_TOKEN_CHARS_MAX + 1],
		    char why[static SECRET_WHY_CHARS]);

/* Checks that both are valid, or would be created; creates nothing. disk NULL: there is no
 * directory yet. Returns as above. */
int secrets_check(const struct settings *s, struct disk *disk, char why[static SECRET_WHY_CHARS]);

#endif
