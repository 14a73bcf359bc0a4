/*
 * json_in.h - JSON, read whole into a tree. For results of this program, which may be edited.
 *
 * The tree borrows the text, which is changed. One thread; a tree is constant once it is read.
 */
#ifndef PX_LOADGEN_JSON_IN_H
#define PX_LOADGEN_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind { JSON_NULL, JSON_TRUTH, JSON_NUMBER, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_kind kind;
	bool truth;
	uint64_t whole; /* of a number that is one; otherwise 0 */
	double number;
	const char *name; /* in an object */
	const char *text;
	const struct json *first; /* of an array or object */
	const struct json *next;
};

struct json_tree {
	struct json *nodes;
	size_t count, room;
};

/* text: ends with a NUL. -EBADMSG, -ENOMEM. The root is nodes[0]. */
int json_read(char *text, struct json_tree *ret_tree);
void json_tree_fini(struct json_tree *tree);

/* The member of this name; NULL without it, or when `object` is NULL or none. */
const struct json *json_member(const struct json *object, const char *name);

/* What stands there, or the other when nothing of the kind does. */
uint64_t json_whole_or(const struct json *object, const char *name, uint64_t other);
double json_number_or(const struct json *object, const char *name, double other);
bool json_truth_or(const struct json *object, const char *name, bool other);
const char *json_text_or(const struct json *object, const char *name, const char *other);

#endif
