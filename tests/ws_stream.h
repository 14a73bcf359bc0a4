/*
 * ws_stream.h - streams of WebSocket frames for tests, and what a parser tells of them.
 *
 * One thread. A stream is parsed into a transcript, a text of whole messages, so that two ways of
 * feeding it are compared by one strcmp. Include it after cmocka.h.
 */
#ifndef PX_TESTS_WS_STREAM_H
#define PX_TESTS_WS_STREAM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "edge/codec/ws_frame.h"

#define STREAM_BYTES_MAX 16384

struct stream {
	uint8_t bytes[STREAM_BYTES_MAX];
	size_t len;
};

struct transcript {
	char text[8 * STREAM_BYTES_MAX];
	size_t len;
	uint8_t data[STREAM_BYTES_MAX], control[WS_CONTROL_BYTES_MAX];
	size_t data_len, control_len;
};

static uint64_t random_state;

static inline uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((random_state >> 33) % bound);
}

static inline void seed_random(void)
{
	const char *given = getenv("PIXELD_SEED");

	random_state = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("PIXELD_SEED=%llu\n", (unsigned long long)random_state);
}

static inline void add_frame(struct stream *s, bool fin, enum ws_opcode opcode, const void *payload,
			     size_t len)
{
	uint8_t mask[4];
	uint8_t copy[STREAM_BYTES_MAX];

	for (unsigned i = 0; i < 4; i++)
		mask[i] = (uint8_t)random_below(256);
	memcpy(copy, payload, len);
	s->len += ws_head_write_masked(s->bytes + s->len, fin, opcode, mask, copy, len);
	memcpy(s->bytes + s->len, copy, len);
	s->len += len;
}

static inline void tell(struct transcript *t, enum ws_opcode opcode, const uint8_t *data,
			size_t len)
{
	t->len += (size_t)sprintf(t->text + t->len, "%d:", (int)opcode);
	for (size_t i = 0; i < len; i++)
		t->len += (size_t)sprintf(t->text + t->len, "%02x", data[i]);
	t->len += (size_t)sprintf(t->text + t->len, "\n");
}

static inline void take_piece(struct transcript *t, const struct ws_piece *piece)
{
	bool control = piece->opcode >= WS_CLOSE;
	uint8_t *data = control ? t->control : t->data;
	size_t *len = control ? &t->control_len : &t->data_len;

	if (piece->begins)
		*len = 0;
	assert_true(*len + piece->len <= (control ? sizeof(t->control) : sizeof(t->data)));
	memcpy(data + *len, piece->data, piece->len);
	*len += piece->len;
	if (piece->ends)
		tell(t, piece->opcode, data, *len);
}

/* Feeds until the input is used up or bad. false: bad, and the transcript says how. */
static inline bool feed(struct ws_parser *p, uint8_t *in, size_t len, struct transcript *t)
{
	for (;;) {
		struct ws_piece piece;
		size_t used = 0;
		enum ws_result result = ws_parse(p, in, len, &used, &piece);

		if (result == WS_BAD) {
			t->len += (size_t)sprintf(t->text + t->len, "bad %u %s\n", p->bad_code,
						  p->bad_text);
			return false;
		}
		assert_true(used <= len);
		in += used;
		len -= used;
		if (result == WS_MORE) {
			assert_int_equal(len, 0);
			return true;
		}
		take_piece(t, &piece);
	}
}

/* The transcript of a stream cut at *first* and *second*. */
static inline void parse_cut(const struct stream *s, enum ws_role role, uint32_t limit,
			     size_t first, size_t second, struct transcript *t)
{
	static uint8_t copy[STREAM_BYTES_MAX];
	struct ws_parser p;

	t->len = 0;
	t->text[0] = 0;
	memcpy(copy, s->bytes, s->len);
	ws_parser_init(&p, role, limit);
	if (feed(&p, copy, first, t) && feed(&p, copy + first, second - first, t))
		(void)feed(&p, copy + second, s->len - second, t);
}

static inline void parse_whole(const struct stream *s, struct transcript *t)
{
	parse_cut(s, WS_FROM_CLIENT, 1000, s->len, s->len, t);
}

#endif
