/*
 * target.h - where a server is, for those who ask it: a URL, resolved.
 *
 * Made once by the main thread, then read by all.
 */
#ifndef PX_FETCH_TARGET_H
#define PX_FETCH_TARGET_H

#include <stdbool.h>
#include <sys/socket.h>

#define TARGET_HOST_CHARS_MAX 256
#define TARGET_PATH_CHARS_MAX 512

struct target {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char host[TARGET_HOST_CHARS_MAX];      /* without brackets */
	char authority[TARGET_HOST_CHARS_MAX]; /* for Host: as in the URL */
	char port[8];
	char path[TARGET_PATH_CHARS_MAX];
	bool tls;
};

/* Takes ws[s]://host[:port][/path] apart, or the same with http[s]; the port is 80 (443) and the
 * path /ws when they are missing. -EINVAL, and a sentence in *ret_why (static). */
int target_parse(const char *url, struct target *ret_target, const char **ret_why);

/* Fills addr. 0 or -EHOSTUNREACH: the name is not known. */
int target_resolve(struct target *t);

/* An address of 127.0.0.0/8. */
bool target_is_loopback(const struct target *t);

#endif
