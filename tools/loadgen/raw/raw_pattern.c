/*
 * raw_pattern.c - a small regular expression, parsed into nodes once, then walked for each text.
 *
 * No thread, no allocation. The nodes are a tree in an array: a group leads to alternatives, an
 * alternative to items, an item is a set of characters or a group.
 */
#include "tools/loadgen/raw/raw_pattern.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "tools/loadgen/load/rng.h"

#define PRINTABLE_FIRST 0x20
#define PRINTABLE_LAST  0x7e

struct reader {
	const char *at, *end;
	struct raw_pattern *pattern;
	const char *why;
	unsigned depth;
};

static int fail(struct reader *r, const char *why)
{
	r->why = why;
	return -EINVAL;
}

/* --- sets of characters ----------------------------------------------------------------------- */

static void set_range(bool set[static 256], unsigned low, unsigned high)
{
	for (unsigned c = low; c <= high; c++)
		set[c] = true;
}

/* The character behind a backslash: a class, or itself. */
static void set_escape(bool set[static 256], char c)
{
	switch (c) {
	case 'd':
		set_range(set, '0', '9');
		break;
	case 'w':
		set_range(set, '0', '9');
		set_range(set, 'a', 'z');
		set_range(set, 'A', 'Z');
		set['_'] = true;
		break;
	case 's':
		set[' '] = set['\t'] = true;
		break;
	default:
		set[(unsigned char)c] = true;
		break;
	}
}

static int set_brackets(struct reader *r, bool set[static 256])
{
	bool other = r->at < r->end && *r->at == '^';

	r->at += other;
	while (r->at < r->end && *r->at != ']') {
		unsigned low = (unsigned char)*r->at++;

		if (low == '\\') {
			if (r->at == r->end)
				break;
			set_escape(set, *r->at++);
		} else if (r->end - r->at >= 2 && r->at[0] == '-' && r->at[1] != ']') {
			unsigned high = (unsigned char)r->at[1];

			if (high < low)
				return fail(r, "a range in [] runs backwards");
			set_range(set, low, high);
			r->at += 2;
		} else {
			set[low] = true;
		}
	}
	if (r->at == r->end)
		return fail(r, "a [ has no ]");
	r->at++;
	for (unsigned c = 0; other && c < 256; c++)
		set[c] = c >= PRINTABLE_FIRST && c <= PRINTABLE_LAST && !set[c];
	return 0;
}

static int set_keep(struct reader *r, struct pattern_node *node, const bool set[static 256])
{
	struct raw_pattern *p = r->pattern;

	node->chars = p->chars_count;
	for (unsigned c = 0; c < 256; c++) {
		if (!set[c])
			continue;
		if (p->chars_count == PATTERN_CHARS_MAX)
			return fail(r, "its sets have too many characters");
		p->chars[p->chars_count++] = (uint8_t)c;
		node->chars_count++;
	}
	return node->chars_count == 0 ? fail(r, "a set is empty") : 0;
}

/* --- counts ----------------------------------------------------------------------------------- */

static int number_read(struct reader *r, uint32_t *ret_number)
{
	uint32_t n = 0;

	if (r->at == r->end || *r->at < '0' || *r->at > '9')
		return fail(r, "a { } has no number");
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
		n = n * 10 + (uint32_t)(*r->at++ - '0');
		if (n > PATTERN_COUNT_MAX)
			return fail(r, "a count is too large");
	}
	*ret_number = n;
	return 0;
}

static int braces_read(struct reader *r, struct pattern_node *node)
{
	int e = number_read(r, &node->min);

	node->max = node->min;
	if (e == 0 && r->at < r->end && *r->at == ',') {
		r->at++;
		e = number_read(r, &node->max);
	}
	if (e < 0)
		return e;
	if (r->at == r->end || *r->at != '}')
		return fail(r, "a { has no }");
	r->at++;
	return node->max < node->min ? fail(r, "a count runs backwards") : 0;
}

static int count_read(struct reader *r, struct pattern_node *node)
{
	char c = r->at < r->end ? *r->at : '\0';

	node->min = node->max = 1;
	if (c != '?' && c != '*' && c != '+' && c != '{')
		return 0;
	r->at++;
	if (c == '{')
		return braces_read(r, node);
	node->min = c == '+';
	node->max = c == '?' ? 1 : PATTERN_MANY;
	return 0;
}

/* --- the tree --------------------------------------------------------------------------------- */

static int node_add(struct reader *r, uint16_t *ret_index)
{
	struct raw_pattern *p = r->pattern;

	if (p->nodes_count == PATTERN_NODES_MAX)
		return fail(r, "it has too many parts");
	*ret_index = p->nodes_count++;
	return 0;
}

static int alternatives_read(struct reader *r, struct pattern_node *group);

static int group_read(struct reader *r, struct pattern_node *node)
{
	int e;

	if (r->depth == PATTERN_DEEP)
		return fail(r, "its groups are nested too deep");
	r->depth++;
	e = alternatives_read(r, node);
	r->depth--;
	if (e < 0)
		return e;
	if (r->at == r->end)
		return fail(r, "a ( has no )");
	r->at++;
	return 0;
}

static int item_read(struct reader *r, struct pattern_node *node)
{
	bool set[256] = {false};
	char c = *r->at++;
	int e = 0;

	if (strchr("?*+{", c) != NULL)
		return fail(r, "a count follows nothing that it could repeat");
	if (c == '(') {
		e = group_read(r, node);
	} else {
		if (c == '\\' && r->at == r->end)
			return fail(r, "it ends with a backslash");
		if (c == '[')
			e = set_brackets(r, set);
		else if (c == '.')
			set_range(set, PRINTABLE_FIRST, PRINTABLE_LAST);
		else if (c == '\\')
			set_escape(set, *r->at++);
		else
			set[(unsigned char)c] = true;
		if (e == 0)
			e = set_keep(r, node, set);
	}
	return e < 0 ? e : count_read(r, node);
}

/* Items up to the end, a bar, or the bracket of the group. */
static int sequence_read(struct reader *r, struct pattern_node *alternative)
{
	uint16_t *link = &alternative->first;

	while (r->at < r->end && *r->at != '|' && !(*r->at == ')' && r->depth > 0)) {
		uint16_t index;
		int e = node_add(r, &index);

		if (e == 0)
			e = item_read(r, &r->pattern->nodes[index]);
		if (e < 0)
			return e;
		*link = index;
		link = &r->pattern->nodes[index].next;
	}
	return 0;
}

static int alternatives_read(struct reader *r, struct pattern_node *group)
{
	uint16_t *link = &group->first;

	for (;;) {
		uint16_t index;
		int e = node_add(r, &index);

		if (e == 0)
			e = sequence_read(r, &r->pattern->nodes[index]);
		if (e < 0)
			return e;
		*link = index;
		link = &r->pattern->nodes[index].next;
		if (r->at == r->end || *r->at != '|')
			return 0;
		r->at++;
	}
}

int raw_pattern_parse(const char *text, size_t len, struct raw_pattern *ret_pattern,
		      const char **ret_why)
{
	struct raw_pattern p = {.nodes_count = 1, .nodes[0] = {.min = 1, .max = 1}};
	struct reader r = {.at = text, .end = text + len, .pattern = &p};
	int e = alternatives_read(&r, &p.nodes[0]);

	if (e < 0) {
		*ret_why = r.why;
		return e;
	}
	*ret_pattern = p;
	return 0;
}

/* --- walking it ------------------------------------------------------------------------------- */

static uint64_t items_bytes_max(const struct raw_pattern *p, uint16_t item);

static uint64_t item_bytes_max(const struct raw_pattern *p, const struct pattern_node *node)
{
	uint64_t most = node->chars_count > 0;
	uint64_t all;

	for (uint16_t i = node->first; i != 0; i = p->nodes[i].next) {
		uint64_t one = items_bytes_max(p, p->nodes[i].first);

		if (one > most)
			most = one;
	}
	return __builtin_mul_overflow(most, node->max, &all) ? UINT64_MAX : all;
}

static uint64_t items_bytes_max(const struct raw_pattern *p, uint16_t item)
{
	uint64_t sum = 0;

	for (uint16_t i = item; i != 0; i = p->nodes[i].next)
		if (__builtin_add_overflow(sum, item_bytes_max(p, &p->nodes[i]), &sum))
			return UINT64_MAX;
	return sum;
}

uint64_t raw_pattern_bytes_max(const struct raw_pattern *p)
{
	return item_bytes_max(p, &p->nodes[0]);
}

static uint64_t draw(uint64_t *rng, uint64_t below)
{
	return (uint64_t)(rng_unit(rng) * (double)below);
}

static uint16_t alternative_draw(const struct raw_pattern *p, uint16_t first, uint64_t *rng)
{
	uint64_t count = 0;

	for (uint16_t i = first; i != 0; i = p->nodes[i].next)
		count++;
	for (uint64_t skip = draw(rng, count); skip > 0; skip--)
		first = p->nodes[first].next;
	return first;
}

static uint8_t *item_write(const struct raw_pattern *p, const struct pattern_node *node,
			   uint64_t *rng, uint8_t *out)
{
	uint64_t times = node->min + draw(rng, (uint64_t)node->max - node->min + 1);

	for (; times > 0; times--) {
		uint16_t i;

		if (node->chars_count > 0) {
			*out++ = p->chars[node->chars + draw(rng, node->chars_count)];
			continue;
		}
		i = alternative_draw(p, node->first, rng);
		for (i = p->nodes[i].first; i != 0; i = p->nodes[i].next)
			out = item_write(p, &p->nodes[i], rng, out);
	}
	return out;
}

size_t raw_pattern_write(const struct raw_pattern *p, uint64_t *rng, uint8_t *out)
{
	return (size_t)(item_write(p, &p->nodes[0], rng, out) - out);
}
