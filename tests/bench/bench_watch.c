/*
 * bench_watch.c - a crowd that only reads: the same clients for pixeld and for bench_fanout.
 *
 *	bench_watch --port P --path /ws --clients N [--hello HEX] [--settle S] [--seconds T]
 *	            [--pid PID] [--edge COMMAND]
 *
 * Opens N WebSocket clients, sends the message HEX once on each, reads and drops what comes,
 * counting bytes and frames. When all are there and S seconds have passed, a window of T seconds
 * begins. With --pid it also says what that process (the server) used of CPU time in the window,
 * per frame that reached a client, and its resident memory with the clients there; COMMAND is run
 * by the shell at both edges of the window. Checks nothing but that frames are whole; loadgen
 * proves what arrived.
 *
 * One thread, one ring, sockets in direct descriptors: at most RLIMIT_NOFILE clients, more by
 * running it twice. In flight per client: one multishot receive, and the request or the message,
 * whose bytes are static. Clients come from several source addresses, because one has only so many
 * ports.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "edge/codec/ws_frame.h"

enum { BUFS = 4096, BUF_BYTES = 2048, SOURCES = 16, HELLO_BYTES_MAX = 125 };
enum kind { RECV = 1, SEND };

struct client {
	uint64_t bytes;
	uint64_t skip; /* bytes of the current frame that are still to come */
	uint32_t frames;
	uint8_t head[WS_HEAD_BYTES_MAX];
	uint8_t head_len;
	uint8_t crlf; /* how much of the empty line that ends the answer has been seen */
	bool open;
};

static struct {
	unsigned port, clients, settle, seconds;
	int pid;
	const char *path, *hello, *edge;
} opt = {8080, 1000, 3, 10, 0, "/ws", "", NULL};

static struct io_uring ring;
static struct io_uring_buf_ring *bufs;
static uint8_t *buf_memory;
static struct client *clients;
static char request[512];
static uint8_t hello[HELLO_BYTES_MAX + WS_HEAD_BYTES_MAX];
static size_t request_len, hello_len;
static unsigned upgraded, ended;
static uint64_t bytes_all, frames_all;

static void die(const char *what, int error)
{
	fprintf(stderr, "bench_watch: %s: %s\n", what, strerror(error));
	exit(1);
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) < 0)
		die("the clock of --pid", errno);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static uint64_t server_cpu_ns(void)
{
	clockid_t id;

	if (opt.pid == 0)
		return 0;
	if (clock_getcpuclockid(opt.pid, &id) != 0)
		die("--pid", ESRCH);
	return clock_ns(id);
}

static long server_rss_bytes(void)
{
	char path[64];
	long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", opt.pid);
	f = opt.pid != 0 ? fopen(path, "r") : NULL;
	if (f == NULL)
		return 0;
	if (fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static struct io_uring_sqe *sqe_get(enum kind kind, uint32_t slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (sqe == NULL) {
		io_uring_submit(&ring);
		sqe = io_uring_get_sqe(&ring);
	}
	sqe->user_data = (uint64_t)kind << 32 | slot;
	return sqe;
}

static void recv_arm(uint32_t slot)
{
	struct io_uring_sqe *sqe = sqe_get(RECV, slot);

	io_uring_prep_recv_multishot(sqe, (int)slot, NULL, 0, 0);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	sqe->buf_group = 0;
	sqe->user_data = (uint64_t)RECV << 32 | slot;
}

static void send_bytes(uint32_t slot, const void *bytes, size_t len)
{
	struct io_uring_sqe *sqe = sqe_get(SEND, slot);

	io_uring_prep_send(sqe, (int)slot, bytes, len, MSG_WAITALL | MSG_NOSIGNAL);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = (uint64_t)SEND << 32 | slot;
}

/* Connects client i and moves its socket into slot i. */
static void client_open(uint32_t i)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
	struct sockaddr_in from = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, err;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + i % SOURCES);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect", errno);
	err = io_uring_register_files_update(&ring, i, &fd, 1);
	if (err < 0)
		die("slot", -err);
	close(fd);
	clients[i].open = true;
	recv_arm(i);
	send_bytes(i, request, request_len);
}

/* Reads the HTTP answer up to its empty line. Returns the bytes used. */
static size_t client_answer(struct client *c, uint32_t slot, const uint8_t *in, size_t len)
{
	static const char ok[] = "HTTP/1.1 101";
	size_t i = 0;

	if (c->bytes == len && (len < sizeof(ok) - 1 || memcmp(in, ok, sizeof(ok) - 1) != 0)) {
		fprintf(stderr, "bench_watch: refused: %.*s\n", (int)len, (const char *)in);
		exit(1);
	}
	while (i < len && c->crlf < 4) {
		bool fits = in[i] == "\r\n\r\n"[c->crlf];

		c->crlf = fits ? (uint8_t)(c->crlf + 1) : in[i] == '\r';
		i++;
	}
	if (c->crlf == 4) {
		upgraded++;
		if (hello_len > 0)
			send_bytes(slot, hello, hello_len);
	}
	return i;
}

/* Walks over frames, whose heads may come in pieces. */
static void client_frames(struct client *c, const uint8_t *in, size_t len)
{
	while (len > 0) {
		size_t step = c->skip < len ? (size_t)c->skip : len;
		uint64_t whole;

		in += step;
		len -= step;
		c->skip -= step;
		if (len == 0)
			return;
		c->head[c->head_len++] = *in++;
		len--;
		whole = ws_frame_bytes(c->head, c->head_len);
		if (whole == 0)
			continue;
		c->skip = whole - c->head_len;
		c->head_len = 0;
		c->frames++;
		frames_all++;
	}
}

static void client_read(uint32_t slot, const uint8_t *in, size_t len)
{
	struct client *c = &clients[slot];
	size_t used = 0;

	c->bytes += len;
	if (c->crlf < 4)
		used = client_answer(c, slot, in, len);
	bytes_all += len - used;
	client_frames(c, in + used, len - used);
}

static void recv_done(const struct io_uring_cqe *cqe)
{
	uint32_t slot = (uint32_t)cqe->user_data;

	if (cqe->flags & IORING_CQE_F_BUFFER) {
		uint16_t id = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
		uint8_t *buf = buf_memory + (size_t)id * BUF_BYTES;

		client_read(slot, buf, cqe->res > 0 ? (size_t)cqe->res : 0);
		io_uring_buf_ring_add(bufs, buf, BUF_BYTES, id, io_uring_buf_ring_mask(BUFS), 0);
		io_uring_buf_ring_advance(bufs, 1);
	}
	if (cqe->res <= 0 && cqe->res != -ENOBUFS) {
		clients[slot].open = false;
		ended++;
	} else if (!(cqe->flags & IORING_CQE_F_MORE)) {
		recv_arm(slot);
	}
}

static void turn(long wait_ms)
{
	struct __kernel_timespec t = {.tv_nsec = wait_ms * 1000000};
	struct io_uring_cqe *cqe;
	unsigned head, n = 0;

	io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &t, NULL);
	io_uring_for_each_cqe(&ring, head, cqe)
	{
		n++;
		if (cqe->user_data >> 32 == RECV)
			recv_done(cqe);
	}
	io_uring_cq_advance(&ring, n);
}

static void turn_until(uint64_t end_ns)
{
	while (clock_ns(CLOCK_MONOTONIC) < end_ns && ended < opt.clients)
		turn(10);
}

static void ring_start(void)
{
	struct io_uring_params p = {.flags = IORING_SETUP_SINGLE_ISSUER |
					     IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
				    .cq_entries = 65536 / 2};
	struct io_uring_buf_reg reg = {.ring_entries = BUFS};
	int err = io_uring_queue_init_params(4096, &ring, &p);

	if (err == 0)
		err = io_uring_register_files_sparse(&ring, opt.clients);
	if (posix_memalign((void **)&bufs, 4096, BUFS * sizeof(struct io_uring_buf)) != 0)
		die("buffers", ENOMEM);
	reg.ring_addr = (uint64_t)(uintptr_t)bufs;
	if (err == 0)
		err = io_uring_register_buf_ring(&ring, &reg, 0);
	if (err < 0)
		die("ring", -err);
	io_uring_buf_ring_init(bufs);
	buf_memory = malloc((size_t)BUFS * BUF_BYTES);
	for (unsigned i = 0; i < BUFS; i++)
		io_uring_buf_ring_add(bufs, buf_memory + (size_t)i * BUF_BYTES, BUF_BYTES,
				      (uint16_t)i, io_uring_buf_ring_mask(BUFS), (int)i);
	io_uring_buf_ring_advance(bufs, BUFS);
}

static void texts_make(void)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};
	uint8_t payload[HELLO_BYTES_MAX];
	size_t n = strlen(opt.hello) / 2, head;

	request_len =
		(size_t)snprintf(request, sizeof(request),
				 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUpgrade: websocket\r\n"
				 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
				 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
				 opt.path, opt.port);
	if (n == 0)
		return;
	for (size_t i = 0; i < n && n <= HELLO_BYTES_MAX; i++)
		if (sscanf(opt.hello + 2 * i, "%2hhx", &payload[i]) != 1)
			die("--hello", EINVAL);
	head = ws_head_write_masked(hello, true, WS_BINARY, mask, payload, n);
	memcpy(hello + head, payload, n);
	hello_len = head + n;
}

static void options_read(int argc, char **argv)
{
	static const char *const names[] = {"--port", "--clients", "--settle", "--seconds"};
	unsigned *const values[] = {&opt.port, &opt.clients, &opt.settle, &opt.seconds};

	for (int i = 1; i + 1 < argc; i += 2) {
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (strcmp(argv[i], names[k]) == 0)
				*values[k] = (unsigned)strtoul(argv[i + 1], NULL, 10);
		if (strcmp(argv[i], "--path") == 0)
			opt.path = argv[i + 1];
		if (strcmp(argv[i], "--hello") == 0)
			opt.hello = argv[i + 1];
		if (strcmp(argv[i], "--edge") == 0)
			opt.edge = argv[i + 1];
		if (strcmp(argv[i], "--pid") == 0)
			opt.pid = (int)strtol(argv[i + 1], NULL, 10);
	}
}

static void edge_command(void)
{
	if (opt.edge != NULL && system(opt.edge) != 0)
		die("--edge", ECHILD);
}

static void report(const uint32_t *frames_before, uint64_t frames, uint64_t bytes, uint64_t cpu_ns,
		   double seconds)
{
	uint32_t least = UINT32_MAX, most = 0;

	for (unsigned i = 0; i < opt.clients; i++) {
		uint32_t n = clients[i].frames - frames_before[i];

		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	printf("clients=%u ended=%u seconds=%.2f frames=%lu frames_min=%u frames_max=%u bytes=%lu "
	       "server_cpu_s=%.3f us_per_frame=%.3f server_rss=%ld\n",
	       upgraded, ended, seconds, frames, least, most, bytes, (double)cpu_ns / 1e9,
	       (double)cpu_ns / 1e3 / (double)frames, server_rss_bytes());
}

int main(int argc, char **argv)
{
	uint64_t begin_ns, cpu_ns, frames, bytes;
	uint32_t *frames_before;

	options_read(argc, argv);
	texts_make();
	ring_start();
	clients = calloc(opt.clients, sizeof(*clients));
	frames_before = calloc(opt.clients, sizeof(*frames_before));
	for (unsigned i = 0; i < opt.clients; i++) {
		client_open(i);
		if (i % 32 == 31)
			turn(0);
	}
	while (upgraded < opt.clients && ended == 0)
		turn(10);
	if (ended > 0)
		die("clients were closed before all were there", ECONNRESET);
	turn_until(clock_ns(CLOCK_MONOTONIC) + opt.settle * 1000000000ULL);

	edge_command();
	for (unsigned i = 0; i < opt.clients; i++)
		frames_before[i] = clients[i].frames;
	frames = frames_all;
	bytes = bytes_all;
	cpu_ns = server_cpu_ns();
	begin_ns = clock_ns(CLOCK_MONOTONIC);
	turn_until(begin_ns + opt.seconds * 1000000000ULL);
	report(frames_before, frames_all - frames, bytes_all - bytes, server_cpu_ns() - cpu_ns,
	       (double)(clock_ns(CLOCK_MONOTONIC) - begin_ns) / 1e9);
	edge_command();
	return ended > 0;
}
