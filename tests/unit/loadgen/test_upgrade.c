/*
 * test_upgrade.c - the client's side of the handshake; the server's own head parser reads the
 * request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edge/codec/http_head.h"
#include "edge/codec/ws_frame.h"
#include "tools/loadgen/net/upgrade.h"

/* The answer to the key of `random`: every @ in the text is replaced by the right accept value. */
static int check(const char *text, uint64_t random)
{
	char key[UPGRADE_KEY_CHARS];
	char accept[WS_ACCEPT_CHARS + 1] = {0};
	char head[1024];
	const char *why;
	size_t len = 0;

	upgrade_key(random, key);
	ws_accept_key(key, accept);
	for (; *text != '\0'; text++)
		len += (size_t)snprintf(head + len, sizeof(head) - len, "%.*s",
					*text == '@' ? 28 : 1, *text == '@' ? accept : text);
	assert_int_equal(upgrade_head_bytes((const uint8_t *)head, len), len);
	return upgrade_check((const uint8_t *)head, len, &upgrade_of_pixeld, random, &why);
}

static void request_is_read_by_the_servers_parser(void **state)
{
	char out[UPGRADE_REQUEST_BYTES_MAX];
	struct http_head head;
	struct target target;
	const char *why;
	size_t len;

	(void)state;
	assert_int_equal(target_parse("ws://localhost:8080/ws", &target, &why), 0);
	len = upgrade_write(&target, &upgrade_of_pixeld, 77, out, sizeof(out));
	assert_int_equal(http_head_end((const uint8_t *)out, len, 0), len);
	assert_int_equal(http_head_parse((const uint8_t *)out, len, &head, &why), 0);
	assert_true(head.upgrade_websocket && head.connection_upgrade);
	assert_true(span_equals(head.ws_version, "13"));
	assert_true(span_equals(head.ws_protocol.value, "pixeld.v1"));
	assert_true(span_equals(head.host, "localhost:8080"));
	assert_int_equal(head.ws_key.len, UPGRADE_KEY_CHARS);
}

static void right_answer_is_taken(void **state)
{
	(void)state;
	assert_int_equal(
		check("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
		      "Upgrade\r\n"
		      "Sec-WebSocket-Accept: @\r\nSec-WebSocket-Protocol: pixeld.v1\r\n\r\n",
		      1),
		0);
	assert_int_equal(check("HTTP/1.1 101 \r\nx: y\r\nSEC-WEBSOCKET-PROTOCOL:pixeld.v1\r\n"
			       "sec-websocket-accept:  @ \r\nconnection: upgrade\r\nupgrade: "
			       "WebSocket\r\n\r\n",
			       2),
			 0);
}

static void wrong_answers_are_refused(void **state)
{
	static const char *const wrong[] = {
		"HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\nSec-WebSocket-Accept: @\r\n"
		"Sec-WebSocket-Protocol: pixeld.v1\r\n\r\n",
		"HTTP/1.1 101 x\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: @\r\n"
		"Sec-WebSocket-Protocol: pixeld.v1\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: @\r\n"
		"Sec-WebSocket-Protocol: pixeld.v1\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\nSec-WebSocket-Accept: @A\r\n"
		"Sec-WebSocket-Protocol: pixeld.v1\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
		"Sec-WebSocket-Protocol: pixeld.v1\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\nSec-WebSocket-Accept: @\r\n"
		"Sec-WebSocket-Protocol: chat\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\nSec-WebSocket-Accept: @\r\n"
		"Sec-WebSocket-Protocol: pixeld.v1\r\nSec-WebSocket-Extensions: "
		"permessage-deflate\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nUpgrade: websocket\r\nConnection: "
		"Upgrade\r\n"
		"Sec-WebSocket-Accept: @\r\nSec-WebSocket-Protocol: pixeld.v1\r\n\r\n",
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(check(wrong[i], i), -EBADMSG);
}

static void answer_to_another_key_is_refused(void **state)
{
	static const char head[] = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				   "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
				   "Sec-WebSocket-Protocol: pixeld.v1\r\n\r\n";
	const char *why = NULL;

	(void)state;
	assert_int_equal(
		upgrade_check((const uint8_t *)head, sizeof(head) - 1, &upgrade_of_pixeld, 3, &why),
		-EBADMSG);
	assert_non_null(why);
}

static void half_a_head_is_not_there_yet(void **state)
{
	static const char head[] = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n";

	(void)state;
	for (size_t len = 0; len < sizeof(head) - 1; len++)
		assert_int_equal(upgrade_head_bytes((const uint8_t *)head, len), 0);
	assert_int_equal(upgrade_head_bytes((const uint8_t *)head, sizeof(head) - 1),
			 sizeof(head) - 1);
}

/* --- other servers --- */

static const char foreign_head[] =
	"HTTP/1.1 101 x\r\nupgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\n"
	"Sec-WebSocket-Accept: %.28s\r\n%s\r\n";

/* Whether an answer with this further field is taken by somebody who asked so. */
static int foreign_check(const char *protocols, const char *field)
{
	const struct upgrade_ask ask = {.protocols = protocols, .fields = ""};
	char key[UPGRADE_KEY_CHARS], accept[WS_ACCEPT_CHARS], head[512];
	const char *why;
	int len;

	upgrade_key(9, key);
	ws_accept_key(key, accept);
	len = snprintf(head, sizeof(head), foreign_head, accept, field);
	return upgrade_check((const uint8_t *)head, (size_t)len, &ask, 9, &why);
}

static void another_server_answers_in_its_own_way(void **state)
{
	(void)state;
	assert_int_equal(foreign_check(NULL, ""), 0);
	assert_int_equal(foreign_check(NULL, "Sec-WebSocket-Protocol: chat\r\n"), -EBADMSG);
	assert_int_equal(foreign_check("chat", "Sec-WebSocket-Protocol: chat\r\n"), 0);
	assert_int_equal(foreign_check("a, chat ,b", "Sec-WebSocket-Protocol: chat\r\n"), 0);
	assert_int_equal(foreign_check("a, b", "Sec-WebSocket-Protocol: chat\r\n"), -EBADMSG);
	assert_int_equal(foreign_check("chat", ""), -EBADMSG);
	assert_int_equal(foreign_check(NULL, "Sec-WebSocket-Extensions: x\r\n"), -EBADMSG);
}

static void fields_asked_for_stand_in_the_request(void **state)
{
	struct upgrade_ask ask = {
		.protocols = "a, b", .fields = "X-One: 1\r\nHost: h\r\n", .has_host = true};
	struct target target;
	const char *why;
	char out[512];
	size_t len;

	(void)state;
	assert_int_equal(target_parse("ws://127.0.0.1:1/p", &target, &why), 0);
	len = upgrade_write(&target, &ask, 1, out, sizeof(out));
	out[len] = '\0';
	assert_non_null(strstr(out, "Sec-WebSocket-Protocol: a, b\r\n"));
	assert_non_null(strstr(out, "\r\nX-One: 1\r\nHost: h\r\n\r\n"));
	assert_null(strstr(out, "127.0.0.1"));
	assert_int_equal(upgrade_write(&target, &ask, 1, out, 50), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_read_by_the_servers_parser),
		cmocka_unit_test(right_answer_is_taken),
		cmocka_unit_test(wrong_answers_are_refused),
		cmocka_unit_test(answer_to_another_key_is_refused),
		cmocka_unit_test(half_a_head_is_not_there_yet),
		cmocka_unit_test(another_server_answers_in_its_own_way),
		cmocka_unit_test(fields_asked_for_stand_in_the_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
