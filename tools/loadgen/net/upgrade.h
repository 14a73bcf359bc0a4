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

/* The key that belongs to a random number: made again when the answer is checked, not stored. */
void upgrade_key(uint64_t random, char out[static UPGRADE_KEY_CHARS]);

/* Bytes of the answer's head with its empty line; 0: not all there yet. */
size_t upgrade_head_bytes(const uint8_t *in, size_t len);

/* What is asked for beyond the URL; all text is ours to give as it stands. */
struct upgrade_ask {
	const char *protocols; /* as in Sec-WebSocket-Protocol: one or a list; NULL: none */
	const char *fields;    /* more header fields, each with its CRLF; "" : none */
	bool has_host;         /* Host is among them */
};

extern const struct upgrade_ask upgrade_of_pixeld;

/* Writes the request; returns its bytes, or 0 when `room` is too small. UPGRADE_REQUEST_BYTES_MAX
 * and the lengths of the texts above are always enough. */
size_t upgrade_write(const struct target *target, const struct upgrade_ask *ask, uint64_t random,
		     char *out, size_t room);

/* Checks a whole head: with protocols, the server must have chosen one of them. 0, or -EBADMSG and
 * why in *ret_why (static). */
int upgrade_check(const uint8_t *head, size_t len, const struct upgrade_ask *ask, uint64_t random,
		  const char **ret_why);

#endif
