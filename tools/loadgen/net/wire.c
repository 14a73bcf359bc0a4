/*
 * wire.c - see wire.h.
 *
 * Owner: the crew's thread. In flight: one send at a time, from `out` of the wire; what is to be
 * sent meanwhile gathers, encrypted, in struct tls, so records keep their order. Who waits for his
 * bytes to be gone is told when nothing is left.
 */
#include "tools/loadgen/net/wire.h"

#include <stdlib.h>

#include "engine/base/assert.h"
#include "tools/loadgen/net/crew.h"
#include "tools/loadgen/net/tls.h"

#define OUT_BYTES         4096
#define PLAIN_BYTES       16384
#define WAITING_BYTES_MAX 65536 /* of answers to pings */

struct wire {
	struct tls *tls;
	bool ready;   /* the handshake is complete */
	bool waiting; /* somebody waits for his bytes to be gone */
	uint8_t out[OUT_BYTES];
};

static void wire_break(struct crew *crew, struct link *c)
{
	link_break(crew, c, c->leaving ? TROUBLE_NONE : TROUBLE_TLS, tls_why(c->wire->tls));
}

static void flush(struct crew *crew, struct link *c)
{
	struct wire *wire = c->wire;
	size_t len;

	px_assert(c->wired);
	if (c->sending)
		return;
	len = tls_take(wire->tls, wire->out, sizeof(wire->out));
	if (len > 0)
		link_send_arm(crew, c, wire->out, len);
}

void wire_open(struct crew *crew, struct link *c)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	px_assert(!c->wired);
	if (wire == NULL || tls_new(crew->shared->trust, &wire->tls) < 0) {
		free(wire);
		link_break(crew, c, TROUBLE_TLS, "no memory");
		return;
	}
	c->wire = wire;
	c->wired = true;
	if (tls_shake(wire->tls) < 0)
		wire_break(crew, c);
	else
		flush(crew, c);
}

void wire_free(struct link *c)
{
	if (c->wire != NULL)
		tls_free(c->wire->tls);
	free(c->wire);
	c->wire = NULL;
	c->wired = false;
}

static bool encrypt(struct crew *crew, struct link *c, const void *bytes, size_t len)
{
	px_assert(c->wire->ready);
	if (tls_write(c->wire->tls, bytes, len) < 0) {
		wire_break(crew, c);
		return false;
	}
	flush(crew, c);
	return true;
}

void wire_send_now(struct crew *crew, struct link *c, const void *bytes, size_t len)
{
	if (tls_waiting(c->wire->tls) > WAITING_BYTES_MAX)
		link_break(crew, c, c->leaving ? TROUBLE_NONE : TROUBLE_SEND,
			   "the server has stopped reading");
	else
		(void)encrypt(crew, c, bytes, len);
}

void wire_send_all(struct crew *crew, struct link *c, const void *bytes, size_t len)
{
	px_assert(!c->wire->waiting);
	c->wire->waiting = encrypt(crew, c, bytes, len);
}

bool wire_sent(struct crew *crew, struct link *c)
{
	bool waited = c->wire->waiting;

	px_assert(!c->sending);
	if (c->state != LINK_CLOSING)
		flush(crew, c);
	if (c->sending)
		return false;
	c->wire->waiting = false;
	return waited;
}

/* True when it is complete now. */
static bool shake(struct crew *crew, struct link *c)
{
	int r = tls_shake(c->wire->tls);

	if (r < 0)
		wire_break(crew, c);
	else
		flush(crew, c);
	c->wire->ready = r == 1;
	return r == 1;
}

void wire_take(struct crew *crew, struct link *c, uint8_t *data, size_t len)
{
	uint8_t plain[PLAIN_BYTES];
	int n = 1;

	if (tls_feed(c->wire->tls, data, len) < 0) {
		link_break(crew, c, TROUBLE_TLS, "no memory");
		return;
	}
	if (!c->wire->ready) {
		if (!shake(crew, c))
			return;
		link_upgrade(crew, c);
	}
	while (n > 0 && c->state != LINK_CLOSING) {
		n = tls_read(c->wire->tls, plain, sizeof(plain));
		if (n < 0)
			wire_break(crew, c);
		else if (n > 0)
			link_bytes(crew, c, plain, (size_t)n);
	}
	if (c->state != LINK_CLOSING)
		flush(crew, c); /* an answer of TLS itself */
}
