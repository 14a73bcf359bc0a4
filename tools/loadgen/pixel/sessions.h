/*
 * sessions.h - the painters' identities: tokens, minted with a shared secret or fetched from the
 * server.
 *
 * Made by the main thread before the load; read by all.
 */
#ifndef PX_LOADGEN_SESSIONS_H
#define PX_LOADGEN_SESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include "edge/codec/session.h"
#include "edge/fetch/target.h"

struct session_token {
	char chars[SESSION_TOKEN_CHARS_MAX]; /* NUL-terminated */
};

/* `count` tokens for new random users, valid for a day from now_s. 0 or -errno. */
int sessions_mint(const uint8_t *secret, size_t secret_len, uint64_t now_s,
		  struct session_token *tokens, uint32_t count);

/* The same by POST /session, one after another over as few connections as the server allows.
 * -EACCES: the server refused. */
int sessions_fetch(const struct target *target, struct session_token *tokens, uint32_t count);

#endif
