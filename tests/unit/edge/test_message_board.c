/*
 * test_message_board.c - the message `board`: there and back, in both encodings, and what it says.
 *
 * One thread. The bytes themselves are checked against docs/protocol.md by test_protocol_doc.c.
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
#include "edge/codec/ws_frame.h"
#include "engine/base/json_out.h"

static const char face[] =
	"{\"name\":\"main\",\"number\":3,\"width\":20,\"height\":10,\"bits\":2,\"frozen\":true,"
	"\"cooldown_ms\":5000,\"tag\":7,\"palette\":[{\"name\":\"white\",\"rgb\":\"#ffffff\"},"
	"{\"name\":\"light red\",\"rgb\":\"#0e59af\"}]}";

static const struct msg_board board = {
	.board = 258, .version = 0x01020304, .face = face, .face_len = sizeof(face) - 1};

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

static void board_survives_the_wire(void **state)
{
	uint8_t frame[MESSAGE_BOARD_BYTES_MAX], *payload;
	size_t len = message_encode_board(MESSAGE_BINARY, &board, frame);
	const uint8_t *rest;
	struct message m;

	(void)state;
	len = open_frame(frame, len, WS_BINARY, &payload);
	assert_int_equal(len, 1 + 2 + 4 + board.face_len);
	assert_int_equal(message_decode_server(payload, len, &m, &rest), 0);
	assert_int_equal(m.type, MSG_BOARD);
	assert_int_equal(m.board.board, board.board);
	assert_int_equal(m.board.version, board.version);
	assert_int_equal(m.board.face_len, board.face_len);
	assert_memory_equal(m.board.face, face, board.face_len);
	assert_ptr_equal(rest, payload + len);
	for (size_t n = 0; n < 1 + 2 + 4 + 2; n++)
		assert_int_equal(message_decode_server(payload, n, &m, &rest), -EBADMSG);
}

static void json_has_the_face_as_it_is(void **state)
{
	uint8_t frame[MESSAGE_BOARD_BYTES_MAX], *payload;
	char expected[MESSAGE_BOARD_BYTES_MAX];
	size_t len = message_encode_board(MESSAGE_JSON, &board, frame);

	(void)state;
	len = open_frame(frame, len, WS_TEXT, &payload);
	snprintf(expected, sizeof(expected),
		 "{\"type\":\"board\",\"board\":258,\"version\":16909060,\"face\":%s}", face);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(payload, expected, len);
}

/* Neither encoding writes behind the room that is promised, whatever the head of the frame is. */
static void what_is_written_fits_the_room_that_is_named(void **state)
{
	static const size_t lens[] = {2, 2 + 125, 65000, FACE_JSON_BYTES_MAX, 70000};

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		for (unsigned e = 0; e < MESSAGE_ENCODINGS; e++) {
			size_t room = MESSAGE_BOARD_AROUND_BYTES_MAX + lens[i];
			char *text = malloc(lens[i]);
			uint8_t *frame = malloc(room); /* ASan sees a byte behind it */
			struct msg_board largest = {UINT16_MAX, UINT32_MAX, text, lens[i]};

			memset(text, ' ', lens[i]);
			assert_in_range(
				message_encode_board((enum message_encoding)e, &largest, frame),
				lens[i], room);
			free(frame);
			free(text);
		}
}

/* --- what it says ----------------------------------------------------------------------------- */

static int decode_face(const char *text, struct msg_face *ret_face)
{
	size_t len = strlen(text);
	char *copy = malloc(len + 1); /* likewise */
	int error;

	memcpy(copy, text, len);
	error = message_decode_face(copy, len, ret_face);
	free(copy);
	return error;
}

static void a_face_is_read(void **state)
{
	struct msg_face f;

	(void)state;
	assert_int_equal(decode_face(face, &f), 0);
	assert_int_equal(f.width, 20);
	assert_int_equal(f.height, 10);
	assert_int_equal(f.bits, 2);
	assert_true(f.frozen);
	assert_int_equal(f.cooldown_ms, 5000);
	assert_int_equal(f.tag, 7);
	assert_int_equal(f.palette_len, 2);
	assert_string_equal(f.palette[1].name, "light red");
	assert_int_equal(f.palette[1].rgb, 0x0e59af);
}

static void members_that_are_not_known_are_skipped(void **state)
{
	struct msg_face f;

	(void)state;
	assert_int_equal(decode_face("{\"later\":[{}],\"palette\":[],\"cooldown_ms\":0,"
				     "\"frozen\":false,\"bits\":1,\"height\":1,\"width\":1}",
				     &f),
			 0);
	assert_false(f.frozen);
	assert_int_equal(f.palette_len, 0);
	assert_int_equal(f.tag, 0); /* so does an older server */
}

/* `face` with `from` replaced by `to`. */
static int decode_with(const char *from, const char *to)
{
	char text[1024];
	const char *at = strstr(face, from);
	struct msg_face f;

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - face), face, to, at + strlen(from));
	return decode_face(text, &f);
}

static void what_is_no_face_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{"\"width\":20,", ""},
		{"\"height\":10", "\"height\":4294967296"},
		{"\"bits\":2", "\"bits\":9"},
		{"\"bits\":2", "\"bits\":0"}, /* two colors are more than it allows */
		{"true", "1"},
		{"\"frozen\":true,", ""},
		{"5000", "-1"},
		{"\"tag\":7", "\"tag\":\"7\""},
		{"\"palette\":[", "\"palette\":[1,"},
		{"\"palette\"", "\"colors\""},
		{"\"name\":\"white\"", "\"name\":\"\""},
		{"\"name\":\"white\"", "\"name\":\"abcdefghijklmnopqrstuvwx\""},
		{"#ffffff", "#fffffg"},
		{"#ffffff", "#fffff"},
		{"#ffffff", "0ffffff"},
		{"#ffffff", "#ffff\\u0000f"},
		{"]}", "]"},
		{"{\"name\":\"main\"", "[{\"name\":\"main\""},
	};
	struct msg_face f;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (decode_with(rows[i][0], rows[i][1]) != -EBADMSG)
			fail_msg("%s for %s", rows[i][1], rows[i][0]);
	assert_int_equal(decode_face("", &f), -EBADMSG);
	assert_int_equal(decode_face("[]", &f), -EBADMSG);
}

/* Every number at its largest, as many colors as there can be, the longest names. */
static size_t longest_write(char text[static FACE_JSON_BYTES_MAX])
{
	struct json_out j = json_out_of(text, FACE_JSON_BYTES_MAX);

	json_open_object(&j, NULL);
	json_put_text(&j, "name", "abcdefghijklmnopqrstuvwxyz012345");
	json_put_number(&j, "number", UINT16_MAX);
	json_put_number(&j, "width", UINT32_MAX);
	json_put_number(&j, "height", UINT32_MAX);
	json_put_number(&j, "bits", 8);
	json_put_bool(&j, "frozen", false);
	json_put_number(&j, "cooldown_ms", UINT32_MAX);
	json_put_number(&j, "tag", UINT32_MAX);
	json_open_array(&j, "palette");
	for (unsigned i = 0; i < BOARD_COLORS_MAX; i++) {
		char name[COLOR_NAME_CHARS], rgb[sizeof("#rrggbb")];

		snprintf(name, sizeof(name), "the longest names %05u", i);
		snprintf(rgb, sizeof(rgb), "#%06x", i * 0x010101);
		json_open_object(&j, NULL);
		json_put_text(&j, "name", name);
		json_put_text(&j, "rgb", rgb);
		json_close(&j);
	}
	json_close(&j);
	json_close(&j);
	assert_false(j.text.bad);
	return text_len(&j.text);
}

static void the_longest_face_fits_and_is_read(void **state)
{
	static char text[FACE_JSON_BYTES_MAX];
	static uint8_t frame[MESSAGE_BOARD_BYTES_MAX];
	struct msg_board longest = {UINT16_MAX, UINT32_MAX, text, longest_write(text)};
	struct msg_face f;

	(void)state;
	for (unsigned e = 0; e < MESSAGE_ENCODINGS; e++)
		assert_true(message_encode_board((enum message_encoding)e, &longest, frame) <=
			    sizeof(frame));
	assert_int_equal(message_decode_face(text, longest.face_len, &f), 0);
	assert_int_equal(f.width, UINT32_MAX);
	assert_int_equal(f.palette_len, BOARD_COLORS_MAX);
	assert_string_equal(f.palette[255].name, "the longest names 00255");
	assert_int_equal(f.palette[255].rgb, 0xffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(board_survives_the_wire),
		cmocka_unit_test(json_has_the_face_as_it_is),
		cmocka_unit_test(what_is_written_fits_the_room_that_is_named),
		cmocka_unit_test(a_face_is_read),
		cmocka_unit_test(members_that_are_not_known_are_skipped),
		cmocka_unit_test(what_is_no_face_is_refused),
		cmocka_unit_test(the_longest_face_fits_and_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
