/*
 * link_tls.c - see link_tls.h.
 *
 * Owner: the crew's thread. In flight: one send at a time, from `out`; anything to send meanwhile
 * collects, encrypted, in struct tls, so records keep their order. A caller that waits for its
 * bytes to be sent is notified when nothing is left.
 */
#include "tools/loadgen/net/link_tls.h"

#include <stdlib.h>

#include "engine/base/assert.h"
#include "tools/loadgen/net/crew.h"
#include "edge/tls/tls.h"

#define OUT_BYTES         4096
#define PLAIN_BYTES       16384
#define WAITING_BYTES_MAX 65536 /* of answers to pings */

struct link_tls {
	struct tls *codec;
	bool ready;   /* the handshake is complete */
	bool waiting; /* somebody waits for his bytes to be gone */
	uint8_t out[OUT_BYTES];
};

static void tls_break(struct crew *crew, struct link *c)
{
	link_break(crew, c, c->leaving ? TROUBLE_NONE : TROUBLE_TLS, tls_why(c->tls->codec));
}

static void flush(struct crew *crew, struct link *c)
{
	struct link_tls *t = c->tls;
	size_t len;

	px_assert(c->sealed);
	if (c->sending)
		return;
	len = tls_take(t->codec, t->out, sizeof(t->out));
	if (len > 0)
		link_send_arm(crew, c, t->out, len);
}

void link_tls_open(struct crew *crew, struct link *c)
{
	struct link_tls *t = calloc(1, sizeof(*t));

	px_assert(!c->sealed);
	if (t == NULL || tls_new(crew->shared->trust, &t->codec) < 0) {
		free(t);
		link_break(crew, c, TROUBLE_TLS, "no memory");
		return;
	}
	c->tls = t;
	c->sealed = true;
	if (tls_shake(t->codec) < 0)
		tls_break(crew, c);
	else
		flush(crew, c);
}

void link_tls_free(struct link *c)
{
	if (c->tls != NULL)
		tls_free(c->tls->codec);
	free(c->tls);
	c->tls = NULL;
	c->sealed = false;
}

static bool encrypt(struct crew *crew, struct link *c, const void *bytes, size_t len)
{
	px_assert(c->tls->ready);
	if (tls_write(c->tls->codec, bytes, len) < 0) {
		tls_break(crew, c);
		return false;
	}
	flush(crew, c);
	return true;
}

void link_tls_send_now(struct crew *crew, struct link *c, const void *bytes, size_t len)
{
	if (tls_waiting(c->tls->codec) > WAITING_BYTES_MAX)
		link_break(crew, c, c->leaving ? TROUBLE_NONE : TROUBLE_SEND,
			   "the server has stopped reading");
	else
		(void)encrypt(crew, c, bytes, len);
}

void link_tls_send_all(struct crew *crew, struct link *c, const void *bytes, size_t len)
{
	px_assert(!c->tls->waiting);
	c->tls->waiting = encrypt(crew, c, bytes, len);
}

bool link_tls_sent(struct crew *crew, struct link *c)
{
	bool waited = c->tls->waiting;

	px_assert(!c->sending);
	if (c->state != LINK_CLOSING)
		flush(crew, c);
	if (c->sending)
		return false;
	c->tls->waiting = false;
	return waited;
}

/* True when it is complete now. */
static bool shake(struct crew *crew, struct link *c)
{
	int r = tls_shake(c->tls->codec);

	if (r < 0)
		tls_break(crew, c);
	else
		flush(crew, c);
	c->tls->ready = r == 1;
	return r == 1;
}

void link_tls_take(struct crew *crew, struct link *c, uint8_t *data, size_t len)
{
	uint8_t plain[PLAIN_BYTES];
	int n = 1;

	if (tls_feed(c->tls->codec, data, len) < 0) {
		link_break(crew, c, TROUBLE_TLS, "no memory");
		return;
	}
	if (!c->tls->ready) {
		if (!shake(crew, c))
			return;
		link_upgrade(crew, c);
	}
	while (n > 0 && c->state != LINK_CLOSING) {
		n = tls_read(c->tls->codec, plain, sizeof(plain));
		if (n < 0)
			tls_break(crew, c);
		else if (n > 0)
			link_bytes(crew, c, plain, (size_t)n);
	}
	if (c->state != LINK_CLOSING)
		flush(crew, c); /* an answer of TLS itself */
}
