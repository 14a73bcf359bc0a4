/*
 * web_asset.c - looks a path up in the table that web/embed.py wrote.
 *
 * The table is sorted by path, constant, and read by any thread. Nothing is allocated, nothing is
 * in flight; the bytes themselves are in the generated assembler file.
 */
#include "web/web_asset.h"

#include <string.h>

#include "web/web_table.h"

/* As strcmp(path, other), for a path that ends by its length. */
static int path_compare(const char *path, size_t len, const char *other)
{
	size_t other_len = strlen(other);
	int order = memcmp(path, other, len < other_len ? len : other_len);

	if (order != 0)
		return order;
	return (len > other_len) - (len < other_len);
}

const struct web_asset *web_asset_find(const char *path, size_t len)
{
	size_t low = 0, high = web_table_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = path_compare(path, len, web_table[middle].path);

		if (order == 0)
			return &web_table[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
