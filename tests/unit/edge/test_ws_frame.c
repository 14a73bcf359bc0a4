/*
 * test_ws_frame.c - frames at any split, and every rule of RFC 6455 broken once. One thread.
 *
 * test_ws_wslay.c has libwslay as an independent peer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/codec/ws_frame.h"
#include "tests/ws_stream.h"

static struct transcript whole, cut;

static void sample(struct stream *s)
{
	static const uint8_t bytes[300] = {1, 2, 3, 255};

	s->len = 0;
	add_frame(s, true, WS_TEXT, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x8e\xa8", 11);
	add_frame(s, false, WS_BINARY, bytes, 130);
	add_frame(s, true, WS_PING, "are you there", 13);
	add_frame(s, false, WS_CONTINUATION, bytes, 0);
	add_frame(s, true, WS_CONTINUATION, bytes, 5);
	add_frame(s, true, WS_BINARY, bytes, 0);
	add_frame(s, false, WS_TEXT, "\xe2\x82", 2);
	add_frame(s, true, WS_PONG, "", 0);
	add_frame(s, true, WS_CONTINUATION, "\xac", 1);
	add_frame(s, true, WS_CLOSE, "\x03\xe8 bye \xe2\x82\xac", 10);
	add_frame(s, true, WS_TEXT, "dropped", 7);
}

static void frame_split_anywhere_gives_same_message(void **state)
{
	static struct stream s;

	(void)state;
	sample(&s);
	parse_whole(&s, &whole);
	assert_null(strstr(whole.text, "bad"));
	assert_non_null(strstr(whole.text, "1:6772c3bcc39f20f09f8ea8\n9:"));
	assert_non_null(strstr(whole.text, "\n2:\n10:\n1:e282ac\n8:03e82062796520e282ac\n"));
	for (size_t first = 0; first <= s.len; first++)
		for (size_t second = first; second <= s.len; second++) {
			parse_cut(&s, WS_FROM_CLIENT, 1000, first, second, &cut);
			assert_string_equal(cut.text, whole.text);
		}
}

static void bytes_fed_one_by_one_give_same_message(void **state)
{
	static struct stream s;
	struct ws_parser p;

	(void)state;
	sample(&s);
	parse_whole(&s, &whole);
	ws_parser_init(&p, WS_FROM_CLIENT, 1000);
	cut.len = 0;
	for (size_t i = 0; i < s.len; i++)
		assert_true(feed(&p, s.bytes + i, 1, &cut));
	assert_string_equal(cut.text, whole.text);
	assert_int_equal(p.close_code, 1000);
}

struct violation {
	const char *what;
	const char *hex; /* the stream, masked with zeros where masked */
	unsigned code;
};

/* Client frames, limit of 1,000 bytes a message. The last byte is the one that is wrong. */
static const struct violation violations[] = {
	{"unmasked", "8200", 1002},
	{"unmasked ping", "8900", 1002},
	{"rsv1", "c280", 1002},
	{"rsv2", "a280", 1002},
	{"rsv3", "9280", 1002},
	{"rsv on a control frame", "c980", 1002},
	{"opcode 3", "8380", 1002},
	{"opcode 7", "8780", 1002},
	{"opcode 11", "8b80", 1002},
	{"opcode 15", "8f80", 1002},
	{"ping of 126", "89fe", 1002},
	{"close with a 64-bit length", "88ff", 1002},
	{"fragmented ping", "0980", 1002},
	{"fragmented close", "0880", 1002},
	{"close with 1 byte", "8881", 1002},
	{"125 in 16 bits", "82fe007d", 1002},
	{"0 in 16 bits", "82fe0000", 1002},
	{"65535 in 64 bits", "82ff000000000000ffff", 1002},
	{"126 in 64 bits", "82ff000000000000007e", 1002},
	{"2^63", "82ff8000000000000000", 1002},
	{"all bits of a length", "82ffffffffffffffffff", 1002},
	{"continuation without a message", "8080", 1002},
	{"continuation after a whole message", "828000000000 8080", 1002},
	{"text inside a fragmented one", "028000000000 0180", 1002},
	{"binary inside a fragmented one", "028000000000 8280", 1002},
	{"code 0", "888200000000 0000", 1002},
	{"code 999", "888200000000 03e7", 1002},
	{"code 1004", "888200000000 03ec", 1002},
	{"code 1005", "888200000000 03ed", 1002},
	{"code 1006", "888200000000 03ee", 1002},
	{"code 1015", "888200000000 03f7", 1002},
	{"code 1016", "888200000000 03f8", 1002},
	{"code 2999", "888200000000 0bb7", 1002},
	{"code 5000", "888200000000 1388", 1002},
	{"code 65535", "888200000000 ffff", 1002},
	{"reason with a lone continuation", "888300000000 03e8 80", 1007},
	{"reason that ends early", "888400000000 03e8 e282", 1007},
	{"1001 bytes", "82fe03e9", 1009},
	{"2^63 - 1 bytes", "82ff7fffffffffffffff", 1009},
	{"2^32 bytes", "82ff0000000100000000", 1009},
	{"a fragment too many", "02fe03e7 00000000 %999 0082", 1009},
	{"text: lone continuation", "819000000000 6180", 1007},
	{"text: overlong slash", "819000000000 c0", 1007},
	{"text: c1", "819000000000 c1", 1007},
	{"text: overlong e0", "819000000000 e09f", 1007},
	{"text: surrogate", "819000000000 eda0", 1007},
	{"text: overlong f0", "819000000000 f08f", 1007},
	{"text: above 10ffff", "819000000000 f490", 1007},
	{"text: f5", "819000000000 f5", 1007},
	{"text: fe", "819000000000 fe", 1007},
	{"text: ff", "819000000000 ff", 1007},
	{"text: bad after ten ascii bytes", "819000000000 61616161616161616161 ff", 1007},
	{"text: third byte missing", "819000000000 e28261", 1007},
	{"text: fourth byte missing", "819000000000 f09f8e61", 1007},
	{"text that ends early", "818200000000 e282", 1007},
	{"text that ends early, empty last fragment", "018200000000 e282 808000000000", 1007},
	{"text split inside a character, then wrong", "018200000000 e282 808100000000 61", 1007},
};

static void add_hex(struct stream *s, const char *hex)
{
	for (; *hex != 0; hex++) {
		unsigned byte;

		if (*hex == ' ')
			continue;
		if (*hex == '%') { /* so many zeros */
			size_t zeros = strtoul(hex + 1, NULL, 10);

			memset(s->bytes + s->len, 0, zeros);
			s->len += zeros;
			hex = strchr(hex, ' ');
			continue;
		}
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		s->bytes[s->len++] = (uint8_t)byte;
		hex++;
	}
}

static void every_violation_is_told_at_its_byte(void **state)
{
	static struct stream s;

	(void)state;
	for (size_t i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
		const struct violation *v = &violations[i];
		struct ws_parser p;
		size_t at = 0;

		s.len = 0;
		add_hex(&s, v->hex);
		ws_parser_init(&p, WS_FROM_CLIENT, 1000);
		cut.len = 0;
		while (at < s.len && feed(&p, s.bytes + at, 1, &cut))
			at++;
		if (p.bad_code != v->code || at != s.len - 1)
			fail_msg("%s: code %u at byte %zu of %zu", v->what, p.bad_code, at, s.len);
		assert_non_null(p.bad_text);
	}
}

static void every_violation_is_told_in_one_go(void **state)
{
	static struct stream s;

	(void)state;
	for (size_t i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
		char expected[16];

		s.len = 0;
		add_hex(&s, violations[i].hex);
		parse_whole(&s, &whole);
		snprintf(expected, sizeof(expected), "bad %u", violations[i].code);
		if (strstr(whole.text, expected) == NULL)
			fail_msg("%s: %s", violations[i].what, whole.text);
	}
}

static void masked_frame_from_a_server_is_refused(void **state)
{
	static struct stream s;

	(void)state;
	s.len = 0;
	add_frame(&s, true, WS_BINARY, "x", 1);
	parse_cut(&s, WS_FROM_SERVER, 1000, s.len, s.len, &whole);
	assert_string_equal(whole.text, "bad 1002 masked frame from a server\n");
}

static void message_of_exactly_the_limit_passes(void **state)
{
	static struct stream s;
	static const uint8_t bytes[1000];

	(void)state;
	s.len = 0;
	add_frame(&s, true, WS_BINARY, bytes, 1000);
	add_frame(&s, false, WS_BINARY, bytes, 999);
	add_frame(&s, true, WS_PING, bytes, 125);
	add_frame(&s, true, WS_CONTINUATION, bytes, 1);
	parse_whole(&s, &whole);
	assert_null(strstr(whole.text, "bad"));
}

static void valid_close_codes_pass(void **state)
{
	static const uint16_t codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
					 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
	static struct stream s;

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint8_t payload[2] = {(uint8_t)(codes[i] >> 8), (uint8_t)codes[i]};
		struct ws_parser p;

		s.len = 0;
		add_frame(&s, true, WS_CLOSE, payload, 2);
		ws_parser_init(&p, WS_FROM_CLIENT, 1000);
		cut.len = 0;
		assert_true(feed(&p, s.bytes, s.len, &cut));
		assert_int_equal(p.close_code, codes[i]);
	}
}

static void close_without_code_is_1005(void **state)
{
	static struct stream s;
	struct ws_parser p;

	(void)state;
	s.len = 0;
	add_frame(&s, true, WS_CLOSE, "", 0);
	ws_parser_init(&p, WS_FROM_CLIENT, 1000);
	cut.len = 0;
	assert_true(feed(&p, s.bytes, s.len, &cut));
	assert_string_equal(cut.text, "8:\n");
	assert_int_equal(p.close_code, 1005);
}

static void bytes_after_close_are_dropped(void **state)
{
	static struct stream s;

	(void)state;
	s.len = 0;
	add_frame(&s, true, WS_CLOSE, "", 0);
	add_hex(&s, "ffffffff");
	parse_whole(&s, &whole);
	assert_string_equal(whole.text, "8:\n");
}

static void close_inside_a_text_message_has_its_own_reason(void **state)
{
	static struct stream s;

	(void)state;
	s.len = 0;
	add_frame(&s, false, WS_TEXT, "\xe2\x82", 2);
	add_frame(&s, true, WS_CLOSE, "\x03\xe8ok", 4);
	parse_whole(&s, &whole);
	assert_string_equal(whole.text, "8:03e86f6b\n");
}

/* Decides by the definition: decode, then ask what is forbidden. */
static bool is_utf8(const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len;) {
		unsigned more = in[i] < 0x80 ? 0 : in[i] >> 5 == 6 ? 1 : in[i] >> 4 == 14 ? 2 : 3;
		static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
		uint32_t point = more == 0 ? in[i] : in[i] & (0x3fu >> more);

		if ((in[i] & 0xc0) == 0x80 || in[i] >= 0xf8 || len - i <= more)
			return false;
		for (unsigned k = 1; k <= more; k++) {
			if ((in[i + k] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (in[i + k] & 0x3f);
		}
		if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
			return false;
		i += more + 1;
	}
	return true;
}

static void check_text(const uint8_t *text, size_t len)
{
	static struct stream s;
	bool good = is_utf8(text, len);

	s.len = 0;
	add_frame(&s, true, WS_TEXT, text, len);
	parse_whole(&s, &whole);
	if ((strstr(whole.text, "bad") == NULL) != good)
		fail_msg("%02x %02x %02x %02x: %s", text[0], text[1], text[2], text[3], whole.text);
}

static void utf8_check_agrees_with_the_definition(void **state)
{
	static const uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
					0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
					0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xff};
	enum { EDGES = sizeof(edges) };

	(void)state;
	for (unsigned i = 0; i < EDGES * EDGES * EDGES * EDGES; i++) {
		uint8_t text[4] = {edges[i % EDGES], edges[i / EDGES % EDGES],
				   edges[i / EDGES / EDGES % EDGES],
				   edges[i / EDGES / EDGES / EDGES]};

		check_text(text, 4);
	}
}

static void mask_is_the_same_at_every_alignment(void **state)
{
	static const uint8_t mask[4] = {0x12, 0x80, 0xff, 0x07};
	_Alignas(8) uint8_t bytes[64];

	(void)state;
	for (size_t start = 0; start < 8; start++)
		for (size_t len = 0; len < 40; len++)
			for (unsigned offset = 0; offset < 4; offset++) {
				for (size_t i = 0; i < sizeof(bytes); i++)
					bytes[i] = (uint8_t)(i * 7);
				ws_mask(bytes + start, len, mask, offset);
				for (size_t i = 0; i < sizeof(bytes); i++) {
					bool inside = i >= start && i < start + len;
					uint8_t x = inside ? mask[(i - start + offset) % 4] : 0;

					assert_int_equal(bytes[i], (uint8_t)((uint8_t)(i * 7) ^ x));
				}
			}
}

static void heads_have_the_shortest_length(void **state)
{
	static const struct {
		uint64_t payload;
		size_t head;
	} rows[] = {{0, 2}, {125, 2}, {126, 4}, {65535, 4}, {65536, 10}, {UINT64_MAX / 2, 10}};
	uint8_t out[WS_HEAD_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(ws_head_write(out, true, WS_BINARY, rows[i].payload),
				 rows[i].head);
		assert_int_equal(ws_frame_bytes(out, rows[i].head), rows[i].head + rows[i].payload);
		assert_int_equal(ws_frame_bytes(out, rows[i].head - 1), 0);
	}
}

static void frame_bytes_of_a_hostile_head_do_not_wrap(void **state)
{
	uint8_t head[WS_HEAD_BYTES_MAX];

	(void)state;
	memset(head, 0xff, sizeof(head));
	assert_true(ws_frame_bytes(head, sizeof(head)) == UINT64_MAX);
	assert_int_equal(ws_frame_bytes(head, 13), 0);
}

static void accept_key_is_that_of_the_rfc(void **state)
{
	char out[WS_ACCEPT_CHARS];

	(void)state;
	ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", out);
	assert_memory_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WS_ACCEPT_CHARS);
}

/* What we write as a server is read by our client side; what we write as a client, with
 * add_frame(), is read by wslay in test_ws_wslay.c. */
static void server_frames_read_back(void **state)
{
	static struct stream s;
	static const size_t lens[] = {0, 1, 125, 126, 127, 1000};
	static uint8_t payload[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct transcript *t = &whole;
		size_t head = ws_head_write(s.bytes, true, WS_BINARY, lens[i]);

		memcpy(s.bytes + head, payload, lens[i]);
		s.len = head + lens[i];
		parse_cut(&s, WS_FROM_SERVER, 1000, s.len, s.len, t);
		assert_int_equal(t->data_len, lens[i]);
		assert_memory_equal(t->text, "2:", 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame_split_anywhere_gives_same_message),
		cmocka_unit_test(bytes_fed_one_by_one_give_same_message),
		cmocka_unit_test(every_violation_is_told_at_its_byte),
		cmocka_unit_test(every_violation_is_told_in_one_go),
		cmocka_unit_test(masked_frame_from_a_server_is_refused),
		cmocka_unit_test(message_of_exactly_the_limit_passes),
		cmocka_unit_test(valid_close_codes_pass),
		cmocka_unit_test(close_without_code_is_1005),
		cmocka_unit_test(bytes_after_close_are_dropped),
		cmocka_unit_test(close_inside_a_text_message_has_its_own_reason),
		cmocka_unit_test(utf8_check_agrees_with_the_definition),
		cmocka_unit_test(mask_is_the_same_at_every_alignment),
		cmocka_unit_test(heads_have_the_shortest_length),
		cmocka_unit_test(frame_bytes_of_a_hostile_head_do_not_wrap),
		cmocka_unit_test(accept_key_is_that_of_the_rfc),
		cmocka_unit_test(server_frames_read_back),
	};

	seed_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
