/*
 * test_message.c - messages there and back, in both encodings, and what is no message; those of
 * clients in JSON are in test_message_json.c.
 *
 * One thread. The byte tables themselves are checked against docs/protocol.md by
 * test_protocol_doc.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/message.h"
#include "edge/codec/refusal.h"
#include "edge/codec/ws_frame.h"

static char scratch[MESSAGE_IN_BYTES_MAX];
static struct message message;

static int decode(enum message_encoding encoding, const void *in, size_t len)
{
	/* A copy of exactly this size: a byte read behind it is seen by ASan. */
	uint8_t *copy = malloc(len + 1);
	int error;

	memset(&message, 0, sizeof(message));
	memcpy(copy, in, len);
	error = message_decode_client(encoding, copy, len, scratch, &message);
	free(copy);
	return error;
}

static int decode_json(const char *text)
{
	return decode(MESSAGE_JSON, text, strlen(text));
}

/* Decodes what encode made of *message*, to message. */
static size_t through_binary(const struct message *from, uint8_t *bytes)
{
	size_t len = message_encode_client(from, bytes);

	assert_in_range(len, 1, MESSAGE_IN_BYTES_MAX);
	assert_int_equal(decode(MESSAGE_BINARY, bytes, len), 0);
	assert_int_equal(message.type, from->type);
	return len;
}

/* Every shorter message is none; of a longer one, what is behind the known fields is skipped. */
static void assert_whole(const uint8_t *bytes, size_t len)
{
	uint8_t longer[MESSAGE_IN_BYTES_MAX], again[MESSAGE_IN_BYTES_MAX];

	for (size_t n = 0; n < len; n++)
		assert_int_equal(decode(MESSAGE_BINARY, bytes, n), -EBADMSG);
	memcpy(longer, bytes, len);
	memset(longer + len, 0xa5, sizeof(longer) - len);
	for (size_t n = len + 1; n <= sizeof(longer); n++) {
		assert_int_equal(decode(MESSAGE_BINARY, longer, n), 0);
		assert_int_equal(message_encode_client(&message, again), len);
		assert_memory_equal(again, bytes, len);
	}
}

/* Likewise, of a message whose `request` may be there: as far as it is in `bytes`, it is whole. */
static void assert_whole_with_request(const uint8_t *bytes, size_t len)
{
	struct message without;
	uint8_t fields[MESSAGE_IN_BYTES_MAX];
	size_t fields_len;

	assert_int_equal(decode(MESSAGE_BINARY, bytes, len), 0);
	without = message;
	without.request = 0;
	fields_len = message_encode_client(&without, fields);
	assert_int_equal(fields_len + 8, len);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(decode(MESSAGE_BINARY, bytes, n), n == fields_len ? 0 : -EBADMSG);
}

static void place_survives_the_wire(void **state)
{
	struct message from = {.type = MSG_PLACE, .place = {513, 65535, 1, 255, UINT64_MAX - 1}};
	uint8_t bytes[MESSAGE_IN_BYTES_MAX];
	size_t len = through_binary(&from, bytes);

	(void)state;
	assert_int_equal(message.place.board, 513);
	assert_int_equal(message.place.x, 65535);
	assert_int_equal(message.place.y, 1);
	assert_int_equal(message.place.color, 255);
	assert_true(message.place.request == UINT64_MAX - 1);
	assert_whole(bytes, len);
}

static void subscribe_survives_the_wire(void **state)
{
	struct message from = {
		.type = MSG_SUBSCRIBE,
		.request = 1ull << 40,
		.subscribe = {.board = "main", .resume = true, .epoch = 7, .seq = 1u << 31}};
	uint8_t bytes[MESSAGE_IN_BYTES_MAX];
	size_t len = through_binary(&from, bytes);

	(void)state;
	assert_string_equal(message.subscribe.board, "main");
	assert_true(message.subscribe.resume);
	assert_int_equal(message.subscribe.epoch, 7);
	assert_int_equal(message.subscribe.seq, 1u << 31);
	assert_true(message.request == 1ull << 40);
	assert_whole_with_request(bytes, len);

	from.subscribe = (struct msg_subscribe){.board = "abcdefghijklmnopqrstuvwxyz012345"};
	len = through_binary(&from, bytes);
	assert_string_equal(message.subscribe.board, from.subscribe.board);
	assert_false(message.subscribe.resume);
	assert_true(message.request == 1ull << 40);
	assert_whole_with_request(bytes, len);
}

static void subscribe_with_a_strange_name_is_no_message(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{"\x01\x00\x00", 3},
		{"\x01\x02\x04main", 7},
		{"\x01\x80\x04main", 7},
		{"\x01\x00\x05main\0", 8},
		{"\x01\x00\x04m\0in", 7},
		{"\x01\x00\x04m\nin", 7},
		{"\x01\x00\x04m\xffin", 7},
		{"\x01\x00\x21"
		 "123456789012345678901234567890123",
		 36},
		{"\x01\x00\xff"
		 "1234",
		 7},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(decode(MESSAGE_BINARY, rows[i].bytes, rows[i].len), -EBADMSG);
}

static void short_messages_survive_the_wire(void **state)
{
	struct message from = {.type = MSG_UNSUBSCRIBE, .request = 7, .unsubscribe_board = 40000};
	uint8_t bytes[MESSAGE_IN_BYTES_MAX];
	size_t len = through_binary(&from, bytes);

	(void)state;
	assert_int_equal(message.unsubscribe_board, 40000);
	assert_int_equal(message.request, 7);
	assert_whole_with_request(bytes, len);
	from = (struct message){.type = MSG_ALIVE};
	len = through_binary(&from, bytes);
	assert_int_equal(len, 1);
	assert_whole(bytes, len);
}

static void session_token_ends_with_the_message_or_a_zero_byte(void **state)
{
	uint8_t bytes[2 + TOKEN_BYTES_MAX] = {MSG_SESSION, 'a', 'b', 'c'};

	(void)state;
	memset(&message, 0, sizeof(message));
	assert_int_equal(message_decode_client(MESSAGE_BINARY, bytes, 4, scratch, &message), 0);
	assert_ptr_equal(message.session.token, bytes + 1);
	assert_int_equal(message.session.token_len, 3);
	memset(bytes + 1, 'a', sizeof(bytes) - 1);
	assert_int_equal(decode(MESSAGE_BINARY, bytes, 1 + TOKEN_BYTES_MAX), 0);
	assert_int_equal(decode(MESSAGE_BINARY, bytes, 2 + TOKEN_BYTES_MAX), -EBADMSG);
	assert_int_equal(decode(MESSAGE_BINARY, bytes, 1), -EBADMSG);
	memcpy(bytes,
	       "\x04"
	       "abc\0\1\0\0\0\0\0\0\0more",
	       17);
	for (size_t len = 5; len <= 17; len++) {
		assert_int_equal(decode(MESSAGE_BINARY, bytes, len),
				 len == 5 || len >= 13 ? 0 : -EBADMSG);
		assert_int_equal(message.session.token_len, len == 5 || len >= 13 ? 3 : 0);
		assert_int_equal(message.request, len >= 13);
	}
	bytes[1] = 0;
	assert_int_equal(decode(MESSAGE_BINARY, bytes, 17), -EBADMSG);
}

static void unknown_types_are_told_from_bad_messages(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		uint8_t bytes[2] = {(uint8_t)type, 0};
		bool ours = type >= MSG_SUBSCRIBE && type <= MSG_ALIVE;
		int error = decode(MESSAGE_BINARY, bytes, 2);
		bool whole = type == MSG_ALIVE;

		assert_int_equal(error, whole ? 0 : ours ? -EBADMSG : -ENOSYS);
	}
	assert_int_equal(decode(MESSAGE_BINARY, "", 0), -EBADMSG);
	assert_int_equal(decode(MESSAGE_JSON, "", 0), -EBADMSG);
	assert_int_equal(decode_json("{\"type\":\"delta\"}"), -ENOSYS);
	assert_int_equal(decode_json("{\"type\":\"\"}"), -ENOSYS);
	assert_int_equal(decode_json("{\"type\":3}"), -EBADMSG);
}

static void too_long_messages_are_refused(void **state)
{
	static uint8_t bytes[MESSAGE_IN_BYTES_MAX + 1];

	(void)state;
	memset(bytes, ' ', sizeof(bytes));
	memcpy(bytes, "{\"type\":\"alive\"}", 16);
	assert_int_equal(decode(MESSAGE_JSON, bytes, MESSAGE_IN_BYTES_MAX), 0);
	assert_int_equal(decode(MESSAGE_JSON, bytes, MESSAGE_IN_BYTES_MAX + 1), -EBADMSG);
	bytes[0] = MSG_ALIVE;
	assert_int_equal(decode(MESSAGE_BINARY, bytes, MESSAGE_IN_BYTES_MAX + 1), -EBADMSG);
}

/* --- messages of the server ------------------------------------------------------------------ */

/* One of each type, every number at its largest, every text at its longest. */
static const struct message largest[] = {
	{.type = MSG_STATUS,
	 .status = {UINT16_MAX, UINT32_MAX, UINT64_MAX, UINT32_MAX, UINT64_MAX}},
	{.type = MSG_SUBSCRIBED,
	 .subscribed = {UINT16_MAX, UINT32_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT8_MAX, true,
			true, UINT32_MAX,
			"\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\\"\\",
			UINT32_MAX}},
	{.type = MSG_STALE, .stale = {UINT16_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX}},
	{.type = MSG_PLACED, .placed = {UINT16_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX}},
	{.type = MSG_REFUSED,
	 .refused = {UINT16_MAX, UINT64_MAX, REFUSAL_UNKNOWN_BOARD, UINT32_MAX}},
	{.type = MSG_WELCOME, .welcome = {{255, 254, 253}}},
	{.type = MSG_YOU, .you = {UINT16_MAX, UINT32_MAX, UINT64_MAX, UINT64_MAX}},
	{.type = MSG_ERROR,
	 .error = {REFUSAL_BAD_REQUEST,
		   "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
		   "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
		   "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"",
		   UINT16_MAX - 1, UINT64_MAX, UINT32_MAX}},
};

/* The payload of a finished frame, found by the parser of a client. */
static size_t open_frame(uint8_t *frame, size_t len, enum ws_opcode opcode, uint8_t **ret_payload)
{
	struct ws_parser p;
	struct ws_piece piece;
	size_t used;

	assert_true(ws_frame_bytes(frame, len) == len);
	ws_parser_init(&p, WS_FROM_SERVER, 1u << 30);
	assert_int_equal(ws_parse(&p, frame, len, &used, &piece), WS_PIECE);
	assert_true(used == len && piece.begins && piece.ends && piece.opcode == opcode);
	*ret_payload = piece.data;
	return piece.len;
}

/* How long the message was before fields were added at its end: an older server sends it so. */
static size_t oldest_len(const struct message *m, size_t len)
{
	if (m->type == MSG_SUBSCRIBED)
		return len - 4; /* tag */
	if (m->type == MSG_ERROR)
		return len - 14; /* board, request, wait_ms */
	return len;
}

static void answers_survive_the_wire(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(largest) / sizeof(largest[0]); i++) {
		uint8_t frame[MESSAGE_OUT_BYTES_MAX], again[MESSAGE_OUT_BYTES_MAX];
		size_t len = message_encode_server(MESSAGE_BINARY, &largest[i], frame);
		const uint8_t *rest;
		uint8_t *payload;
		size_t payload_len = open_frame(frame, len, WS_BINARY, &payload);

		assert_int_equal(message_decode_server(payload, payload_len, &message, &rest), 0);
		assert_ptr_equal(rest, payload + payload_len);
		assert_int_equal(message.type, largest[i].type);
		assert_int_equal(message_encode_server(MESSAGE_BINARY, &message, again), len);
		assert_memory_equal(again, frame, len);
		for (size_t n = 0; n < payload_len; n++)
			assert_int_equal(message_decode_server(payload, n, &message, &rest),
					 n == oldest_len(&largest[i], payload_len) ? 0 : -EBADMSG);
		/* what is behind it are fields of a newer server */
		assert_int_equal(message_decode_server(payload, payload_len + 1, &message, &rest),
				 0);
		assert_ptr_equal(rest, payload + payload_len);
		assert_int_equal(message_encode_server(MESSAGE_BINARY, &message, again), len);
		assert_memory_equal(again, frame, len);
	}
}

static void fields_of_answers_are_not_mixed_up(void **state)
{
	struct message from = {.type = MSG_SUBSCRIBED,
			       .subscribed = {1, 2, 3, 4, 5, 8, true, false, 6, "main", 7}};
	uint8_t frame[MESSAGE_OUT_BYTES_MAX];
	const uint8_t *rest;
	uint8_t *payload;
	size_t len = message_encode_server(MESSAGE_BINARY, &from, frame);

	(void)state;
	len = open_frame(frame, len, WS_BINARY, &payload);
	assert_int_equal(message_decode_server(payload, len, &message, &rest), 0);
	assert_int_equal(message.subscribed.board, 1);
	assert_int_equal(message.subscribed.epoch, 2);
	assert_int_equal(message.subscribed.seq, 3);
	assert_int_equal(message.subscribed.width, 4);
	assert_int_equal(message.subscribed.height, 5);
	assert_int_equal(message.subscribed.bits, 8);
	assert_true(message.subscribed.resumed);
	assert_false(message.subscribed.frozen);
	assert_int_equal(message.subscribed.cooldown_ms, 6);
	assert_string_equal(message.subscribed.name, "main");
	assert_int_equal(message.subscribed.tag, 7);
}

/* Bounded, and plain characters only: what a WebSocket text may hold. */
static void json_answers_fit_and_are_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(largest) / sizeof(largest[0]); i++) {
		uint8_t frame[MESSAGE_OUT_BYTES_MAX];
		uint8_t *payload;
		size_t len = message_encode_server(MESSAGE_JSON, &largest[i], frame);

		len = open_frame(frame, len, WS_TEXT, &payload);
		assert_memory_equal(payload, "{\"type\":\"", 9);
		assert_int_equal(payload[len - 1], '}');
		for (size_t n = 0; n < len; n++)
			assert_in_range(payload[n], ' ', '~');
	}
}

static void texts_in_json_are_escaped(void **state)
{
	struct message from = {
		.type = MSG_ERROR,
		.error = {REFUSAL_BAD_REQUEST, "a\"b\\c\n\xc3\xa9", MESSAGE_NO_BOARD, 7, 8}};
	uint8_t frame[MESSAGE_OUT_BYTES_MAX];
	uint8_t *payload;
	size_t len = message_encode_server(MESSAGE_JSON, &from, frame);
	static const char expected[] =
		"{\"type\":\"error\",\"code\":\"bad_request\",\"text\":\"a\\\"b\\\\c?\?\?\","
		"\"board\":null,\"request\":7,\"wait_ms\":8}";

	(void)state;
	len = open_frame(frame, len, WS_TEXT, &payload);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(payload, expected, len);
}

static void delta_head_survives_the_wire(void **state)
{
	static const struct msg_delta rows[] = {{0, 1, 1, 0},
						{3, 200, 327, 2},
						{UINT16_MAX, 1, UINT64_MAX, 0},
						{1, UINT64_MAX, UINT64_MAX, 2}};
	static const struct delta_cell cells[] = {{7, 3}, {999, 15}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t frame[256];
		const uint8_t *rest;
		uint8_t *payload;
		struct delta_cell found[2];
		size_t len =
			message_encode_delta(MESSAGE_BINARY, &rows[i], 50, 1000, 4, cells, frame);

		assert_true(len <= message_delta_bytes_max(MESSAGE_BINARY, 1000, 4, rows[i].count));
		len = open_frame(frame, len, WS_BINARY, &payload);
		assert_int_equal(message_decode_server(payload, len, &message, &rest), 0);
		assert_int_equal(message.type, MSG_DELTA);
		assert_int_equal(message.delta.board, rows[i].board);
		assert_true(message.delta.first == rows[i].first &&
			    message.delta.last == rows[i].last);
		assert_int_equal(message.delta.count, rows[i].count);
		assert_int_equal(delta_decode(1000, 4, rest, (size_t)(payload + len - rest),
					      rows[i].count, found),
				 0);
		for (uint32_t k = 0; k < rows[i].count; k++)
			assert_true(found[k].cell == cells[k].cell &&
				    found[k].color == cells[k].color);
	}
}

static void delta_heads_that_lie_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{"\x41", 1},
		{"\x41\x00\x01\x00", 4},
		{"\x41\x80\x80\x04\x01\x00\x00", 7},                              /* board 65536 */
		{"\x41\x00\x01\x00\x80\x80\x80\x80\x10", 9},                      /* count 2^32 */
		{"\x41\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", 14}, /* last wraps */
		{"\x41\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00\x00", 14}, /* first 2^64 */
		{"\x41\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00\x00", 18},
	};
	const uint8_t *rest;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(message_decode_server((const uint8_t *)rows[i].bytes, rows[i].len,
						       &message, &rest),
				 -EBADMSG);
	assert_int_equal(message_decode_server((const uint8_t *)"\x4a", 1, &message, &rest),
			 -ENOSYS);
	assert_int_equal(message_decode_server((const uint8_t *)"\x03", 1, &message, &rest),
			 -ENOSYS);
}

static void json_delta_of_the_widest_cells_fits(void **state)
{
	enum { COUNT = 1000, SIDE = 16384 };
	static struct delta_cell cells[COUNT];
	struct msg_delta delta = {UINT16_MAX, 1, UINT64_MAX, COUNT};
	size_t room = message_delta_bytes_max(MESSAGE_JSON, SIDE * SIDE, 8, COUNT);
	uint8_t *frame = malloc(room);
	uint8_t *payload;
	size_t len;

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++)
		cells[i] = (struct delta_cell){SIDE * SIDE - COUNT + i, 255};
	len = message_encode_delta(MESSAGE_JSON, &delta, SIDE, SIDE * SIDE, 8, cells, frame);
	assert_true(len <= room);
	len = open_frame(frame, len, WS_TEXT, &payload);
	assert_memory_equal(payload + len - 19, "[16383,16383,255]]}", 19);
	free(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(place_survives_the_wire),
		cmocka_unit_test(subscribe_survives_the_wire),
		cmocka_unit_test(subscribe_with_a_strange_name_is_no_message),
		cmocka_unit_test(short_messages_survive_the_wire),
		cmocka_unit_test(session_token_ends_with_the_message_or_a_zero_byte),
		cmocka_unit_test(unknown_types_are_told_from_bad_messages),
		cmocka_unit_test(too_long_messages_are_refused),
		cmocka_unit_test(answers_survive_the_wire),
		cmocka_unit_test(fields_of_answers_are_not_mixed_up),
		cmocka_unit_test(json_answers_fit_and_are_plain),
		cmocka_unit_test(texts_in_json_are_escaped),
		cmocka_unit_test(delta_head_survives_the_wire),
		cmocka_unit_test(delta_heads_that_lie_are_refused),
		cmocka_unit_test(json_delta_of_the_widest_cells_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
