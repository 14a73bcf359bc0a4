/*
 * raw_template.c - a message is split into parts once; afterwards it is written part by part.
 *
 * Memory: one allocation per template and one per pattern, at start.
 */
#include "tools/loadgen/raw/raw_template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/raw/raw_pattern.h"
#include "tools/loadgen/raw/raw_stamp.h"

#define PARTS_MAX     64
#define SEQ_BYTES_MAX 20

enum part_kind { PART_BYTES, PART_SEQ, PART_NOW, PART_PATTERN };

struct part {
	enum part_kind kind;
	uint32_t from, len;          /* PART_BYTES: in bytes[] */
	struct raw_pattern *pattern; /* PART_PATTERN */
};

struct raw_template {
	struct part parts[PARTS_MAX];
	unsigned parts_count;
	uint32_t bytes_len;
	uint64_t bytes_max; /* of a message */
	uint8_t bytes[];    /* of all PART_BYTES */
};

static int fail(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

static int part_add(struct raw_template *t, enum part_kind kind, uint64_t most,
		    struct part **ret_part, const char **ret_why)
{
	if (t->parts_count == PARTS_MAX)
		return fail(ret_why, "it has too many parts");
	if (most > RAW_MESSAGE_BYTES_MAX || t->bytes_max + most > RAW_MESSAGE_BYTES_MAX)
		return fail(ret_why, "the message can get longer than 60,000 bytes");
	t->bytes_max += most;
	*ret_part = &t->parts[t->parts_count++];
	**ret_part = (struct part){.kind = kind, .from = t->bytes_len};
	return 0;
}

static int byte_add(struct raw_template *t, uint8_t byte, const char **ret_why)
{
	struct part *part = t->parts_count > 0 ? &t->parts[t->parts_count - 1] : NULL;
	int r = 0;

	if (part == NULL || part->kind != PART_BYTES)
		r = part_add(t, PART_BYTES, 1, &part, ret_why);
	else if (t->bytes_max++ == RAW_MESSAGE_BYTES_MAX)
		return fail(ret_why, "the message is longer than 60,000 bytes");
	if (r < 0)
		return r;
	t->bytes[t->bytes_len++] = byte;
	part->len++;
	return 0;
}

/* --- \n \xHH ---------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* `at` is behind the backslash; moves it behind the escape. */
static int escape_read(struct raw_template *t, const char **at, const char **ret_why)
{
	static const char names[] = "nrt\\";
	static const char bytes[] = "\n\r\t\\";
	char c = **at;
	const char *name = c == '\0' ? NULL : strchr(names, c);
	int high, low;

	if (name != NULL) {
		(*at)++;
		return byte_add(t, (uint8_t)bytes[name - names], ret_why);
	}
	if (c != 'x')
		return fail(ret_why, "a backslash must be followed by one of { n r t x and \\");
	high = hex_digit((*at)[1]);
	low = high < 0 ? -1 : hex_digit((*at)[2]);
	if (low < 0)
		return fail(ret_why, "\\x needs two hexadecimal digits");
	*at += 3;
	return byte_add(t, (uint8_t)(high << 4 | low), ret_why);
}

/* --- \{...} ----------------------------------------------------------------------------------- */

/* The brace that ends the expression, over those of counts; NULL: there is none. */
static const char *brace_end(const char *at)
{
	unsigned open = 1;
	bool set = false;

	for (; *at != '\0'; at++) {
		if (*at == '\\' && at[1] != '\0')
			at++;
		else if (*at == '[' || (*at == ']' && set))
			set = *at == '[';
		else if (*at == '{' && !set)
			open++;
		else if (*at == '}' && !set && --open == 0)
			return at;
	}
	return NULL;
}

static int pattern_add(struct raw_template *t, const char *at, size_t len, const char **ret_why)
{
	struct raw_pattern *pattern = malloc(sizeof(*pattern));
	struct part *part = NULL;
	int r = pattern == NULL ? -ENOMEM : raw_pattern_parse(at, len, pattern, ret_why);

	if (r == 0)
		r = part_add(t, PART_PATTERN, raw_pattern_bytes_max(pattern), &part, ret_why);
	if (r < 0 || part == NULL)
		free(pattern);
	else
		part->pattern = pattern;
	return r;
}

static bool word_is(const char *at, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(at, word, len) == 0;
}

/* `at` is behind the opening brace; moves it behind the closing one. */
static int expression_read(struct raw_template *t, const char **at, const char **ret_why)
{
	const char *from = *at;
	const char *end = brace_end(from);
	struct part *part;
	size_t len;

	if (end == NULL)
		return fail(ret_why, "a \\{ has no }");
	len = (size_t)(end - from);
	*at = end + 1;
	if (word_is(from, len, "seq"))
		return part_add(t, PART_SEQ, SEQ_BYTES_MAX, &part, ret_why);
	if (word_is(from, len, "now_ns"))
		return part_add(t, PART_NOW, RAW_STAMP_CHARS, &part, ret_why);
	if (len > 3 && memcmp(from, "re ", 3) == 0)
		return pattern_add(t, from + 3, len - 3, ret_why);
	return fail(ret_why, "\\{ } must hold seq, now_ns or re PATTERN");
}

int raw_template_new(const char *text, struct raw_template **ret_template, const char **ret_why)
{
	struct raw_template *t = calloc(1, sizeof(*t) + strlen(text) + 1);
	int r = t == NULL ? -ENOMEM : 0;

	while (r == 0 && *text != '\0') {
		char c = *text++;

		if (c != '\\') {
			r = byte_add(t, (uint8_t)c, ret_why);
		} else if (*text == '{') {
			text++;
			r = expression_read(t, &text, ret_why);
		} else {
			r = escape_read(t, &text, ret_why);
		}
	}
	if (r < 0) {
		raw_template_free(t);
		return r;
	}
	*ret_template = t;
	return 0;
}

void raw_template_free(struct raw_template *t)
{
	for (unsigned i = 0; t != NULL && i < t->parts_count; i++)
		free(t->parts[i].pattern);
	free(t);
}

size_t raw_template_bytes_max(const struct raw_template *t)
{
	return (size_t)t->bytes_max;
}

bool raw_template_has_now(const struct raw_template *t)
{
	for (unsigned i = 0; i < t->parts_count; i++)
		if (t->parts[i].kind == PART_NOW)
			return true;
	return false;
}

static size_t seq_write(uint64_t seq, uint8_t *out)
{
	uint8_t reversed[SEQ_BYTES_MAX];
	size_t len = 0;

	do
		reversed[len++] = (uint8_t)('0' + seq % 10);
	while ((seq /= 10) > 0);
	for (size_t i = 0; i < len; i++)
		out[i] = reversed[len - 1 - i];
	return len;
}

size_t raw_template_write(const struct raw_template *t, uint64_t seq, uint64_t now_ns,
			  uint64_t *rng, uint8_t *out)
{
	uint8_t *at = out;

	for (unsigned i = 0; i < t->parts_count; i++) {
		const struct part *part = &t->parts[i];

		switch (part->kind) {
		case PART_BYTES:
			memcpy(at, t->bytes + part->from, part->len);
			at += part->len;
			break;
		case PART_SEQ:
			at += seq_write(seq, at);
			break;
		case PART_NOW:
			raw_stamp_write(now_ns, at);
			at += RAW_STAMP_CHARS;
			break;
		case PART_PATTERN:
			at += raw_pattern_write(part->pattern, rng, at);
			break;
		}
	}
	return (size_t)(at - out);
}
