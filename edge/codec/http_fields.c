/*
 * http_fields.c - see http_fields.h.
 *
 * Owner: none, pure functions over the caller's bytes; nothing in flight.
 */
#include "edge/codec/http_fields.h"

#include <string.h>
#include <strings.h>

#include "engine/base/assert.h"

#define WEIGHT_FULL 1000

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* --- spans ------------------------------------------------------------------------------------ */

bool span_equals(struct span s, const char *text)
{
	return s.at != NULL && s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

bool span_equals_any_case(struct span s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

struct span span_trimmed(struct span s)
{
	while (s.len > 0 && is_blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

struct span span_split(struct span *rest, char separator)
{
	const char *found = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
	struct span part = *rest;

	px_assert(rest->at != NULL || rest->len == 0); /* absent is empty, too */
	if (found == NULL) {
		*rest = (struct span){.at = NULL};
		return part;
	}
	part.len = (size_t)(found - rest->at);
	rest->at = found + 1;
	rest->len -= part.len + 1;
	return part;
}

bool span_split_line(struct span *rest, struct span *ret_line)
{
	struct span line = span_split(rest, '\n');

	if (rest->at == NULL || line.len == 0 || line.at[line.len - 1] != '\r')
		return false;
	line.len--;
	*ret_line = line;
	return true;
}

/* --- lists and pairs -------------------------------------------------------------------------- */

/* Goes on with the next line of the same name. */
static void list_line_next(struct http_list *list)
{
	struct span value;

	/* the others are told by their name; a list of one line needs none */
	px_assert(list->name != NULL || list->behind.at == NULL);
	list->value = (struct span){.at = NULL};
	while (span_split_line(&list->behind, &value) && value.len > 0) {
		struct span name = span_split(&value, ':');

		if (value.at != NULL && span_equals_any_case(name, list->name)) {
			list->value = span_trimmed(value);
			return;
		}
	}
}

bool http_list_next(struct http_list *list, struct span *ret_element)
{
	while (list->value.at != NULL) {
		struct span element = span_trimmed(span_split(&list->value, ','));

		if (list->value.at == NULL)
			list_line_next(list);
		if (element.len > 0) {
			px_assert(element.at != NULL);
			*ret_element = element;
			return true;
		}
	}
	return false;
}

bool http_list_has(struct http_list list, const char *token)
{
	struct span element;

	while (http_list_next(&list, &element))
		if (span_equals_any_case(element, token))
			return true;
	return false;
}

bool http_list_has_exactly(struct http_list list, const char *element)
{
	struct span found;

	while (http_list_next(&list, &found))
		if (span_equals(found, element))
			return true;
	return false;
}

/* "0.5" -> 500. What is not a qvalue weighs nothing. */
static unsigned weight_value(struct span text)
{
	unsigned weight = 0;
	unsigned unit = WEIGHT_FULL;

	if (text.len == 0 || text.len > 5 || (text.len > 1 && text.at[1] != '.'))
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (i == 1)
			continue;
		if (!is_digit(text.at[i]))
			return 0;
		weight += (unsigned)(text.at[i] - '0') * unit;
		unit /= 10;
	}
	return weight <= WEIGHT_FULL ? weight : 0;
}

/* What stands behind the coding: nothing, or parameters, of which q counts. */
static unsigned weight_of(struct span parameters)
{
	while (parameters.at != NULL) {
		struct span parameter = span_trimmed(span_split(&parameters, ';'));

		if (parameter.len >= 2 && (parameter.at[0] | 0x20) == 'q' && parameter.at[1] == '=')
			return weight_value((struct span){parameter.at + 2, parameter.len - 2});
	}
	return WEIGHT_FULL;
}

unsigned http_coding_weight(struct http_list accept_encoding, const char *coding)
{
	bool identity = strcmp(coding, "identity") == 0;
	unsigned others = identity ? WEIGHT_FULL : 0;
	struct span parameters;

	while (http_list_next(&accept_encoding, &parameters)) {
		struct span name = span_trimmed(span_split(&parameters, ';'));

		if (span_equals_any_case(name, coding))
			return weight_of(parameters);
		if (span_equals(name, "*"))
			others = weight_of(parameters);
	}
	return others;
}

struct span http_cookie_next(struct span *cookies, const char *name)
{
	while (cookies->at != NULL) {
		struct span value = span_trimmed(span_split(cookies, ';'));
		struct span key = span_split(&value, '=');

		if (value.at != NULL && span_equals(key, name))
			return value;
	}
	return (struct span){.at = NULL};
}

struct span http_bearer(struct span authorization)
{
	struct span token = authorization;
	struct span scheme = authorization.at != NULL ? span_split(&token, ' ') : authorization;

	if (token.at == NULL || !span_equals_any_case(scheme, "Bearer"))
		return (struct span){.at = NULL};
	return span_trimmed(token);
}

struct span http_query(struct span query, const char *key)
{
	while (query.at != NULL) {
		struct span value = span_split(&query, '&');
		struct span found = span_split(&value, '=');

		if (span_equals(found, key))
			return value.at != NULL ? value : (struct span){found.at + found.len, 0};
	}
	return (struct span){.at = NULL};
}

unsigned http_query_count(struct span query, const char *key)
{
	unsigned count = 0;

	while (query.at != NULL) {
		struct span value = span_split(&query, '&');

		count += span_equals(span_split(&value, '='), key);
	}
	return count;
}
