/*
 * test_ws_wslay.c - libwslay as an independent peer, on random streams and on damaged ones.
 *
 * One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <wslay/wslay.h>

#include "edge/codec/ws_frame.h"
#include "tests/ws_stream.h"

static struct transcript whole;

struct wslay_feed {
	const struct stream *s;
	size_t at;
	struct transcript *t;
};

static ssize_t wslay_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags,
			  void *user)
{
	struct wslay_feed *f = user;
	size_t n = f->s->len - f->at < len ? f->s->len - f->at : len;

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(buf, f->s->bytes + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static void wslay_told(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *msg,
		       void *user)
{
	struct wslay_feed *f = user;

	(void)ctx;
	tell(f->t, (enum ws_opcode)msg->opcode, msg->msg, msg->msg_length);
}

/* What wslay makes of the stream; the code with which it would fail it. */
static unsigned wslay_parse(const struct stream *s, struct transcript *t)
{
	static const struct wslay_event_callbacks callbacks = {.recv_callback = wslay_recv,
							       .on_msg_recv_callback = wslay_told};
	struct wslay_feed f = {.s = s, .t = t};
	wslay_event_context_ptr ctx;
	unsigned code = 0;

	t->len = 0;
	t->text[0] = 0;
	assert_int_equal(wslay_event_context_server_init(&ctx, &callbacks, &f), 0);
	wslay_event_config_set_max_recv_msg_length(ctx, 1000);
	(void)wslay_event_recv(ctx);
	/* A frame that it refuses makes it queue a close of its own and read no more. */
	if (!wslay_event_want_read(ctx) && !wslay_event_get_close_received(ctx))
		code = wslay_event_get_status_code_sent(ctx) == 0
			       ? 1
			       : wslay_event_get_status_code_sent(ctx);
	wslay_event_context_free(ctx);
	return code;
}

static const char *const texts[] = {"plain", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac\xf0\x9f\x8e\xa8",
				    ""};

static void add_random_message(struct stream *s)
{
	static const enum ws_opcode controls[] = {WS_PING, WS_PONG};
	uint8_t payload[300];
	size_t len = random_below(300);
	bool text = random_below(2) == 0;
	enum ws_opcode opcode = text ? WS_TEXT : WS_BINARY;

	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)random_below(256);
	if (text) {
		const char *chosen = texts[random_below(4)];

		len = strlen(chosen);
		memcpy(payload, chosen, len);
	}
	for (size_t at = 0;; opcode = WS_CONTINUATION) {
		size_t part = random_below((uint32_t)(len - at) + 1);
		bool fin = random_below(3) == 0;

		part = fin ? len - at : part;
		add_frame(s, fin, opcode, payload + at, part);
		at += part;
		if (random_below(4) == 0)
			add_frame(s, true, controls[random_below(2)], payload, len % 126);
		if (fin)
			return;
	}
}

static void random_stream(struct stream *s)
{
	s->len = 0;
	for (uint32_t n = random_below(8) + 1; n > 0 && s->len < STREAM_BYTES_MAX / 2; n--)
		add_random_message(s);
	if (random_below(3) == 0)
		add_frame(s, true, WS_CLOSE, "\x03\xe9going", 7);
}

static void random_streams_read_as_wslay_reads_them(void **state)
{
	static struct transcript theirs;
	static struct stream s;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		random_stream(&s);
		parse_whole(&s, &whole);
		assert_int_equal(wslay_parse(&s, &theirs), 0);
		assert_string_equal(whole.text, theirs.text);
	}
}

/* Any byte changed: where wslay refuses, so do we; what both accept is the same. */
static void damaged_streams_are_refused_where_wslay_refuses(void **state)
{
	static struct transcript theirs;
	static struct stream s;
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < 6000; round++) {
		bool we_refuse, they_refuse;

		random_stream(&s);
		s.bytes[random_below((uint32_t)s.len)] ^= (uint8_t)(1u << random_below(8));
		parse_whole(&s, &whole);
		we_refuse = strstr(whole.text, "bad") != NULL;
		they_refuse = wslay_parse(&s, &theirs) != 0;
		if (they_refuse && !we_refuse)
			fail_msg("only wslay refuses: %s", theirs.text);
		if (!we_refuse)
			assert_string_equal(whole.text, theirs.text);
		refused += we_refuse;
	}
	assert_in_range(refused, 100, 5900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_streams_read_as_wslay_reads_them),
		cmocka_unit_test(damaged_streams_are_refused_where_wslay_refuses),
	};

	seed_random();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
