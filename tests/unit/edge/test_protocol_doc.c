/*
 * test_protocol_doc.c - docs/protocol.md says what the code does.
 *
 * Reads every `vector` block of the page (those of the delta payload are engine/test_delta.c's) and
 * the tables of codes. The vectors were not made by this code. One thread.
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
#include "edge/codec/session.h"
#include "edge/codec/ws_frame.h"

#define PAGE           "docs/protocol.md"
#define LINE_BYTES_MAX 4096
#define MESSAGE_MAX    1024 /* the limit that the page names for its refused frames */

static const uint8_t page_mask[4] = {0x37, 0xfa, 0x21, 0x3d};

/* The value of `name=` in a line of pairs; "json" is the rest of the line. */
static const char *value(const char *line, const char *name)
{
	static char found[4][LINE_BYTES_MAX];
	static unsigned turn;
	char *out = found[turn++ % 4];
	size_t len = strlen(name);
	const char *at = line;

	while (at != NULL && (strncmp(at, name, len) != 0 || at[len] != '=')) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at == NULL)
		fail_msg("no %s in: %s", name, line);
	snprintf(out, LINE_BYTES_MAX, "%s", at + len + 1);
	if (strcmp(name, "json") != 0)
		out[strcspn(out, " ")] = 0;
	return out;
}

static uint64_t number(const char *line, const char *name)
{
	return strtoull(value(line, name), NULL, 10);
}

static size_t hex(const char *line, const char *name, uint8_t *out)
{
	const char *text = value(line, name);
	size_t len = strlen(text) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return len;
}

static bool is(const char *line, const char *name, const char *expected)
{
	return strcmp(value(line, name), expected) == 0;
}

static void assert_bytes(const uint8_t *found, size_t found_len, const void *expected, size_t len,
			 const char *line)
{
	if (found_len != len || memcmp(found, expected, len) != 0)
		fail_msg("%.*s\nis not what the page says: %s", (int)found_len, (const char *)found,
			 line);
}

/* Calls `check` for every line of the blocks of one kind. */
static void each(const char *kind, void (*check)(const char *line))
{
	char line[LINE_BYTES_MAX], head[64];
	FILE *page = fopen(PAGE, "re");
	bool inside = false;
	unsigned count = 0;

	assert_non_null(page);
	snprintf(head, sizeof(head), "```vector %s", kind);
	while (fgets(line, sizeof(line), page) != NULL) {
		line[strcspn(line, "\n")] = 0;
		if (inside && strcmp(line, "```") == 0) {
			inside = false;
		} else if (inside) {
			check(line);
			count++;
		} else {
			inside = strcmp(line, head) == 0;
		}
	}
	fclose(page);
	assert_false(inside);
	assert_true(count > 0);
}

/* --- messages -------------------------------------------------------------------------------- */

static size_t open_frame(uint8_t *frame, size_t len, uint8_t **ret_payload)
{
	struct ws_parser p;
	struct ws_piece piece;
	size_t used;

	ws_parser_init(&p, WS_FROM_SERVER, 1u << 20);
	assert_int_equal(ws_parse(&p, frame, len, &used, &piece), WS_PIECE);
	assert_true(used == len && piece.ends);
	*ret_payload = piece.data;
	return piece.len;
}

static void check_client(const char *line)
{
	uint8_t expected[LINE_BYTES_MAX], made[MESSAGE_IN_BYTES_MAX];
	char scratch[MESSAGE_IN_BYTES_MAX];
	size_t len = hex(line, "hex", expected);
	const char *json = value(line, "json");
	struct message m;

	assert_int_equal(message_decode_client(MESSAGE_BINARY, expected, len, scratch, &m), 0);
	assert_bytes(made, message_encode_client(&m, made), expected, len, line);
	memset(&m, 0, sizeof(m));
	assert_int_equal(message_decode_client(MESSAGE_JSON, (const uint8_t *)json, strlen(json),
					       scratch, &m),
			 0);
	assert_bytes(made, message_encode_client(&m, made), expected, len, line);
}

static void check_delta(const struct message *m, const uint8_t *payload, size_t len,
			const char *line)
{
	uint32_t width = (uint32_t)number(line, "width");
	uint32_t board_cells = (uint32_t)number(line, "board_cells");
	unsigned bits = (unsigned)number(line, "bits");
	const char *json = value(line, "json");
	struct delta_cell cells[16];
	uint8_t expected[LINE_BYTES_MAX], frame[LINE_BYTES_MAX];
	uint8_t *made;

	assert_in_range(m->delta.count, 0, 16);
	assert_int_equal(delta_decode(board_cells, bits, payload, len, m->delta.count, cells), 0);
	len = message_encode_delta(MESSAGE_JSON, &m->delta, width, board_cells, bits, cells, frame);
	len = open_frame(frame, len, &made);
	assert_bytes(made, len, json, strlen(json), line);
	len = message_encode_delta(MESSAGE_BINARY, &m->delta, width, board_cells, bits, cells,
				   frame);
	len = open_frame(frame, len, &made);
	assert_bytes(made, len, expected, hex(line, "hex", expected), line);
}

static size_t encode_server(enum message_encoding encoding, const struct message *m, uint8_t *frame)
{
	if (m->type == MSG_BOARD)
		return message_encode_board(encoding, &m->board, frame);
	return message_encode_server(encoding, m, frame);
}

static void check_server(const char *line)
{
	uint8_t expected[LINE_BYTES_MAX], frame[MESSAGE_BOARD_BYTES_MAX];
	size_t len = hex(line, "hex", expected);
	const char *json = value(line, "json");
	const uint8_t *payload;
	struct msg_face face;
	struct message m;
	uint8_t *made;

	assert_int_equal(message_decode_server(expected, len, &m, &payload), 0);
	if (m.type == MSG_DELTA) {
		check_delta(&m, payload, (size_t)(expected + len - payload), line);
		return;
	}
	len = open_frame(frame, encode_server(MESSAGE_BINARY, &m, frame), &made);
	assert_bytes(made, len, expected, hex(line, "hex", expected), line);
	len = open_frame(frame, encode_server(MESSAGE_JSON, &m, frame), &made);
	assert_bytes(made, len, json, strlen(json), line);
	if (m.type == MSG_BOARD)
		assert_int_equal(message_decode_face(m.board.face, m.board.face_len, &face), 0);
}

/* What is known of a message that has more is what its JSON form says. */
static void check_client_longer(const char *line)
{
	uint8_t bytes[LINE_BYTES_MAX], known[MESSAGE_IN_BYTES_MAX], said[MESSAGE_IN_BYTES_MAX];
	char scratch[MESSAGE_IN_BYTES_MAX];
	size_t len = hex(line, "hex", bytes), known_len;
	const char *json = value(line, "json");
	struct message m;

	assert_int_equal(message_decode_client(MESSAGE_BINARY, bytes, len, scratch, &m), 0);
	known_len = message_encode_client(&m, known);
	assert_true(known_len < len);
	assert_bytes(known, known_len, bytes, known_len, line);
	assert_int_equal(message_decode_client(MESSAGE_JSON, (const uint8_t *)json, strlen(json),
					       scratch, &m),
			 0);
	assert_bytes(said, message_encode_client(&m, said), known, known_len, line);
}

static void check_server_longer(const char *line)
{
	uint8_t bytes[LINE_BYTES_MAX], frame[MESSAGE_OUT_BYTES_MAX];
	size_t len = hex(line, "hex", bytes);
	const char *json = value(line, "json");
	const uint8_t *rest;
	struct message m;
	uint8_t *made;

	assert_int_equal(message_decode_server(bytes, len, &m, &rest), 0);
	assert_true(rest < bytes + len);
	len = open_frame(frame, message_encode_server(MESSAGE_BINARY, &m, frame), &made);
	assert_bytes(made, len, bytes, (size_t)(rest - bytes), line);
	len = open_frame(frame, message_encode_server(MESSAGE_JSON, &m, frame), &made);
	assert_bytes(made, len, json, strlen(json), line);
}

/* What an older server left out counts as the JSON form says; the form of today has it. */
static void check_shorter(const char *line)
{
	uint8_t bytes[LINE_BYTES_MAX], frame[MESSAGE_OUT_BYTES_MAX];
	size_t len = hex(line, "hex", bytes);
	const char *json = value(line, "json");
	const uint8_t *rest;
	struct message m;
	uint8_t *made;

	assert_int_equal(message_decode_server(bytes, len, &m, &rest), 0);
	assert_ptr_equal(rest, bytes + len);
	assert_true(open_frame(frame, message_encode_server(MESSAGE_BINARY, &m, frame), &made) >
		    len);
	assert_memory_equal(made, bytes, len);
	len = open_frame(frame, message_encode_server(MESSAGE_JSON, &m, frame), &made);
	assert_bytes(made, len, json, strlen(json), line);
}

static void check_longer(const char *line)
{
	if (is(line, "from", "client"))
		check_client_longer(line);
	else
		check_server_longer(line);
}

static void check_message(const char *line)
{
	if (is(line, "from", "client"))
		check_client(line);
	else
		check_server(line);
}

static unsigned types_seen[256];

static void note_type(const char *line)
{
	uint8_t bytes[LINE_BYTES_MAX];

	assert_true(hex(line, "hex", bytes) > 0);
	types_seen[bytes[0]]++;
}

static void messages_are_those_of_the_page(void **state)
{
	(void)state;
	each("message", check_message);
	each("message-longer", check_longer);
	each("message-shorter", check_shorter);
}

static void every_type_has_a_vector(void **state)
{
	(void)state;
	each("message", note_type);
	for (unsigned type = MSG_SUBSCRIBE; type <= MSG_ALIVE; type++)
		assert_true(types_seen[type] > 0);
	for (unsigned type = MSG_DELTA; type <= MSG_ERROR; type++)
		assert_true(types_seen[type] > 0);
	assert_true(types_seen[MSG_BOARD] > 0);
}

/* --- sessions -------------------------------------------------------------------------------- */

static struct session_key *key_of(const char *line)
{
	uint8_t secret[LINE_BYTES_MAX];
	struct session_key *key;

	assert_int_equal(session_key_new(secret, hex(line, "secret", secret), &key), 0);
	return key;
}

static void check_session(const char *line)
{
	struct session_key *key = key_of(line);
	uint64_t expires_s = number(line, "expires");
	char token[SESSION_TOKEN_CHARS_MAX];
	uint8_t user[LINE_BYTES_MAX], found[16];
	size_t len;

	assert_int_equal(hex(line, "user", user), 16);
	len = session_mint(key, user, number(line, "issued"), expires_s, token);
	assert_string_equal(token, value(line, "token"));
	assert_int_equal(session_verify(key, token, len, expires_s - 1, found, NULL), 0);
	assert_memory_equal(found, user, 16);
	session_key_free(key);
}

static void check_session_refused(const char *line)
{
	struct session_key *key = key_of(line);
	const char *token = value(line, "token");
	int expected = is(line, "error", "expired") ? -ETIMEDOUT : -EBADMSG;
	uint8_t user[USER_BYTES];

	assert_int_equal(session_verify(key, token, strlen(token), number(line, "now"), user, NULL),
			 expected);
	session_key_free(key);
}

static void sessions_are_those_of_the_page(void **state)
{
	(void)state;
	each("session", check_session);
	each("session-refused", check_session_refused);
}

/* --- frames ---------------------------------------------------------------------------------- */

static void check_frame(const char *line)
{
	bool client = is(line, "from", "client");
	enum ws_opcode opcode = (enum ws_opcode)number(line, "opcode");
	uint8_t payload[LINE_BYTES_MAX], expected[LINE_BYTES_MAX], made[LINE_BYTES_MAX];
	size_t payload_len = hex(line, "payload", payload);
	size_t len = hex(line, "hex", expected);
	struct ws_parser p;
	struct ws_piece piece;
	size_t used, head;

	memcpy(made + WS_HEAD_BYTES_MAX, payload, payload_len);
	if (client)
		head = ws_head_write_masked(made, true, opcode, page_mask, made + WS_HEAD_BYTES_MAX,
					    payload_len);
	else
		head = ws_head_write(made, true, opcode, payload_len);
	memmove(made + head, made + WS_HEAD_BYTES_MAX, payload_len);
	assert_bytes(made, head + payload_len, expected, len, line);

	ws_parser_init(&p, client ? WS_FROM_CLIENT : WS_FROM_SERVER, MESSAGE_MAX);
	assert_int_equal(ws_parse(&p, expected, len, &used, &piece), WS_PIECE);
	assert_true(used == len && piece.begins && piece.ends && piece.opcode == opcode);
	assert_bytes(piece.data, piece.len, payload, payload_len, line);
}

static void check_frame_refused(const char *line)
{
	uint8_t bytes[LINE_BYTES_MAX];
	size_t len = hex(line, "hex", bytes);
	enum ws_role role = is(line, "from", "client") ? WS_FROM_CLIENT : WS_FROM_SERVER;
	struct ws_parser p;
	struct ws_piece piece;
	size_t used;

	ws_parser_init(&p, role, MESSAGE_MAX);
	if (ws_parse(&p, bytes, len, &used, &piece) != WS_BAD || p.bad_code != number(line, "code"))
		fail_msg("code %u: %s", p.bad_code, line);
}

static void check_accept(const char *line)
{
	char found[WS_ACCEPT_CHARS];

	ws_accept_key(value(line, "key"), found);
	assert_memory_equal(found, value(line, "accept"), WS_ACCEPT_CHARS);
}

static void frames_are_those_of_the_page(void **state)
{
	(void)state;
	each("ws-frame", check_frame);
	each("ws-frame-refused", check_frame_refused);
	each("ws-accept", check_accept);
}

/* --- tables ---------------------------------------------------------------------------------- */

static void assert_page_has(const char *row)
{
	char line[LINE_BYTES_MAX];
	FILE *page = fopen(PAGE, "re");
	bool found = false;

	assert_non_null(page);
	while (!found && fgets(line, sizeof(line), page) != NULL) {
		line[strcspn(line, "\n")] = 0;
		found = strcmp(line, row) == 0;
	}
	fclose(page);
	if (!found)
		fail_msg("the page lacks the row: %s", row);
}

static void refusals_are_those_of_the_page(void **state)
{
	static const char *const rows[] = {
#define REFUSAL(symbol, code, http, name, text) "| " #code " | " name " | " #http " | " text " |",
#include "edge/codec/refusal.def"
#undef REFUSAL
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_page_has(rows[i]);
}

static void features_are_those_of_the_page(void **state)
{
	static const char *const rows[] = {
#define FEATURE(name, text) "| " #name " | " text " |",
#include "edge/codec/feature.def"
#undef FEATURE
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_page_has(rows[i]);
}

/* One row for every status and code that can come together, and no row of any other. */
static void errors_are_those_of_the_page(void **state)
{
	static const char *const rows[] = {
#define REFUSAL(symbol, code, http, name, text) "| " #http " | " name " | " text " |",
#include "edge/codec/refusal.def"
#undef REFUSAL
#define HTTP_ERROR(symbol, status, code, when) "| " #status " | " code " | " when " |",
#include "edge/codec/http_error.def"
#undef HTTP_ERROR
	};
	char line[LINE_BYTES_MAX];
	FILE *page = fopen(PAGE, "re");
	bool inside = false;
	size_t found = 0;

	(void)state;
	assert_non_null(page);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_page_has(rows[i]);
	while (fgets(line, sizeof(line), page) != NULL) {
		if (line[0] == '#')
			inside = strcmp(line, "### Errors\n") == 0;
		found += inside && strncmp(line, "| ", 2) == 0 && line[2] >= '0' && line[2] <= '9';
	}
	fclose(page);
	assert_int_equal(found, sizeof(rows) / sizeof(rows[0]));
}

static void close_codes_are_those_of_the_page(void **state)
{
	static const char *const rows[] = {
#define REASON(symbol, code, name, text) "| " #code " | " name " | " text " |",
#include "edge/codec/close_reason.def"
#undef REASON
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strncmp(rows[i], "| 0 ", 4) != 0) /* no close frame */
			assert_page_has(rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_those_of_the_page),
		cmocka_unit_test(every_type_has_a_vector),
		cmocka_unit_test(sessions_are_those_of_the_page),
		cmocka_unit_test(frames_are_those_of_the_page),
		cmocka_unit_test(refusals_are_those_of_the_page),
		cmocka_unit_test(errors_are_those_of_the_page),
		cmocka_unit_test(features_are_those_of_the_page),
		cmocka_unit_test(close_codes_are_those_of_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
