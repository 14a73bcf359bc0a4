/* test_listener.c - a port that is in use: given back in a moment, or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/listener.h"

#define PORT_CHARS 32

/* Somebody who listens: the socket, and settings that ask for the same address. */
static int other_open(struct settings *s, char text[static PORT_CHARS])
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(text, PORT_CHARS, "127.0.0.1:%u", ntohs(addr.sin_port));
	memset(s, 0, sizeof(*s));
	snprintf(s->listen.items[0], sizeof(s->listen.items[0]), "%s", text);
	s->listen.count = 1;
	return fd;
}

static void *close_later(void *arg)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	close(*(int *)arg);
	return NULL;
}

static void port_that_is_given_back_in_a_moment_is_waited_for(void **state)
{
	struct worker_listener listeners[LISTENERS_MAX];
	char why[LISTENER_WHY_CHARS] = "", text[PORT_CHARS];
	static struct settings s;
	unsigned count = 0;
	pthread_t thread;
	int fd = other_open(&s, text);

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, close_later, &fd), 0);
	assert_int_equal(listeners_open(&s, listeners, &count, why), 0);
	assert_int_equal(count, 1);
	pthread_join(thread, NULL);
	listeners_close(&s, listeners, count);
}

static void port_that_stays_in_use_is_named(void **state)
{
	struct worker_listener listeners[LISTENERS_MAX];
	char why[LISTENER_WHY_CHARS] = "", text[PORT_CHARS];
	static struct settings s;
	unsigned count = 0;
	int fd = other_open(&s, text);

	(void)state;
	assert_int_equal(listeners_open(&s, listeners, &count, why), -EADDRINUSE);
	assert_non_null(strstr(why, text));
	assert_non_null(strstr(why, "another server uses it"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_that_is_given_back_in_a_moment_is_waited_for),
		cmocka_unit_test(port_that_stays_in_use_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
