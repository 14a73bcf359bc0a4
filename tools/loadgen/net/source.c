/*
 * source.c - lists of addresses. No state, no memory of its own.
 */
#include "tools/loadgen/net/source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "engine/base/assert.h"

static int address_parse(const char *text, size_t len, uint32_t *ret_address)
{
	char one[INET_ADDRSTRLEN];
	struct in_addr in;

	if (len == 0 || len >= sizeof(one))
		return -EINVAL;
	memcpy(one, text, len);
	one[len] = '\0';
	if (inet_pton(AF_INET, one, &in) != 1)
		return -EINVAL;
	*ret_address = ntohl(in.s_addr);
	return 0;
}

/* A or A-B. */
static int range_parse(const char *text, size_t len, uint32_t *ret_first, uint32_t *ret_count)
{
	const char *dash = memchr(text, '-', len);
	size_t first_len = dash == NULL ? len : (size_t)(dash - text);
	uint32_t first, last;
	int r = address_parse(text, first_len, &first);

	if (r < 0)
		return r;
	last = first;
	if (dash != NULL)
		r = address_parse(dash + 1, len - first_len - 1, &last);
	if (r < 0 || last < first || last - first >= UINT32_MAX / SOURCE_RANGES_MAX)
		return -EINVAL;
	*ret_first = first;
	*ret_count = last - first + 1;
	return 0;
}

int source_parse(const char *text, struct source_list *list)
{
	struct source_list more = *list;

	for (;;) {
		size_t len = strcspn(text, ",");
		uint32_t first, count;

		if (more.ranges_count == SOURCE_RANGES_MAX ||
		    range_parse(text, len, &first, &count) < 0)
			return -EINVAL;
		more.ranges[more.ranges_count].first = first;
		more.ranges[more.ranges_count++].count = count;
		more.total += count;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	*list = more;
	return 0;
}

uint32_t source_at(const struct source_list *list, uint32_t number)
{
	px_assert(number < list->total);
	for (uint32_t i = 0;; i++) {
		if (number < list->ranges[i].count)
			return list->ranges[i].first + number;
		number -= list->ranges[i].count;
	}
}
