/*
 * net_sim.h - stream connections in memory: listeners, ends, bounded queues, FIN and RST.
 *
 * What TCP shows to both sides and no more: bytes in order, a queue that can be full, an orderly
 * end, a reset. No clock, no randomness: whoever drives it (ring_sim.c, tests) decides when
 * something is tried and how much of it. One thread. Errors are -errno as the system calls give
 * them.
 *
 * An end belongs to whoever got it from net_sim_connect(), _socket() or _accept(), until
 * net_sim_close() or _reset(). The memory of a connection goes when both ends are closed.
 */
#ifndef PX_TESTS_SIM_NET_SIM_H
#define PX_TESTS_SIM_NET_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_sim;
struct net_end;

struct net_sim *net_sim_new(void);
void net_sim_free(struct net_sim *net); /* every end is closed or is forgotten */

/* A listener; returns its descriptor, which no system call knows. */
int net_sim_listen(struct net_sim *net, uint16_t port, uint32_t backlog_max);
void net_sim_unlisten(struct net_sim *net, int fd); /* those who wait are reset */

/* Who is told of every connection that begins to wait at a listener. */
void net_sim_on_arrival(struct net_sim *net, void (*tell)(int fd));

/* A connection to the listener whose queues hold `queue_bytes` each way. NULL: its backlog is
 * full. */
struct net_end *net_sim_connect(struct net_sim *net, int fd, uint32_t addr, uint32_t queue_bytes);

/* A socket that is not connected yet; connect: 0 or -ECONNREFUSED. */
struct net_end *net_sim_socket(struct net_sim *net, uint32_t queue_bytes);
int net_sim_socket_connect(struct net_end *e, uint16_t port);

/* The oldest connection that waits, the listener's side. NULL: none. */
struct net_end *net_sim_accept(struct net_sim *net, int fd);
uint32_t net_sim_addr(const struct net_end *e); /* of the peer, host order */

/* Takes up to `len` bytes; -EAGAIN: the peer's queue is full, -EPIPE, -ECONNRESET. */
int64_t net_sim_send(struct net_end *e, const void *bytes, size_t len);

/* Up to `len` bytes; 0: the peer's end, -EAGAIN: nothing there, -ECONNRESET. */
int64_t net_sim_recv(struct net_end *e, void *out, size_t len);

bool net_sim_is_readable(const struct net_end *e); /* net_sim_recv() would not say -EAGAIN */
bool net_sim_has_bytes(const struct net_end *e);   /* and net_sim_recv() would give some */
bool net_sim_is_writable(const struct net_end *e);

int net_sim_shutdown(struct net_end *e, int how);
void net_sim_close(
	struct net_end *e); /* FIN, or RST when something was left unread. NULL is fine */
void net_sim_reset(struct net_end *e); /* RST, then as closed */

/* For the end of tests: ends that somebody still holds, waiting ones included. */
uint32_t net_sim_open_ends(const struct net_sim *net);

#endif
