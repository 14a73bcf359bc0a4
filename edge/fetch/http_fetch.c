/*
 * http_fetch.c - blocking HTTP/1.1 over a plain socket.
 *
 * Bytes read after one response stay in `in` for the next. Timeouts are those of the socket.
 */
#include "edge/fetch/http_fetch.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <unistd.h>

struct http_fetch {
	const struct target *target;
	int fd;
	size_t len;
	char in[HTTP_FETCH_HEAD_BYTES_MAX];
};

static int timeout_error(void)
{
	return errno == EAGAIN || errno == EINPROGRESS ? -ETIMEDOUT : -errno;
}

int http_fetch_open(const struct target *target, struct http_fetch **ret_fetch)
{
	const struct timeval tv = {.tv_sec = HTTP_FETCH_TIMEOUT_S};
	struct http_fetch *f = calloc(1, sizeof(*f));
	int r;

	if (f == NULL)
		return -ENOMEM;
	f->target = target;
	f->fd = socket(target->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0) {
		r = -errno;
		free(f);
		return r;
	}
	(void)setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(f->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(f->fd, (const struct sockaddr *)&target->addr, target->addr_len) < 0) {
		r = timeout_error();
		http_fetch_close(f);
		return r;
	}
	*ret_fetch = f;
	return 0;
}

void http_fetch_close(struct http_fetch *f)
{
	if (f == NULL)
		return;
	(void)close(f->fd);
	free(f);
}

static int send_request(struct http_fetch *f, const char *method, const char *path)
{
	char request[1024];
	bool has_body = strcmp(method, "GET") != 0;
	int len = snprintf(request, sizeof(request),
			   "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: pixeld-tools\r\n%s"
			   "Cache-Control: no-cache\r\n\r\n",
			   method, path, f->target->authority,
			   has_body ? "Content-Length: 0\r\n" : "");

	if (len < 0 || (size_t)len >= sizeof(request))
		return -EINVAL;
	for (size_t at = 0; at < (size_t)len;) {
		ssize_t n = send(f->fd, request + at, (size_t)len - at, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return timeout_error();
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Reads some bytes. 0: the peer's end. */
static ssize_t recv_some(struct http_fetch *f, void *to, size_t len)
{
	ssize_t n;

	do
		n = recv(f->fd, to, len, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? timeout_error() : n;
}

/* Moves the head, up to and with its empty line, from the connection into the answer. */
static int read_head(struct http_fetch *f, struct http_answer *a)
{
	size_t head_len;
	char *end;

	while ((end = memmem(f->in, f->len, "\r\n\r\n", 4)) == NULL) {
		ssize_t n;

		if (f->len == sizeof(f->in))
			return -EBADMSG;
		n = recv_some(f, f->in + f->len, sizeof(f->in) - f->len);
		if (n <= 0)
			return n == 0 ? -ECONNRESET : (int)n;
		f->len += (size_t)n;
	}
	head_len = (size_t)(end + 4 - f->in);
	if (head_len >= sizeof(a->head))
		return -EBADMSG;
	memcpy(a->head, f->in, head_len);
	a->head[head_len] = '\0';
	f->len -= head_len;
	memmove(f->in, f->in + head_len, f->len);
	if (sscanf(a->head, "HTTP/1.%*1d %3d", &a->status) != 1)
		return -EBADMSG;
	return 0;
}

static int read_body(struct http_fetch *f, struct http_answer *a)
{
	uint64_t len;
	size_t got;

	if (a->status == 204 || a->status == 304)
		return 0;
	if (http_answer_number(a, "Content-Length", &len) < 0 || len > HTTP_FETCH_BODY_BYTES_MAX)
		return -EBADMSG;
	a->body = malloc((size_t)len + 1);
	if (a->body == NULL)
		return -ENOMEM;
	got = f->len < len ? f->len : (size_t)len;
	memcpy(a->body, f->in, got);
	f->len -= got;
	memmove(f->in, f->in + got, f->len);
	while (got < len) {
		ssize_t n = recv_some(f, a->body + got, (size_t)len - got);

		if (n <= 0)
			return n == 0 ? -ECONNRESET : (int)n;
		got += (size_t)n;
	}
	a->body[len] = 0;
	a->body_len = (size_t)len;
	return 0;
}

int http_fetch_call(struct http_fetch *f, const char *method, const char *path,
		    struct http_answer *ret_answer)
{
	int r;

	ret_answer->status = 0;
	ret_answer->body = NULL;
	ret_answer->body_len = 0;
	r = send_request(f, method, path);
	if (r == 0)
		r = read_head(f, ret_answer);
	if (r == 0)
		r = read_body(f, ret_answer);
	if (r < 0) {
		free(ret_answer->body);
		ret_answer->body = NULL;
	}
	return r;
}

int http_answer_number(const struct http_answer *a, const char *name, uint64_t *ret_value)
{
	size_t name_len = strlen(name);

	for (const char *at = strstr(a->head, "\r\n"); at != NULL; at = strstr(at, "\r\n")) {
		char *end;
		unsigned long long v;

		at += 2;
		if (strncasecmp(at, name, name_len) != 0 || at[name_len] != ':')
			continue;
		at += name_len + 1;
		at += strspn(at, " \t");
		errno = 0;
		v = strtoull(at, &end, 10);
		if (!isdigit((unsigned char)*at) || errno != 0 || *end != '\r')
			return -ENOENT;
		*ret_value = v;
		return 0;
	}
	return -ENOENT;
}
