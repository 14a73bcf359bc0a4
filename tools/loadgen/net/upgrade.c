/*
 * upgrade.c - request and answer of the handshake.
 *
 * The answer is checked for what RFC 6455 4.1 requires of a client: 101, Upgrade, Connection, the
 * right accept value once, no extension, and the subprotocol that was offered.
 */
#include "tools/loadgen/net/upgrade.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "edge/codec/ws_frame.h"
#include "engine/base/assert.h"
#include "tools/loadgen/load/rng.h"

const struct upgrade_ask upgrade_of_pixeld = {.protocols = "pixeld.v1", .fields = ""};

void upgrade_key(uint64_t random, char out[static UPGRADE_KEY_CHARS])
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	/* base64 of 16 bytes: 21 full characters, one with two bits, two of padding */
	for (unsigned i = 0; i < 21; i++)
		out[i] = alphabet[rng_next(&random) & 63];
	out[21] = "AQgw"[rng_next(&random) & 3];
	out[22] = '=';
	out[23] = '=';
}

size_t upgrade_write(const struct target *target, const struct upgrade_ask *ask, uint64_t random,
		     char *out, size_t room)
{
	char key[UPGRADE_KEY_CHARS];
	int len;

	upgrade_key(random, key);
	len = snprintf(out, room,
		       "GET %s HTTP/1.1\r\n%s%s%sUpgrade: websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Key: %.24s\r\nSec-WebSocket-Version: 13\r\n%s%s%s%s\r\n",
		       target->path,
		       ask->has_host ? "" : "Host: ", ask->has_host ? "" : target->authority,
		       ask->has_host ? "" : "\r\n", key,
		       ask->protocols != NULL ? "Sec-WebSocket-Protocol: " : "",
		       ask->protocols != NULL ? ask->protocols : "",
		       ask->protocols != NULL ? "\r\n" : "", ask->fields);
	return len < 0 || (size_t)len >= room ? 0 : (size_t)len;
}

size_t upgrade_head_bytes(const uint8_t *in, size_t len)
{
	const uint8_t *end = memmem(in, len, "\r\n\r\n", 4);

	return end == NULL ? 0 : (size_t)(end + 4 - in);
}

struct seen {
	unsigned accepts, upgrades, connections, protocols;
	bool right; /* no field was wrong */
};

/* Whether the field is `name`; then its value without blanks around it. */
static bool field_is(const char *line, size_t len, const char *name, const char **ret_value,
		     size_t *ret_len)
{
	size_t name_len = strlen(name);

	if (len <= name_len || strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
		return false;
	line += name_len + 1;
	len -= name_len + 1;
	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	*ret_value = line;
	*ret_len = len;
	return true;
}

static bool value_is(const char *value, size_t len, const char *want)
{
	return len == strlen(want) && strncasecmp(value, want, len) == 0;
}

/* Whether `word` is one of a list with commas. */
static bool list_has(const char *list, size_t len, const char *word, size_t word_len)
{
	const char *end = list + len;

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		const char *next = comma == NULL ? end : comma + 1;
		size_t n = (size_t)((comma == NULL ? end : comma) - list);

		for (; n > 0 && (*list == ' ' || *list == '\t'); n--)
			list++;
		while (n > 0 && (list[n - 1] == ' ' || list[n - 1] == '\t'))
			n--;
		if (n == word_len && strncasecmp(list, word, n) == 0)
			return true;
		list = next;
	}
	return false;
}

static void field_look(const char *line, size_t len, const char *accept,
		       const struct upgrade_ask *ask, struct seen *seen)
{
	const char *value;
	size_t n;

	if (field_is(line, len, "Sec-WebSocket-Accept", &value, &n)) {
		seen->accepts++;
		seen->right &= n == WS_ACCEPT_CHARS && memcmp(value, accept, n) == 0;
	} else if (field_is(line, len, "Upgrade", &value, &n)) {
		seen->upgrades++;
		seen->right &= value_is(value, n, "websocket");
	} else if (field_is(line, len, "Connection", &value, &n)) {
		seen->connections++;
		seen->right &= list_has(value, n, "upgrade", strlen("upgrade"));
	} else if (field_is(line, len, "Sec-WebSocket-Protocol", &value, &n)) {
		seen->protocols++;
		seen->right &= ask->protocols != NULL &&
			       list_has(ask->protocols, strlen(ask->protocols), value, n);
	} else if (field_is(line, len, "Sec-WebSocket-Extensions", &value, &n)) {
		seen->right = false;
	}
}

int upgrade_check(const uint8_t *head, size_t len, const struct upgrade_ask *ask, uint64_t random,
		  const char **ret_why)
{
	static const char status[] = "HTTP/1.1 101 ";
	const char *at = (const char *)head;
	const char *end = at + len - 2; /* before the empty line */
	struct seen seen = {.right = true};
	char key[UPGRADE_KEY_CHARS];
	char accept[WS_ACCEPT_CHARS];

	if (len < strlen(status) + 4 || memcmp(at, status, strlen(status)) != 0) {
		*ret_why = "the status is not 101";
		return -EBADMSG;
	}
	upgrade_key(random, key);
	if (!ws_accept_key(key, accept)) {
		*ret_why = "out of memory for checking the 101";
		return -ENOMEM;
	}
	while (at < end) {
		const char *next = memmem(at, (size_t)(end - at), "\r\n", 2);

		px_assert(next != NULL); /* the head ends with an empty line */
		field_look(at, (size_t)(next - at), accept, ask, &seen);
		at = next + 2;
	}
	if (!seen.right || seen.accepts != 1 || seen.upgrades != 1 || seen.connections != 1 ||
	    seen.protocols != (ask->protocols != NULL)) {
		*ret_why = "the 101 lacks the fields that belong to our request";
		return -EBADMSG;
	}
	return 0;
}
