/*
 * json_in.c - a recursive reader.
 *
 * Nodes are counted first (there are never more than the text has commas and brackets, plus one),
 * so that they stay where they are and can point to each other.
 */
#include "tools/loadgen/json_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32

struct reader {
	char *at;
	struct json_tree *tree;
	int depth;
};

static bool value_read(struct reader *r, struct json *ret_value);

static void space_skip(struct reader *r)
{
	r->at += strspn(r->at, " \t\r\n");
}

static bool taken(struct reader *r, char c)
{
	space_skip(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

/* \uXXXX as UTF-8; surrogates are not put together, and come out as a question mark. */
static bool unicode_read(struct reader *r, char **out)
{
	unsigned code = 0;

	for (int i = 0; i < 4; i++, r->at++) {
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, *r->at | 0x20);

		if (*r->at == '\0' || digit == NULL)
			return false;
		code = code << 4 | (unsigned)(digit - digits);
	}
	if (code == 0 || (code >= 0xd800 && code < 0xe000))
		code = '?';
	if (code < 0x80) {
		*(*out)++ = (char)code;
	} else if (code < 0x800) {
		*(*out)++ = (char)(0xc0 | code >> 6);
		*(*out)++ = (char)(0x80 | (code & 0x3f));
	} else {
		*(*out)++ = (char)(0xe0 | code >> 12);
		*(*out)++ = (char)(0x80 | (code >> 6 & 0x3f));
		*(*out)++ = (char)(0x80 | (code & 0x3f));
	}
	return true;
}

static bool escape_read(struct reader *r, char **out)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *which;

	if (*r->at == 'u') {
		r->at++;
		return unicode_read(r, out);
	}
	which = *r->at == '\0' ? NULL : strchr(from, *r->at);
	if (which == NULL)
		return false;
	r->at++;
	*(*out)++ = to[which - from];
	return true;
}

/* In place: what comes out is never longer. The quote in front is taken. */
static bool text_read(struct reader *r, const char **ret_text)
{
	char *out = r->at;

	*ret_text = out;
	while (*r->at != '"') {
		if ((unsigned char)*r->at < 0x20)
			return false;
		if (*r->at != '\\') {
			*out++ = *r->at++;
			continue;
		}
		r->at++;
		if (!escape_read(r, &out))
			return false;
	}
	r->at++;
	*out = '\0';
	return true;
}

static bool number_read(struct reader *r, struct json *value)
{
	size_t len = strspn(r->at, "0123456789+-.eE");
	char *end;

	if (*r->at != '-' && (*r->at < '0' || *r->at > '9'))
		return false;
	value->kind = JSON_NUMBER;
	value->number = strtod(r->at, &end);
	if (end != r->at + len)
		return false;
	if (strspn(r->at, "0123456789") == len)
		value->whole = strtoull(r->at, NULL, 10);
	r->at = end;
	return true;
}

static bool word_read(struct reader *r, struct json *value)
{
	static const struct {
		const char *word;
		enum json_kind kind;
		bool truth;
	} words[] = {{"true", JSON_TRUTH, true},
		     {"false", JSON_TRUTH, false},
		     {"null", JSON_NULL, false}};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strncmp(r->at, words[i].word, strlen(words[i].word)) != 0)
			continue;
		value->kind = words[i].kind;
		value->truth = words[i].truth;
		r->at += strlen(words[i].word);
		return true;
	}
	return false;
}

/* What stands between the brackets; the first one is taken. */
static bool children_read(struct reader *r, char close, struct json *value)
{
	const struct json **link = &value->first;

	if (++r->depth > DEPTH_MAX)
		return false;
	while (!taken(r, close)) {
		struct json *child;

		if (link != &value->first && !taken(r, ','))
			return false;
		if (r->tree->count == r->tree->room)
			return false;
		child = &r->tree->nodes[r->tree->count++];
		if (close == '}' &&
		    (!taken(r, '"') || !text_read(r, &child->name) || !taken(r, ':')))
			return false;
		if (!value_read(r, child))
			return false;
		*link = child;
		link = &child->next;
	}
	r->depth--;
	return true;
}

static bool value_read(struct reader *r, struct json *ret_value)
{
	if (taken(r, '{')) {
		ret_value->kind = JSON_OBJECT;
		return children_read(r, '}', ret_value);
	}
	if (taken(r, '[')) {
		ret_value->kind = JSON_ARRAY;
		return children_read(r, ']', ret_value);
	}
	if (taken(r, '"')) {
		ret_value->kind = JSON_TEXT;
		return text_read(r, &ret_value->text);
	}
	return number_read(r, ret_value) || word_read(r, ret_value);
}

int json_read(char *text, struct json_tree *ret_tree)
{
	struct json_tree tree = {.room = 2};
	struct reader r = {.at = text, .tree = &tree};

	for (const char *at = text; (at = strpbrk(at, ",[{")) != NULL; at++)
		tree.room++;
	tree.nodes = calloc(tree.room, sizeof(*tree.nodes));
	if (tree.nodes == NULL)
		return -ENOMEM;
	tree.count = 1;
	if (!value_read(&r, &tree.nodes[0]) || r.at[strspn(r.at, " \t\r\n")] != '\0') {
		json_tree_fini(&tree);
		return -EBADMSG;
	}
	*ret_tree = tree;
	return 0;
}

void json_tree_fini(struct json_tree *tree)
{
	free(tree->nodes);
	*tree = (struct json_tree){0};
}

const struct json *json_member(const struct json *object, const char *name)
{
	if (object == NULL || object->kind != JSON_OBJECT)
		return NULL;
	for (const struct json *m = object->first; m != NULL; m = m->next)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

static const struct json *member_of_kind(const struct json *object, const char *name,
					 enum json_kind kind)
{
	const struct json *m = json_member(object, name);

	return m != NULL && m->kind == kind ? m : NULL;
}

uint64_t json_whole_or(const struct json *object, const char *name, uint64_t other)
{
	const struct json *m = member_of_kind(object, name, JSON_NUMBER);

	return m != NULL ? m->whole : other;
}

double json_number_or(const struct json *object, const char *name, double other)
{
	const struct json *m = member_of_kind(object, name, JSON_NUMBER);

	return m != NULL ? m->number : other;
}

bool json_truth_or(const struct json *object, const char *name, bool other)
{
	const struct json *m = member_of_kind(object, name, JSON_TRUTH);

	return m != NULL ? m->truth : other;
}

const char *json_text_or(const struct json *object, const char *name, const char *other)
{
	const struct json *m = member_of_kind(object, name, JSON_TEXT);

	return m != NULL ? m->text : other;
}
