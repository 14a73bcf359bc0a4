/*
 * source.h - the addresses that clients connect from: 127.0.0.2-127.0.0.9,10.0.0.5.
 *
 * One address has as many ports towards one server address as ip_local_port_range allows, so a
 * crowd needs several. Parsed once by the main thread, then read by all. IPv4 only.
 */
#ifndef PX_LOADGEN_SOURCE_H
#define PX_LOADGEN_SOURCE_H

#include <stdint.h>

#define SOURCE_RANGES_MAX 16

struct source_list {
	struct {
		uint32_t first, count; /* addresses in host order */
	} ranges[SOURCE_RANGES_MAX];
	uint32_t ranges_count;
	uint32_t total; /* addresses in all ranges; 0: none given */
};

/* Adds the addresses in `text`. -EINVAL: not addresses, a descending range, or too many ranges. */
int source_parse(const char *text, struct source_list *list);

/* Address `number`, in host order. number < total. */
uint32_t source_at(const struct source_list *list, uint32_t number);

#endif
