/*
 * client_json.c - what a client of pixeld.v1.json says and hears, translated to and from the
 * messages of the binary protocol, so that everything else in the simulated client is the same for
 * both.
 *
 * The cells of a JSON delta are packed by delta_encode() again: a delta with cells off the board or
 * twice does not survive that, and the reader finds it.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/refusal.h"
#include "engine/base/assert.h"
#include "tests/sim/client_priv.h"

size_t client_json_put(const struct message *m, uint8_t out[static MESSAGE_IN_BYTES_MAX])
{
	char *at = (char *)out;
	int len = 0;

	if (m->type == MSG_SUBSCRIBE && m->subscribe.resume)
		len = snprintf(at, MESSAGE_IN_BYTES_MAX,
			       "{\"type\":\"subscribe\",\"board\":\"%s\",\"epoch\":%u,\"seq\":%lu,"
			       "\"request\":%lu}",
			       m->subscribe.board, m->subscribe.epoch, m->subscribe.seq,
			       m->request);
	else if (m->type == MSG_SUBSCRIBE)
		len = snprintf(at, MESSAGE_IN_BYTES_MAX,
			       "{\"type\":\"subscribe\",\"board\":\"%s\",\"request\":%lu}",
			       m->subscribe.board, m->request);
	else if (m->type == MSG_UNSUBSCRIBE)
		len = snprintf(at, MESSAGE_IN_BYTES_MAX, "{\"type\":\"unsubscribe\",\"board\":%u}",
			       m->unsubscribe_board);
	else if (m->type == MSG_PLACE)
		len = snprintf(at, MESSAGE_IN_BYTES_MAX,
			       "{\"type\":\"place\",\"board\":%u,\"x\":%u,\"y\":%u,\"color\":%u,"
			       "\"request\":%lu}",
			       m->place.board, m->place.x, m->place.y, m->place.color,
			       m->place.request);
	else if (m->type == MSG_SESSION)
		len = snprintf(at, MESSAGE_IN_BYTES_MAX,
			       "{\"type\":\"session\",\"token\":\"%.*s\"}",
			       (int)m->session.token_len, m->session.token);
	px_assert(len > 0 && len < MESSAGE_IN_BYTES_MAX);
	return (size_t)len;
}

static uint64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	truth_check(json_is_integer(v), "a JSON message without the number %s", key);
	return (uint64_t)json_integer_value(v);
}

/* Of a field that came later: 0 where it is absent. */
static uint64_t number_added(const json_t *o, const char *key)
{
	return json_object_get(o, key) != NULL ? number(o, key) : 0;
}

static bool flag(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	truth_check(json_is_boolean(v), "a JSON message without the flag %s", key);
	return json_is_true(v);
}

static const char *text(const json_t *o, const char *key)
{
	const char *v = json_string_value(json_object_get(o, key));

	truth_check(v != NULL, "a JSON message without the text %s", key);
	return v;
}

static uint8_t refusal_code(const char *name)
{
	for (uint8_t code = 1; code < REFUSAL_MAX; code++)
		if (strcmp(refusal_str((enum refusal)code), name) == 0)
			return code;
	truth_failed("a refusal called %s", name);
}

static int cell_compare(const void *a, const void *b)
{
	const struct delta_cell *x = a, *y = b;

	return x->cell < y->cell ? -1 : x->cell > y->cell;
}

static size_t delta_pack(const struct client *c, const json_t *o, struct msg_delta *d, uint8_t *out)
{
	const struct truth_board *b = client_board_numbered(c, d->board);
	const json_t *list = json_object_get(o, "cells");
	struct delta_cell *cells;
	size_t len;

	if (b == NULL)
		return 0;
	d->count = (uint32_t)json_array_size(list);
	cells = calloc(d->count + 1, sizeof(*cells));
	px_assert(cells != NULL);
	for (uint32_t i = 0; i < d->count; i++) {
		const json_t *cell = json_array_get(list, i);
		uint32_t x = (uint32_t)json_integer_value(json_array_get(cell, 0));
		uint32_t y = (uint32_t)json_integer_value(json_array_get(cell, 1));
		uint32_t color = (uint32_t)json_integer_value(json_array_get(cell, 2));

		truth_check(x < b->width && y < b->height && color < 1u << b->bits,
			    "a JSON delta with (%u, %u, %u)", x, y, color);
		cells[i] = (struct delta_cell){y * b->width + x, (uint8_t)color};
	}
	qsort(cells, d->count, sizeof(*cells), cell_compare);
	for (uint32_t i = 1; i < d->count; i++)
		truth_check(cells[i].cell != cells[i - 1].cell, "a JSON delta with a cell twice");
	px_assert(delta_bytes_max(b->width * b->height, b->bits, d->count) <= CLIENT_PAYLOAD_MAX);
	len = delta_encode(b->width * b->height, b->bits, cells, d->count, out);
	free(cells);
	return len;
}

static void subscribed_get(const json_t *o, struct msg_subscribed *s)
{
	*s = (struct msg_subscribed){.board = (uint16_t)number(o, "board"),
				     .epoch = (uint32_t)number(o, "epoch"),
				     .seq = number(o, "seq"),
				     .width = (uint32_t)number(o, "width"),
				     .height = (uint32_t)number(o, "height"),
				     .bits = (uint8_t)number(o, "bits"),
				     .resumed = flag(o, "resumed"),
				     .frozen = flag(o, "frozen"),
				     .cooldown_ms = (uint32_t)number(o, "cooldown_ms"),
				     .tag = (uint32_t)number_added(o, "tag")};
	snprintf(s->name, sizeof(s->name), "%s", text(o, "name"));
}

static void other_get(const json_t *o, const char *type, struct message *m)
{
	if (strcmp(type, "welcome") == 0) {
		m->type = MSG_WELCOME;
	} else if (strcmp(type, "error") == 0) {
		m->type = MSG_ERROR;
		m->error.code = refusal_code(text(o, "code"));
		snprintf(m->error.text, sizeof(m->error.text), "%s", text(o, "text"));
		m->error.request = number_added(o, "request");
		m->error.wait_ms = (uint32_t)number_added(o, "wait_ms");
	} else if (strcmp(type, "status") == 0) {
		m->type = MSG_STATUS;
		m->status = (struct msg_status){
			(uint16_t)number(o, "board"), (uint32_t)number(o, "epoch"),
			number(o, "seq"), (uint32_t)number(o, "online"), number(o, "time_ms")};
	} else if (strcmp(type, "stale") == 0) {
		m->type = MSG_STALE;
		m->stale = (struct msg_stale){(uint16_t)number(o, "board"),
					      (uint32_t)number(o, "epoch"), number(o, "seq"),
					      number(o, "oldest")};
	} else if (strcmp(type, "placed") == 0) {
		m->type = MSG_PLACED;
		m->placed =
			(struct msg_placed){(uint16_t)number(o, "board"), number(o, "request"),
					    number(o, "seq"), (uint32_t)number(o, "cooldown_ms")};
	} else if (strcmp(type, "refused") == 0) {
		m->type = MSG_REFUSED;
		m->refused = (struct msg_refused){
			(uint16_t)number(o, "board"), number(o, "request"),
			refusal_code(text(o, "code")), (uint32_t)number(o, "wait_ms")};
	} else if (strcmp(type, "you") == 0) {
		m->type = MSG_YOU;
		m->you = (struct msg_you){(uint16_t)number(o, "board"),
					  (uint32_t)number(o, "wait_ms"), number(o, "last_request"),
					  number(o, "last_seq")};
	} else {
		truth_failed("a JSON message of type %s", type);
	}
}

size_t client_json_get(const struct client *c, const uint8_t *bytes, size_t len, struct message *m,
		       uint8_t payload[static CLIENT_PAYLOAD_MAX])
{
	json_error_t error;
	json_t *o = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, &error);
	const char *type;
	size_t payload_len = 0;

	truth_check(o != NULL, "client %u: not JSON: %s", c->number, error.text);
	type = text(o, "type");
	memset(m, 0, sizeof(*m));
	if (strcmp(type, "delta") == 0) {
		m->type = MSG_DELTA;
		m->delta.board = (uint16_t)number(o, "board");
		m->delta.first = number(o, "first");
		m->delta.last = number(o, "last");
		payload_len = delta_pack(c, o, &m->delta, payload);
	} else if (strcmp(type, "subscribed") == 0) {
		m->type = MSG_SUBSCRIBED;
		subscribed_get(o, &m->subscribed);
	} else if (strcmp(type, "board") == 0) {
		m->type = MSG_BOARD;
		payload_len = json_dumpb(json_object_get(o, "face"), (char *)payload,
					 CLIENT_PAYLOAD_MAX, JSON_COMPACT);
		truth_check(payload_len <= CLIENT_PAYLOAD_MAX, "a board with a long face");
		m->board = (struct msg_board){(uint16_t)number(o, "board"),
					      (uint32_t)number(o, "version"), (const char *)payload,
					      payload_len};
	} else {
		other_get(o, type, m);
	}
	json_decref(o);
	return payload_len;
}
