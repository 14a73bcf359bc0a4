/* listener.c - see listener.h. */
#include "server/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/log.h"
#include "server/settings/listen_address.h"

#define BACKLOG          65535 /* cut to net.core.somaxconn: a burst of reconnects waits here */
#define BIND_TRIES       500   /* 10 s: a busy machine lets the kernel wait, too */
#define BIND_INTERVAL_NS 20000000L

/* Options that are not there are no reason to stop; the difference is told. */
static void option_set(int fd, int level, int name, const void *value, socklen_t len,
		       const char *what)
{
	if (setsockopt(fd, level, name, value, len) < 0)
		log_warn("socket_option_refused option=%s error=\"%s\"", what, strerror(errno));
}

static void tcp_options_set(int fd, const struct settings *s)
{
	int one = 1, timeout_ms = (int)s->tcp_user_timeout_ms, lowat = (int)s->tcp_notsent_lowat;

	option_set(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one), "TCP_NODELAY");
	if (timeout_ms > 0)
		option_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms),
			   "TCP_USER_TIMEOUT");
	if (lowat > 0) /* else a reader that stopped swallows megabytes of kernel memory */
		option_set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof(lowat),
			   "TCP_NOTSENT_LOWAT");
	if (s->tcp_congestion[0] != '\0')
		option_set(fd, IPPROTO_TCP, TCP_CONGESTION, s->tcp_congestion,
			   (socklen_t)strlen(s->tcp_congestion), "TCP_CONGESTION");
}

/* A socket file that nobody listens on is left over from a crash. */
static void unix_leftover_remove(const struct listen_address *a)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&a->addr;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&a->addr, a->len) < 0 && errno == ECONNREFUSED)
		(void)unlink(un->sun_path);
	(void)close(fd);
}

/* After a kill -9 the kernel takes a ring apart some time after the process is gone, and only then
 * gives back the port on which that ring accepted: whoever starts again at once meets itself. */
static int bind_and_listen(int fd, const struct listen_address *a, const char *text)
{
	struct timespec pause = {.tv_nsec = BIND_INTERVAL_NS};
	bool is_bound = false;

	for (int tries = 1;; tries++) {
		is_bound = is_bound || bind(fd, (const struct sockaddr *)&a->addr, a->len) == 0;
		if (is_bound && listen(fd, BACKLOG) == 0)
			return 0;
		if (errno != EADDRINUSE || a->addr.ss_family == AF_UNIX || tries == BIND_TRIES)
			return -errno;
		if (tries == 1)
			log_info("listen_waits address=%s why=\"in use, perhaps by a server that "
				 "was "
				 "just killed\"",
				 text);
		(void)nanosleep(&pause, NULL);
	}
}

static int listener_open(const struct settings *s, const char *text, struct worker_listener *ret)
{
	struct listen_address a;
	int fd, one = 1, rc = listen_address_parse(text, &a);

	if (rc < 0)
		return rc;
	fd = socket(a.addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (a.addr.ss_family == AF_UNIX) {
		unix_leftover_remove(&a);
	} else {
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (a.addr.ss_family == AF_INET6)
			(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		tcp_options_set(fd, s);
	}
	rc = bind_and_listen(fd, &a, text);
	if (rc < 0) {
		(void)close(fd);
		return rc;
	}
	*ret = (struct worker_listener){.fd = fd, .is_local = a.addr.ss_family == AF_UNIX};
	return 0;
}

int listeners_open(const struct settings *s, struct worker_listener *ret_listeners,
		   unsigned *ret_count, char why[static LISTENER_WHY_CHARS])
{
	for (unsigned i = 0; i < s->listen.count; i++) {
		int rc = i < LISTENERS_MAX ? listener_open(s, s->listen.items[i], &ret_listeners[i])
					   : -E2BIG;

		if (rc == 0)
			continue;
		snprintf(why, LISTENER_WHY_CHARS, "cannot listen on %s: %s%s", s->listen.items[i],
			 strerror(-rc),
			 rc == -EADDRINUSE
				 ? "; another server uses it, choose another with --listen"
				 : "");
		listeners_close(s, ret_listeners, i);
		return rc;
	}
	*ret_count = s->listen.count;
	return 0;
}

void listeners_close(const struct settings *s, struct worker_listener *listeners, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct listen_address a;

		if (listeners[i].is_local && listen_address_parse(s->listen.items[i], &a) == 0)
			(void)unlink(((struct sockaddr_un *)&a.addr)->sun_path);
		(void)close(listeners[i].fd);
	}
}

void listener_str(const struct worker_listener *l, char *out, size_t room)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char text[LISTEN_ADDRESS_CHARS] = "?";

	memset(&addr, 0, sizeof(addr));
	if (getsockname(l->fd, (struct sockaddr *)&addr, &len) == 0)
		listen_address_str(&addr, text);
	snprintf(out, room, "%s", text);
}
