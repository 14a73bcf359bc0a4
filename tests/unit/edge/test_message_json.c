/*
 * test_message_json.c - messages of clients read from JSON, and what is no message.
 *
 * One thread.
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

static char scratch[MESSAGE_IN_BYTES_MAX];
static struct message message;

static int decode(const char *text, size_t len)
{
	/* A copy of exactly this size: a byte read behind it is seen by ASan. */
	uint8_t *copy = malloc(len + 1);
	int error;

	memset(&message, 0, sizeof(message));
	memcpy(copy, text, len);
	error = message_decode_client(MESSAGE_JSON, copy, len, scratch, &message);
	free(copy);
	return error;
}

static int decode_json(const char *text)
{
	return decode(text, strlen(text));
}

static void json_of_clients_is_read(void **state)
{
	(void)state;
	assert_int_equal(
		decode_json("{\"type\":\"place\",\"board\":2,\"x\":1,\"y\":65535,\"color\":3,"
			    "\"request\":9007199254740991,\"more\":null}"),
		0);
	assert_int_equal(message.type, MSG_PLACE);
	assert_int_equal(message.place.board, 2);
	assert_int_equal(message.place.x, 1);
	assert_int_equal(message.place.y, 65535);
	assert_int_equal(message.place.color, 3);
	assert_true(message.place.request == 9007199254740991u);

	assert_int_equal(decode_json("{\"board\":\"main\",\"type\":\"subscribe\"}"), 0);
	assert_int_equal(message.type, MSG_SUBSCRIBE);
	assert_string_equal(message.subscribe.board, "main");
	assert_false(message.subscribe.resume);
	assert_int_equal(decode_json("{\"type\":\"subscribe\",\"board\":\"main\",\"epoch\":"
				     "4294967295,\"seq\":12}"),
			 0);
	assert_true(message.subscribe.resume);
	assert_int_equal(message.subscribe.epoch, UINT32_MAX);
	assert_int_equal(message.subscribe.seq, 12);

	assert_int_equal(decode_json("{\"type\":\"unsubscribe\",\"board\":65535}"), 0);
	assert_int_equal(message.unsubscribe_board, 65535);
	assert_int_equal(message.request, 0);
	assert_int_equal(decode_json("{\"type\":\"unsubscribe\",\"board\":1,\"request\":9}"), 0);
	assert_int_equal(message.request, 9);
	assert_int_equal(decode_json("{\"type\":\"session\",\"token\":\"a.b\\u00e9\"}"), 0);
	assert_int_equal(message.session.token_len, 5);
	assert_memory_equal(message.session.token, "a.b\xc3\xa9", 5);
	assert_int_equal(decode_json(" {\"type\" : \"alive\"}\r\n"), 0);
	assert_int_equal(message.type, MSG_ALIVE);
}

static int decode_x(const char *value)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"type\":\"place\",\"board\":0,\"x\":%s,\"y\":2,\"color\":3,\"request\":7}",
		 value);
	return decode_json(text);
}

static void numbers_that_are_no_coordinate_are_out_of_bounds(void **state)
{
	static const struct {
		const char *value;
		uint32_t x;
	} rows[] = {
		{"0", 0},
		{"65535", 65535},
		{"1e3", 1000},
		{"1000.0", 1000},
		{"-0", 0},
		{"-1", UINT32_MAX},
		{"65536", UINT32_MAX},
		{"2147483648", UINT32_MAX},
		{"4294967295", UINT32_MAX},
		{"4294967296", UINT32_MAX},
		{"4294967297", UINT32_MAX},
		{"9223372036854775807", UINT32_MAX},
		{"9223372036854775808", UINT32_MAX},
		{"18446744073709551617", UINT32_MAX},
		{"-9223372036854775808", UINT32_MAX},
		{"1.5", UINT32_MAX},
		{"-1.5", UINT32_MAX},
		{"1e300", UINT32_MAX},
		{"1e-3", UINT32_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (decode_x(rows[i].value) != 0 || message.place.x != rows[i].x)
			fail_msg("x %s: %u", rows[i].value, message.place.x);
		assert_int_equal(message.place.request, 7);
	}
}

static void what_is_no_number_is_no_coordinate(void **state)
{
	static const char *const rows[] = {
		"\"1e3\"", "\" 1\"", "\"1\"", "01",   "-01", "+1",   "0x1", "1.", ".5",
		"1e",      "1e400",  "null",  "true", "[1]", "{}",   "NaN", "",   "Infinity",
		"1 2",     "1,",     "--1",   "-",    "1_0", "\"\"", "inf"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (decode_x(rows[i]) != -EBADMSG)
			fail_msg("x %s", rows[i]);
}

static void other_numbers_must_fit(void **state)
{
	static const char *const rows[] = {
		"{\"type\":\"place\",\"board\":65536,\"x\":1,\"y\":2,\"color\":3,\"request\":7}",
		"{\"type\":\"place\",\"board\":-1,\"x\":1,\"y\":2,\"color\":3,\"request\":7}",
		"{\"type\":\"place\",\"board\":0,\"x\":1,\"y\":2,\"color\":3,\"request\":"
		"9007199254740992}",
		"{\"type\":\"place\",\"board\":0,\"x\":1,\"y\":2,\"color\":3,\"request\":-7}",
		"{\"type\":\"place\",\"board\":0,\"x\":1,\"y\":2,\"color\":3,\"request\":7.5}",
		"{\"type\":\"place\",\"board\":0,\"x\":1,\"y\":2,\"color\":3,\"request\":\"7\"}",
		"{\"type\":\"place\",\"board\":0,\"x\":1,\"y\":2,\"color\":3}",
		"{\"type\":\"place\",\"x\":1,\"y\":2,\"color\":3,\"request\":7}",
		"{\"type\":\"place\",\"board\":0,\"x\":1,\"y\":2,\"request\":7}",
		"{\"type\":\"place\",\"board\":0,\"x\":1,\"x\":2,\"y\":2,\"color\":3,\"request\":"
		"7}",
		"{\"type\":\"subscribe\",\"board\":\"main\",\"epoch\":1}",
		"{\"type\":\"subscribe\",\"board\":\"main\",\"seq\":1}",
		"{\"type\":\"subscribe\",\"board\":\"main\",\"epoch\":4294967296,\"seq\":1}",
		"{\"type\":\"subscribe\",\"board\":\"main\",\"epoch\":1,\"seq\":9007199254740992}",
		"{\"type\":\"subscribe\",\"board\":\"main\",\"epoch\":null,\"seq\":null}",
		"{\"type\":\"subscribe\",\"board\":\"\"}",
		"{\"type\":\"subscribe\",\"board\":0}",
		"{\"type\":\"subscribe\",\"board\":\"a\\u0000b\"}",
		"{\"type\":\"subscribe\",\"board\":\"a\\nb\"}",
		"{\"type\":\"subscribe\",\"board\":\"caf\xc3\xa9\"}",
		"{\"type\":\"subscribe\",\"board\":\"123456789012345678901234567890123\"}",
		"{\"type\":\"subscribe\"}",
		"{\"type\":\"unsubscribe\",\"board\":\"0\"}",
		"{\"type\":\"subscribe\",\"board\":\"main\",\"request\":-1}",
		"{\"type\":\"unsubscribe\",\"board\":0,\"request\":\"7\"}",
		"{\"type\":\"session\",\"token\":\"a\",\"request\":null}",
		"{\"type\":\"session\",\"token\":\"\"}",
		"{\"type\":\"session\",\"token\":1}",
		"{\"type\":\"session\"}",
		"{}",
		"[]",
		"[\"alive\"]",
		"\"alive\"",
		"null",
		"{\"type\":\"alive\"} {}",
		"{\"type\":\"alive\",}",
		"{'type':'alive'}",
		"{\"type\":\"alive\"",
		"{\"type\":\"alive\xff\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (decode_json(rows[i]) != -EBADMSG)
			fail_msg("%s", rows[i]);
}

static void color_that_is_no_u8_is_a_bad_color(void **state)
{
	uint32_t color = 0;

	(void)state;
	assert_int_equal(decode_json("{\"type\":\"place\",\"board\":0,\"x\":1,\"y\":2,\"color\":"
				     "256,\"request\":7}"),
			 0);
	assert_int_equal(message.place.color, UINT32_MAX);
	assert_int_equal(message_decode_color((const uint8_t *)"{\"color\": 255}", 14, &color), 0);
	assert_int_equal(color, 255);
	assert_int_equal(message_decode_color((const uint8_t *)"{\"color\": 256}", 14, &color), 0);
	assert_int_equal(color, UINT32_MAX);
	assert_int_equal(message_decode_color((const uint8_t *)"{\"color\": \"3\"}", 14, &color),
			 -EBADMSG);
	assert_int_equal(message_decode_color((const uint8_t *)"{}", 2, &color), -EBADMSG);
	assert_int_equal(message_decode_color((const uint8_t *)"", 0, &color), -EBADMSG);
}

static void deep_json_is_refused_quietly(void **state)
{
	char text[MESSAGE_IN_BYTES_MAX];

	(void)state;
	memset(text, '[', sizeof(text));
	assert_int_equal(decode(text, sizeof(text)), -EBADMSG);
	memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
	assert_int_equal(decode(text, sizeof(text)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_of_clients_is_read),
		cmocka_unit_test(numbers_that_are_no_coordinate_are_out_of_bounds),
		cmocka_unit_test(what_is_no_number_is_no_coordinate),
		cmocka_unit_test(other_numbers_must_fit),
		cmocka_unit_test(color_that_is_no_u8_is_a_bad_color),
		cmocka_unit_test(deep_json_is_refused_quietly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
