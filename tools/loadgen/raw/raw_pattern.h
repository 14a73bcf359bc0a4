/*
 * raw_pattern.h - random text from a small regular expression, as in \{re [a-z]{8}}.
 *
 * Literals, ., [a-z_], [^a-z], \d \w \s and \ before anything else, (one|two), and the counts ? * +
 * {n} {n,m}. * and + produce at most PATTERN_MANY. Pure: no allocation; a pattern is constant after
 * parsing and may be read by any thread.
 */
#ifndef PX_LOADGEN_RAW_PATTERN_H
#define PX_LOADGEN_RAW_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#define PATTERN_NODES_MAX 64
#define PATTERN_CHARS_MAX 1024
#define PATTERN_COUNT_MAX 65536
#define PATTERN_MANY      16
#define PATTERN_DEEP      8 /* groups inside groups */

/* An item of a sequence: characters from a set, or a group of alternatives; or one of these
 * alternatives, which starts a sequence. 0 ends a list: node 0 is the whole. */
struct pattern_node {
	uint32_t min, max; /* how often */
	uint16_t next;
	uint16_t first; /* group: its first alternative; alternative: its first item */
	uint16_t chars; /* set: index and number of its characters; 0: a group */
	uint16_t chars_count;
};

struct raw_pattern {
	struct pattern_node nodes[PATTERN_NODES_MAX];
	uint8_t chars[PATTERN_CHARS_MAX];
	uint16_t nodes_count;
	uint16_t chars_count;
};

/* 0; -EINVAL with a sentence in *ret_why (static). */
int raw_pattern_parse(const char *text, size_t len, struct raw_pattern *ret_pattern,
		      const char **ret_why);

/* Most bytes it can produce; UINT64_MAX: unknown. */
uint64_t raw_pattern_bytes_max(const struct raw_pattern *p);

/* Writes one and returns its length. `out` has room for raw_pattern_bytes_max(). */
size_t raw_pattern_write(const struct raw_pattern *p, uint64_t *rng, uint8_t *out);

#endif
