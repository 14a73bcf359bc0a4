/*
 * bench_fanout.c - the floor under pixeld's fan-out: accept, upgrade, send the same bytes, no more.
 *
 *	bench_fanout --port P --threads 2 --clients N --frame-bytes 300 --interval-ms 100 --rounds K
 *	             [--mode uring|send] [--congestion cubic]
 *
 * When N clients are upgraded it sends one frame to each of them every interval, with the time of
 * the round in front, K rounds long, and prints what a delivery cost in CPU time of all threads.
 * Nobody is listened to any more then: no protocol, no log, no limits. mode send: plain descriptors
 * and one send(2) per client.
 *
 * Threads share nothing but counters. A thread owns its rings, a ring its listener (the kernel
 * spreads clients by SO_REUSEPORT) and its clients: index of the client = slot of its socket. In
 * flight: one operation per client. A send posts a completion only when the socket did not take all
 * of it; what is left goes out in the next round, before the next frame, so that streams stay
 * whole.
 */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "edge/codec/ws_frame.h"

enum { SQ_ENTRIES = 512, HEAD_BYTES_MAX = 512, THREADS_MAX = 64, STAMP_CHARS = 19 };
enum kind { ACCEPT = 1, REQUEST, ANSWER, FRAME };

struct client {
	char *head; /* the request, then the answer; each comes and goes in one piece on loopback */
	uint32_t asked;  /* bytes that the last send was given */
	uint32_t behind; /* bytes of an older frame that the socket did not take */
	int fd;          /* mode send only */
	bool upgraded;
};

struct group { /* one ring and its clients; in mode send a listener and its clients */
	struct io_uring ring;
	struct client *clients;
	uint8_t *frame;
	uint32_t used;
	int listener;
};

static unsigned port = 8099, threads = 2, clients = 1000, frame_bytes = 300, interval_ms = 100,
		rounds = 100, groups_per_thread = 1, slots = 0, head_bytes;
static const char *congestion = "cubic";
static bool plain;
static _Atomic unsigned upgraded;
static _Atomic uint64_t deliveries, short_sends, lost, start_ns;
static uint64_t unix_offset_ns; /* written before start_ns */

static void die(const char *what, int error)
{
	fprintf(stderr, "bench_fanout: %s: %s\n", what, strerror(error));
	exit(1);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static int listen_open(void)
{
	struct sockaddr_in a = {AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1, lowat = 16384;

	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat));
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 4096) < 0)
		die("listen", errno);
	return fd;
}

/* Turns the request of `len` bytes in c->head into its answer; returns the answer's bytes. */
static size_t client_upgrade(struct client *c, int len)
{
	char *key, accept[WS_ACCEPT_CHARS + 1] = "";

	key = strcasestr(c->head, "Sec-WebSocket-Key: ");
	if (key == NULL || memcmp(c->head + len - 4, "\r\n\r\n", 4) != 0)
		die("a request without key, or in pieces", EPROTO);
	ws_accept_key(key + strlen("Sec-WebSocket-Key: "), accept);
	c->upgraded = true;
	atomic_fetch_add(&upgraded, 1);
	return (size_t)snprintf(c->head, HEAD_BYTES_MAX,
				"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
				"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
				accept);
}

/* A frame of frame_bytes: its head, room for the time of the round, filler. */
static uint8_t *frame_make(void)
{
	uint8_t *frame = memset(malloc(frame_bytes), 0x5a, frame_bytes);

	ws_head_write(frame, true, WS_BINARY, frame_bytes - head_bytes);
	return frame;
}

/* Unix time of the round, 19 digits: a crowd of loadgen knows rounds and latencies by it. */
static void frame_stamp(uint8_t *frame, uint64_t unix_ns)
{
	for (unsigned i = STAMP_CHARS; i-- > 0; unix_ns /= 10)
		frame[head_bytes + i] = (uint8_t)('0' + unix_ns % 10);
}

/* What this round owes the client: the rest of an older frame, else a frame. */
static const uint8_t *client_due(const struct group *g, struct client *c)
{
	c->asked = c->behind != 0 ? c->behind : frame_bytes;
	c->behind = 0;
	return g->frame + frame_bytes - c->asked;
}

static void client_took(struct client *c, int res)
{
	if (res == (int)c->asked)
		return;
	res = res < 0 && plain ? -errno : res;
	c->behind = c->asked - (uint32_t)(res < 0 ? 0 : res);
	c->upgraded = res >= 0 || res == -EAGAIN;
	atomic_fetch_add(c->upgraded ? &short_sends : &lost, 1);
}

static struct io_uring_sqe *sqe_get(struct group *g)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&g->ring);

	if (sqe == NULL)
		io_uring_submit(&g->ring);
	return sqe != NULL ? sqe : io_uring_get_sqe(&g->ring);
}

static void slot_send(struct group *g, enum kind kind, uint32_t slot, const void *bytes, size_t len)
{
	struct io_uring_sqe *sqe = sqe_get(g);

	io_uring_prep_send(sqe, (int)slot, bytes, len, MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = (uint64_t)kind << 32 | slot;
}

static void accept_arm(struct group *g)
{
	struct io_uring_sqe *sqe = sqe_get(g);

	io_uring_prep_multishot_accept_direct(sqe, g->listener, NULL, NULL, 0);
	sqe->user_data = (uint64_t)ACCEPT << 32;
}

static void accept_done(struct group *g, int res, bool more)
{
	uint32_t slot = (uint32_t)res;
	struct io_uring_sqe *sqe = sqe_get(g);

	if (res < 0)
		die("accept (the spread was wider than the spare slots?)", -res);
	g->used = slot >= g->used ? slot + 1 : g->used;
	g->clients[slot].head = calloc(1, HEAD_BYTES_MAX);
	io_uring_prep_recv(sqe, res, g->clients[slot].head, HEAD_BYTES_MAX - 1, 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = (uint64_t)REQUEST << 32 | slot;
	if (!more)
		accept_arm(g);
}

static void group_turn(struct group *g)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	io_uring_submit_and_get_events(&g->ring);
	io_uring_for_each_cqe(&g->ring, head, cqe)
	{
		uint32_t slot = (uint32_t)cqe->user_data, kind = (uint32_t)(cqe->user_data >> 32);
		struct client *c = &g->clients[slot];

		n++;
		if (kind == ACCEPT)
			accept_done(g, cqe->res, cqe->flags & IORING_CQE_F_MORE);
		else if (kind == REQUEST)
			slot_send(g, ANSWER, slot, c->head, client_upgrade(c, cqe->res));
		else
			client_took(c, kind == FRAME ? cqe->res : -EPIPE);
	}
	io_uring_cq_advance(&g->ring, n);
}

static void group_open(struct group *g)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER |
					     IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
				    .cq_entries = 16384};
	int err;

	g->clients = calloc(plain ? clients : slots, sizeof(*g->clients));
	g->frame = frame_make();
	g->listener = listen_open();
	if (plain)
		return;
	if ((err = io_uring_queue_init_params(SQ_ENTRIES, &g->ring, &p)) < 0 ||
	    (err = io_uring_register_files_sparse(&g->ring, slots)) < 0)
		die("ring", -err);
	accept_arm(g);
}

static void plain_accept(struct group *g)
{
	for (int fd; (fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
		struct client *c = &g->clients[g->used++];
		size_t len;

		*c = (struct client){.head = calloc(1, HEAD_BYTES_MAX), .fd = fd};
		len = client_upgrade(c, (int)recv(fd, c->head, HEAD_BYTES_MAX - 1, 0));
		if (send(fd, c->head, len, MSG_NOSIGNAL) != (ssize_t)len)
			die("answer", errno);
	}
}

static void group_round(struct group *g)
{
	uint64_t sent = 0;

	for (uint32_t i = 0; i < g->used; i++) {
		struct client *c = &g->clients[i];
		const uint8_t *due = client_due(g, c);

		if (!c->upgraded)
			continue;
		if (plain)
			client_took(c,
				    (int)send(c->fd, due, c->asked, MSG_DONTWAIT | MSG_NOSIGNAL));
		else
			slot_send(g, FRAME, i, due, c->asked);
		if (++sent % SQ_ENTRIES == 0 && !plain)
			group_turn(g);
	}
	if (!plain)
		group_turn(g);
	atomic_fetch_add(&deliveries, sent);
}

static void *thread_main(void *arg)
{
	struct group *groups = arg;

	for (unsigned i = 0; i < groups_per_thread; i++)
		group_open(&groups[i]);
	for (unsigned i = 0; start_ns == 0; i++, usleep(500))
		plain ? plain_accept(&groups[i % groups_per_thread])
		      : group_turn(&groups[i % groups_per_thread]);
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t at = start_ns + (uint64_t)round * interval_ms * 1000000ULL;
		struct timespec t = {(time_t)(at / 1000000000ULL), (long)(at % 1000000000ULL)};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		for (unsigned i = 0; i < groups_per_thread; i++) {
			frame_stamp(groups[i].frame, at + unix_offset_ns);
			group_round(&groups[i]);
		}
	}
	return NULL; /* sockets close with the process, after the numbers are taken */
}

static void option_read(const char *name, const char *value)
{
	static const char *const names[] = {"--port",        "--threads",     "--clients",
					    "--frame-bytes", "--interval-ms", "--rounds"};
	unsigned *const values[] = {&port, &threads, &clients, &frame_bytes, &interval_ms, &rounds};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (strcmp(name, names[k]) == 0)
			*values[k] = (unsigned)strtoul(value, NULL, 10);
	plain = strcmp(name, "--mode") == 0 ? strcmp(value, "send") == 0 : plain;
	congestion = strcmp(name, "--congestion") == 0 ? value : congestion;
}

int main(int argc, char **argv)
{
	struct rlimit fds;
	pthread_t ids[THREADS_MAX];
	uint64_t cpu_ns, ns;

	for (int i = 1; i + 1 < argc; i += 2)
		option_read(argv[i], argv[i + 1]);
	getrlimit(RLIMIT_NOFILE, &fds);
	while ((slots = clients / (threads * groups_per_thread) * 106 / 100 + 300) > fds.rlim_cur)
		groups_per_thread++;
	head_bytes = frame_bytes < 128 ? 2 : 4;
	if (frame_bytes < head_bytes + STAMP_CHARS)
		die("--frame-bytes", EINVAL);
	for (unsigned i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, thread_main,
			       calloc(groups_per_thread, sizeof(struct group)));
	while (upgraded < clients)
		usleep(10000);
	cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	unix_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	start_ns = ns = clock_ns(CLOCK_MONOTONIC) + 100000000ULL;
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
	ns = clock_ns(CLOCK_MONOTONIC) - ns;
	printf("mode=%s clients=%u deliveries=%lu short=%lu lost=%lu seconds=%.1f cpu_s=%.2f "
	       "us_per_delivery=%.3f\n",
	       plain ? "send" : "uring", upgraded, deliveries, short_sends, lost, (double)ns / 1e9,
	       (double)cpu_ns / 1e9, (double)cpu_ns / 1e3 / (double)deliveries);
	return lost > 0;
}
