/*
 * lws.c - a broadcast server on libwebsockets, as its examples do it. peer_lws PORT
 *
 * Messages wait in a ring; every client has a place in it, and writes when it is called writeable.
 *
 * One thread, as the library is built by Debian. A client that falls a whole ring behind is closed.
 */
#include <libwebsockets.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define RING      64
#define BYTES_MAX 65536

struct message {
	size_t len;
	enum lws_write_protocol kind;
	unsigned char bytes[LWS_PRE + BYTES_MAX]; /* the library writes the head in front */
};

struct client {
	uint64_t next; /* the message to be sent next */
	size_t len;    /* of the one that it is sending us */
	unsigned char *bytes;
};

static struct message ring[RING];
static uint64_t head; /* messages so far */
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* Takes a piece of what a client sends; a whole message goes into the ring and out to all. */
static int received(struct lws *wsi, struct client *c, const void *in, size_t len)
{
	struct message *m = &ring[head % RING];

	if (c->len + len > BYTES_MAX)
		return -1;
	if (c->bytes == NULL)
		c->bytes = malloc(BYTES_MAX);
	if (c->bytes == NULL)
		return -1;
	memcpy(c->bytes + c->len, in, len);
	c->len += len;
	if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0)
		return 0;
	m->len = c->len;
	m->kind = lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
	memcpy(m->bytes + LWS_PRE, c->bytes, c->len);
	c->len = 0;
	head++;
	lws_callback_on_writable_all_protocol(lws_get_context(wsi), lws_get_protocol(wsi));
	return 0;
}

static int writeable(struct lws *wsi, struct client *c)
{
	struct message *m = &ring[c->next % RING];

	if (c->next == head)
		return 0;
	if (head - c->next > RING || lws_write(wsi, m->bytes + LWS_PRE, m->len, m->kind) < 0)
		return -1;
	if (++c->next < head)
		lws_callback_on_writable(wsi);
	return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
		    size_t len)
{
	struct client *c = user;

	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		*c = (struct client){.next = head};
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return received(wsi, c, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return writeable(wsi, c);
	case LWS_CALLBACK_CLOSED:
		free(c->bytes);
		return 0;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = {
		{"all", callback, sizeof(struct client), 4096, 0, NULL, 0},
		{NULL, NULL, 0, 0, 0, NULL, 0},
	};
	struct lws_context_creation_info info = {
		.port = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0,
		.iface = "127.0.0.1",
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_DISABLE_IPV6,
	};
	struct lws_context *context;

	signal(SIGTERM, on_signal);
	lws_set_log_level(LLL_ERR, NULL);
	context = lws_create_context(&info);
	if (context == NULL)
		return 1;
	while (!stopped && lws_service(context, 0) >= 0)
		continue;
	lws_context_destroy(context);
	return 0;
}
