/*
 * net_sim.c - see net_sim.h.
 *
 * A connection is two ends in one allocation; each holds the queue of what it has not read yet.
 * Sending writes into the peer's queue. An end is OPEN until its owner closes it; the pair is freed
 * when both are closed, so a pointer to the peer is valid as long as one's own end is.
 */
#include "tests/sim/net_sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/assert.h"

#define LISTENERS_MAX   16
#define LISTEN_FD_FIRST 1000000 /* far from every real descriptor */

struct net_end {
	struct net_sim *net;
	struct net_end *peer; /* NULL: not connected yet */
	struct net_end *next; /* of the backlog */
	uint8_t *queue;       /* a ring of queue_bytes: what arrived and was not read */
	uint32_t queue_bytes;
	uint32_t head, len;
	uint32_t peer_addr;
	int error;         /* told once, by the next send or recv */
	bool fin_in;       /* the peer will send no more */
	bool broken;       /* reset by the peer, or of the peer */
	bool write_closed; /* we will send no more */
	bool read_closed;
	bool closed; /* the owner is gone */
};

struct listener {
	int fd; /* 0: free */
	uint16_t port;
	uint32_t waiting, waiting_max;
	struct net_end *first, *last;
};

struct net_sim {
	struct listener listeners[LISTENERS_MAX];
	struct net_end *
		*ends; /* the first end of every connection and socket, for net_sim_free() */
	uint32_t ends_len, ends_max;
	uint32_t open_ends;
	int next_fd;
	void (*arrival_tell)(int fd); /* or NULL */
};

struct net_sim *net_sim_new(void)
{
	struct net_sim *net = calloc(1, sizeof(*net));

	px_assert(net != NULL);
	net->next_fd = LISTEN_FD_FIRST;
	return net;
}

static void end_free(struct net_end *e)
{
	if (e != NULL)
		free(e->queue);
	free(e);
}

void net_sim_free(struct net_sim *net)
{
	for (uint32_t i = 0; i < net->ends_len; i++) {
		end_free(net->ends[i]->peer);
		end_free(net->ends[i]);
	}
	free(net->ends);
	free(net);
}

static struct net_end *end_new(struct net_sim *net, uint32_t queue_bytes)
{
	struct net_end *e = calloc(1, sizeof(*e));

	px_assert(e != NULL);
	px_assert(queue_bytes > 0);
	e->net = net;
	e->queue_bytes = queue_bytes;
	e->queue = malloc(queue_bytes);
	px_assert(e->queue != NULL);
	net->open_ends++;
	return e;
}

static void ends_add(struct net_sim *net, struct net_end *e)
{
	if (net->ends_len == net->ends_max) {
		net->ends_max = net->ends_max == 0 ? 64 : net->ends_max * 2;
		net->ends = realloc(net->ends, net->ends_max * sizeof(struct net_end *));
		px_assert(net->ends != NULL);
	}
	net->ends[net->ends_len++] = e;
}

static void ends_remove(struct net_sim *net, struct net_end *e)
{
	for (uint32_t i = 0; i < net->ends_len; i++) {
		if (net->ends[i] == e || net->ends[i] == e->peer) {
			net->ends[i] = net->ends[--net->ends_len];
			return;
		}
	}
	px_unreachable("an end that is in no list");
}

/* --- listeners ------------------------------------------------------------------------------ */

static struct listener *listener_find(struct net_sim *net, int fd)
{
	for (unsigned i = 0; i < LISTENERS_MAX; i++)
		if (net->listeners[i].fd == fd && fd != 0)
			return &net->listeners[i];
	return NULL;
}

int net_sim_listen(struct net_sim *net, uint16_t port, uint32_t backlog_max)
{
	for (unsigned i = 0; i < LISTENERS_MAX; i++) {
		struct listener *l = &net->listeners[i];

		if (l->fd != 0)
			continue;
		*l = (struct listener){
			.fd = net->next_fd++, .port = port, .waiting_max = backlog_max};
		return l->fd;
	}
	px_unreachable("more listeners than a test needs");
}

void net_sim_unlisten(struct net_sim *net, int fd)
{
	struct net_end *e;

	while ((e = net_sim_accept(net, fd)) != NULL)
		net_sim_reset(e);
	*listener_find(net, fd) = (struct listener){0};
}

void net_sim_on_arrival(struct net_sim *net, void (*tell)(int fd))
{
	net->arrival_tell = tell;
}

/* Makes the listener's side of a connection and lets it wait there. */
static int backlog_add(struct net_sim *net, struct listener *l, struct net_end *client)
{
	struct net_end *server;

	if (l == NULL || l->waiting == l->waiting_max)
		return -ECONNREFUSED;
	server = end_new(net, client->queue_bytes);
	server->peer = client;
	server->peer_addr = client->peer_addr;
	client->peer = server;
	if (l->first == NULL)
		l->first = server;
	else
		l->last->next = server;
	l->last = server;
	l->waiting++;
	if (net->arrival_tell != NULL)
		net->arrival_tell(l->fd);
	return 0;
}

struct net_end *net_sim_connect(struct net_sim *net, int fd, uint32_t addr, uint32_t queue_bytes)
{
	struct net_end *client = net_sim_socket(net, queue_bytes);

	client->peer_addr = addr;
	if (backlog_add(net, listener_find(net, fd), client) == 0)
		return client;
	net_sim_close(client);
	return NULL;
}

struct net_end *net_sim_socket(struct net_sim *net, uint32_t queue_bytes)
{
	struct net_end *e = end_new(net, queue_bytes);

	ends_add(net, e);
	return e;
}

int net_sim_socket_connect(struct net_end *e, uint16_t port)
{
	px_assert(e->peer == NULL);
	for (unsigned i = 0; i < LISTENERS_MAX; i++) {
		struct listener *l = &e->net->listeners[i];

		if (l->fd != 0 && l->port == port)
			return backlog_add(e->net, l, e);
	}
	return -ECONNREFUSED;
}

struct net_end *net_sim_accept(struct net_sim *net, int fd)
{
	struct listener *l = listener_find(net, fd);
	struct net_end *e;

	px_assert(l != NULL);
	e = l->first;
	if (e == NULL)
		return NULL;
	l->first = e->next;
	e->next = NULL;
	l->waiting--;
	return e;
}

uint32_t net_sim_addr(const struct net_end *e)
{
	return e->peer_addr;
}

/* --- bytes ---------------------------------------------------------------------------------- */

static int error_take(struct net_end *e)
{
	int error = e->error;

	e->error = 0;
	return error;
}

int64_t net_sim_send(struct net_end *e, const void *bytes, size_t len)
{
	struct net_end *to = e->peer;
	const uint8_t *from = bytes;
	uint32_t room, n, at, first;

	px_assert(!e->closed);
	if (e->error != 0)
		return error_take(e);
	if (to == NULL || e->broken || e->write_closed)
		return -EPIPE;
	room = to->queue_bytes - to->len;
	n = len < room ? (uint32_t)len : room;
	if (n == 0)
		return len == 0 ? 0 : -EAGAIN;
	if (to->closed) { /* bytes for nobody: answered with a reset */
		e->broken = true;
		e->error = -ECONNRESET;
		return n;
	}
	at = (to->head + to->len) % to->queue_bytes;
	first = n < to->queue_bytes - at ? n : to->queue_bytes - at;
	memcpy(to->queue + at, from, first);
	memcpy(to->queue, from + first, n - first);
	to->len += n;
	return n;
}

int64_t net_sim_recv(struct net_end *e, void *out, size_t len)
{
	uint8_t *to = out;
	uint32_t n = len < e->len ? (uint32_t)len : e->len;
	uint32_t first = n < e->queue_bytes - e->head ? n : e->queue_bytes - e->head;

	px_assert(!e->closed);
	if (e->read_closed)
		return 0;
	if (n > 0) {
		memcpy(to, e->queue + e->head, first);
		memcpy(to + first, e->queue, n - first);
		e->head = (e->head + n) % e->queue_bytes;
		e->len -= n;
		return n;
	}
	if (e->error != 0)
		return error_take(e);
	return e->fin_in || e->broken ? 0 : -EAGAIN;
}

bool net_sim_is_readable(const struct net_end *e)
{
	return e->len > 0 || e->fin_in || e->broken || e->read_closed || e->error != 0;
}

bool net_sim_has_bytes(const struct net_end *e)
{
	return e->len > 0 && !e->read_closed;
}

bool net_sim_is_writable(const struct net_end *e)
{
	return e->error != 0 || e->broken || e->write_closed || e->peer == NULL ||
	       e->peer->len < e->peer->queue_bytes;
}

/* --- the end -------------------------------------------------------------------------------- */

int net_sim_shutdown(struct net_end *e, int how)
{
	px_assert(!e->closed);
	if (e->peer == NULL || e->broken)
		return -ENOTCONN;
	if (how != SHUT_WR)
		e->read_closed = true;
	if (how != SHUT_RD) {
		e->write_closed = true;
		e->peer->fin_in = true;
	}
	return 0;
}

static void end_release(struct net_end *e)
{
	px_assert(!e->closed);
	e->closed = true;
	e->net->open_ends--;
	if (e->peer != NULL && !e->peer->closed)
		return;
	ends_remove(e->net, e);
	end_free(e->peer);
	end_free(e);
}

void net_sim_close(struct net_end *e)
{
	if (e == NULL)
		return;
	if (e->len > 0 && e->peer != NULL) {
		net_sim_reset(e);
		return;
	}
	if (e->peer != NULL)
		e->peer->fin_in = true;
	end_release(e);
}

void net_sim_reset(struct net_end *e)
{
	if (e->peer != NULL && !e->broken) {
		e->peer->broken = true;
		e->peer->error = -ECONNRESET;
	}
	end_release(e);
}

uint32_t net_sim_open_ends(const struct net_sim *net)
{
	return net->open_ends;
}
