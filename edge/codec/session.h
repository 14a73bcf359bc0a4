/*
 * session.h - the identity of a user: a signed token that holds 16 opaque bytes.
 *
 *	first = base64url(version 1 | user 16 | issued_s u64 | expires_s u64)
 *	token = first "." base64url(HMAC-SHA256(secret, first))
 *
 * session.c is the only file that uses OpenSSL for it. Once made, a session_key may be used by any
 * thread. Other sites that share the secret mint tokens of the same form; docs/protocol.md shows
 * how.
 */
#ifndef PX_CODEC_SESSION_H
#define PX_CODEC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/user.h"

#define SESSION_SECRET_BYTES_MIN 16
#define SESSION_SECRET_BYTES_MAX 256
#define SESSION_TOKEN_CHARS_MAX  128

struct session_key;

/* secret_len: SESSION_SECRET_BYTES_MIN..MAX. -EINVAL, -ENOMEM. */
int session_key_new(const uint8_t *secret, size_t secret_len, struct session_key **ret_key);
void session_key_free(struct session_key *key);

/* Writes the token, NUL-terminated, and returns its length. 0: OpenSSL is out of memory; the token
 * is empty. */
size_t session_mint(const struct session_key *key, const uint8_t user[static USER_BYTES],
		    uint64_t issued_s, uint64_t expires_s,
		    char out[static SESSION_TOKEN_CHARS_MAX]);

/* 0, the user and when the session expires; -EBADMSG: not a token, or not signed by this key;
 * -ETIMEDOUT: expired; -ENOMEM: OpenSSL is out of memory. Compares in constant time. ret_expires_s
 * may be NULL. */
int session_verify(const struct session_key *key, const char *token, size_t len, uint64_t now_s,
		   uint8_t ret_user[static USER_BYTES], uint64_t *ret_expires_s);

/* A new random user. Aborts if the system has no randomness. */
void session_random_user(uint8_t ret_user[static USER_BYTES]);

#endif
