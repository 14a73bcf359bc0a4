/*
 * client_open.c - the first moment of a connection: a socket, where it comes from, its connect.
 *
 * Owner: the worker. In flight: the connect; its end comes to client.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "tools/loadgen/pixel/worker_priv.h"

/* Linux gives 28,232 ports by default, but looks through them one by one, every other first: from
 * half of them on a connect gets slow. */
#define CLIENTS_PER_SOURCE 8000U

/* Where this client connects from: named addresses in turn; else, when there are many clients on
 * loopback, many addresses of it, for the sake of ports. */
static int source_bind(const struct worker *w, const struct client *c, int fd)
{
	const struct options *o = w->options;
	struct sockaddr_in from = {.sin_family = AF_INET};
	uint64_t of_target = client_number(w, c) / o->net.targets_count;

	if (o->net.sources.total > 0)
		from.sin_addr.s_addr = htonl(
			source_at(&o->net.sources, (uint32_t)(of_target % o->net.sources.total)));
	else if (o->net.clients / o->net.targets_count > CLIENTS_PER_SOURCE &&
		 target_is_loopback(&o->net.targets[0]))
		from.sin_addr.s_addr =
			htonl((uint32_t)(INADDR_LOOPBACK + 1 + of_target / CLIENTS_PER_SOURCE));
	else
		return 0;
	return bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0 ? -errno : 0;
}

/* One that will read in bulk keeps its plain descriptor until then: only a plain one takes the
 * option. */
static int socket_make(const struct worker *w, struct client *c)
{
	const struct options *o = w->options;
	int bytes = (int)o->receive_buffer_bytes;
	int one = 1;
	int fd = socket(net_target(&o->net, client_number(w, c))->addr.ss_family,
			SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if ((c->stopper || c->slow) && bytes > 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	r = source_bind(w, c, fd);
	if (r == 0)
		r = ring_slot_install(w->rings.at[c->ring], c->slot, fd);
	if (r == 0 && c->bulk)
		c->fd = fd;
	else
		(void)close(fd);
	return r;
}

void client_open(struct worker *w, struct client *c, uint64_t intended_ns)
{
	const struct target *target = net_target(&w->options->net, client_number(w, c));
	int r = socket_make(w, c);

	if (r < 0) {
		worker_trouble(w, TROUBLE_CONNECT, c, "no socket: %s", strerror(-r));
		client_state_set(w, c, CLIENT_DEAD);
		return;
	}
	c->since_ns = w->now.mono_ns;
	if (c->attempts == 0) {
		c->intended_ns = intended_ns;
		c->lost_ns = w->now.mono_ns;
	}
	if (c->attempts < UINT8_MAX)
		c->attempts++;
	c->inflight++;
	ring_connect(w->rings.at[c->ring], c->slot, (const struct sockaddr *)&target->addr,
		     target->addr_len, op_tag_pack(OP_CONNECT, c->generation, client_index(w, c)));
	client_state_set(w, c, CLIENT_CONNECTING);
}
