/*
 * raw_wire.c - how bytes of a connection get to the network and from there: as they are, or by TLS.
 *
 * Owner: the worker. In flight: with TLS one send at a time, from `out` of the wire; what is to be
 * sent meanwhile gathers, encrypted, in struct tls, so records keep their order. Who waits for his
 * bytes to be gone (a first message, a sender's buffer) is told when nothing is left.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tools/loadgen/raw/raw_priv.h"
#include "tools/loadgen/net/tls.h"

#define OUT_BYTES         4096
#define PLAIN_BYTES       16384
#define WAITING_BYTES_MAX 65536 /* of answers to pings */

struct raw_wire {
	struct tls *tls;
	bool ready;      /* the handshake is complete */
	bool sending;    /* a send of `out` is in flight */
	uint8_t waiting; /* enum raw_op that waits for its bytes to be gone; 0: none */
	uint32_t waiting_len;
	uint32_t out_len;
	uint8_t out[OUT_BYTES];
};

static void wire_break(struct raw_worker *w, struct raw_client *c)
{
	raw_client_break(w, c, c->leaving ? TROUBLE_NONE : TROUBLE_TLS, tls_why(c->wire->tls));
}

static void flush(struct raw_worker *w, struct raw_client *c)
{
	struct raw_wire *wire = c->wire;

	if (wire->sending)
		return;
	wire->out_len = (uint32_t)tls_take(wire->tls, wire->out, sizeof(wire->out));
	if (wire->out_len == 0)
		return;
	wire->sending = true;
	c->inflight++;
	ring_send_all(w->rings.at[c->ring], c->slot, wire->out, wire->out_len,
		      raw_client_tag(w, c, RAW_OP_WIRE));
}

bool raw_wire_open(struct raw_worker *w, struct raw_client *c)
{
	struct raw_wire *wire;

	if (w->shared->trust == NULL)
		return true;
	wire = calloc(1, sizeof(*wire));
	if (wire == NULL || tls_new(w->shared->trust, &wire->tls) < 0) {
		free(wire);
		raw_client_break(w, c, TROUBLE_TLS, "no memory");
		return false;
	}
	c->wire = wire;
	if (tls_shake(wire->tls) < 0)
		wire_break(w, c);
	else
		flush(w, c);
	return false;
}

void raw_wire_free(struct raw_client *c)
{
	if (c->wire != NULL)
		tls_free(c->wire->tls);
	free(c->wire);
	c->wire = NULL;
}

static bool encrypt(struct raw_worker *w, struct raw_client *c, const void *bytes, size_t len)
{
	if (tls_write(c->wire->tls, bytes, len) < 0) {
		wire_break(w, c);
		return false;
	}
	flush(w, c);
	return true;
}

void raw_wire_send_now(struct raw_worker *w, struct raw_client *c, const void *bytes, size_t len)
{
	if (c->wire == NULL)
		ring_send_now(w->rings.at[c->ring], c->slot, bytes, len,
			      raw_client_tag(w, c, RAW_OP_SEND_NOW));
	else if (tls_waiting(c->wire->tls) > WAITING_BYTES_MAX)
		raw_client_break(w, c, c->leaving ? TROUBLE_NONE : TROUBLE_SEND,
				 "the server has stopped reading");
	else
		(void)encrypt(w, c, bytes, len);
}

void raw_wire_send_all(struct raw_worker *w, struct raw_client *c, const void *bytes, size_t len,
		       enum raw_op op)
{
	if (c->wire == NULL) {
		c->inflight++;
		ring_send_all(w->rings.at[c->ring], c->slot, bytes, len, raw_client_tag(w, c, op));
		return;
	}
	px_assert(c->wire->waiting == 0);
	if (!encrypt(w, c, bytes, len))
		return;
	c->wire->waiting = (uint8_t)op;
	c->wire->waiting_len = (uint32_t)len;
}

enum raw_op raw_wire_sent(struct raw_worker *w, struct raw_client *c, int res, int *ret_len)
{
	struct raw_wire *wire = c->wire;
	enum raw_op op = (enum raw_op)wire->waiting;

	wire->sending = false;
	if (res < 0 || (uint32_t)res != wire->out_len) {
		raw_client_break(w, c, c->leaving ? TROUBLE_NONE : TROUBLE_RESET,
				 res < 0 ? strerror(-res) : "a send was cut short");
		return RAW_OP_NONE;
	}
	if (c->state == RAW_CLOSING)
		return RAW_OP_NONE;
	flush(w, c);
	if (wire->sending || op == RAW_OP_NONE)
		return RAW_OP_NONE;
	wire->waiting = RAW_OP_NONE;
	*ret_len = (int)wire->waiting_len;
	return op;
}

/* True when it is complete now. */
static bool shake(struct raw_worker *w, struct raw_client *c)
{
	int r = tls_shake(c->wire->tls);

	if (r < 0)
		wire_break(w, c);
	else
		flush(w, c);
	c->wire->ready = r == 1;
	return r == 1;
}

void raw_wire_take(struct raw_worker *w, struct raw_client *c, uint8_t *data, size_t len)
{
	uint8_t plain[PLAIN_BYTES];
	int n = 1;

	if (c->wire == NULL) {
		raw_client_bytes(w, c, data, len);
		return;
	}
	if (tls_feed(c->wire->tls, data, len) < 0) {
		raw_client_break(w, c, TROUBLE_TLS, "no memory");
		return;
	}
	if (!c->wire->ready) {
		if (!shake(w, c))
			return;
		raw_client_upgrade(w, c);
	}
	while (n > 0 && c->state != RAW_CLOSING) {
		n = tls_read(c->wire->tls, plain, sizeof(plain));
		if (n < 0)
			wire_break(w, c);
		else if (n > 0)
			raw_client_bytes(w, c, plain, (size_t)n);
	}
	if (c->state != RAW_CLOSING)
		flush(w, c); /* an answer of TLS itself */
}
