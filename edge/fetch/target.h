/*
 * target.h - the address of a server for its clients: a URL, resolved.
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
	char authority[TARGET_HOST_CHARS_MAX]; /* for the Host field: as in the URL */
	char port[8];
	char path[TARGET_PATH_CHARS_MAX];
	bool tls;
};

/* Parses ws[s]://host[:port][/path], or the same with http[s]; the default port is 80 (443), the
 * default path /ws. -EINVAL, with a sentence in *ret_why (static). */
int target_parse(const char *url, struct target *ret_target, const char **ret_why);

/* Fills in addr. 0 or -EHOSTUNREACH: the name cannot be resolved. */
int target_resolve(struct target *t);

/* Whether it is an address of 127.0.0.0/8. */
bool target_is_loopback(const struct target *t);

#endif
