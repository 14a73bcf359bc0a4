/*
 * upgrade.h - the client's side of the WebSocket handshake, as bytes.
 *
 * Pure: no socket, no allocation. Any thread.
 */
#ifndef PX_LOADGEN_UPGRADE_H
#define PX_LOADGEN_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edge/fetch/target.h"

#define UPGRADE_REQUEST_BYTES_MAX 1280
#define UPGRADE_ANSWER_BYTES_MAX  4096
#define UPGRADE_KEY_CHARS         24

/* The key for a random number: computed again to check the answer, not stored. */
void upgrade_key(uint64_t random, char out[static UPGRADE_KEY_CHARS]);

/* Length of the answer's head with its empty line; 0: incomplete. */
size_t upgrade_head_bytes(const uint8_t *in, size_t len);

/* What to ask for beyond the URL; the caller guarantees that the texts are well-formed. */
struct upgrade_ask {
	const char *protocols; /* value of Sec-WebSocket-Protocol: one or a list; NULL: none */
	const char *fields;    /* more header fields, each with its CRLF; "": none */
	bool has_host;         /* Host is one of them */
};

extern const struct upgrade_ask upgrade_of_pixeld;

/* Writes the request and returns its length; 0: `room` is too small. UPGRADE_REQUEST_BYTES_MAX plus
 * the lengths of the texts above always suffices. */
size_t upgrade_write(const struct target *target, const struct upgrade_ask *ask, uint64_t random,
		     char *out, size_t room);

/* Checks a complete head: with protocols, the server must have chosen one of them. 0, or -EBADMSG
 * with the reason in *ret_why (static). */
int upgrade_check(const uint8_t *head, size_t len, const struct upgrade_ask *ask, uint64_t random,
		  const char **ret_why);

#endif
