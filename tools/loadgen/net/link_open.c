/*
 * link_open.c - the first steps of a connection: a socket, its source address, its connect, and the
 * upgrade request.
 *
 * Owner: the crew's thread. In flight: the connect; its completion goes to link.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "tools/loadgen/net/link.h"
#include "tools/loadgen/net/crew.h"

/* Linux gives 28,232 ports by default, but looks through them one by one, every other first: from
 * half of them on a connect gets slow. */
#define CLIENTS_PER_SOURCE 8000U

/* Where this client connects from: named addresses in turn; else, when there are many clients on
 * loopback, many addresses of it, for the sake of ports. */
static int source_bind(const struct crew *crew, const struct link *c, int fd)
{
	const struct net_options *o = crew->options;
	struct sockaddr_in from = {.sin_family = AF_INET};
	uint64_t of_target = link_number(crew, c) / o->targets_count;

	if (o->sources.total > 0)
		from.sin_addr.s_addr =
			htonl(source_at(&o->sources, (uint32_t)(of_target % o->sources.total)));
	else if (o->clients / o->targets_count > CLIENTS_PER_SOURCE &&
		 target_is_loopback(&o->targets[0]))
		from.sin_addr.s_addr =
			htonl((uint32_t)(INADDR_LOOPBACK + 1 + of_target / CLIENTS_PER_SOURCE));
	else
		return 0;
	return bind(fd, (const struct sockaddr *)&from, sizeof(from)) < 0 ? -errno : 0;
}

/* One that will read in bulk keeps its plain descriptor until then: only a plain one takes the
 * option. */
static int socket_make(const struct crew *crew, struct link *c)
{
	const struct target *target = net_target(crew->options, link_number(crew, c));
	int fd = socket(target->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int bytes = crew->shared->narrow_bytes;
	int one = 1;
	int r;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (c->narrow && bytes > 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	r = source_bind(crew, c, fd);
	if (r == 0)
		r = ring_slot_install(crew->rings.at[c->wire.lane], c->wire.slot, fd);
	if (r == 0 && c->bulk)
		c->fd = fd;
	else
		(void)close(fd);
	return r;
}

void link_open(struct crew *crew, struct link *c, uint64_t intended_ns)
{
	const struct target *target = net_target(crew->options, link_number(crew, c));
	int r = socket_make(crew, c);

	px_assert(c->inflight == 0 && !c->reading && !c->sending && !c->sealed);
	if (r < 0) {
		crew_trouble(crew, TROUBLE_CONNECT, c, "no socket: %s", strerror(-r));
		link_state_set(crew, c, LINK_DEAD);
		crew->speaker->dead(crew, c); /* as at any other end */
		return;
	}
	c->since_ns = crew->now.mono_ns;
	if (c->attempts == 0) {
		c->intended_ns = intended_ns;
		c->lost_ns = crew->now.mono_ns;
	}
	if (c->attempts < UINT8_MAX)
		c->attempts++;
	c->inflight++;
	ring_connect(crew->rings.at[c->wire.lane], c->wire.slot,
		     (const struct sockaddr *)&target->addr, target->addr_len,
		     link_tag(c, LINK_OP_CONNECT));
	link_state_set(crew, c, LINK_CONNECTING);
}

void link_upgrade(struct crew *crew, struct link *c)
{
	uint8_t *out = crew_arena(crew, crew->request_bytes);
	size_t len =
		upgrade_write(net_target(crew->options, link_number(crew, c)), crew->shared->ask,
			      link_upgrade_random(crew, c), (char *)out, crew->request_bytes);

	px_assert(len > 0);
	link_send_now(crew, c, out, len);
}
