/*
 * test_inside_frame.c - what a client says while nobody knows yet how much of a frame it was sent.
 *
 * The real worker over a simulated ring; the test plays the writer and the client. In the turn that
 * counts the ring does what a real one may: the client's bytes come in after the worker's look, a
 * submit in the middle of the turn receives them, and only the next one sends the frame, of which
 * the socket takes a part. So the worker hears of the client's words first, and of the part behind
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/codec/message.h"
#include "edge/worker/worker.h"
#include "edge/codec/ws_frame.h"
#include "edge/conn/fanout.h"
#include "edge/mail/mail.h"
#include "engine/room_log.h"
#include "tests/sim/ring_sim.h"

#define MAIL_MAX    64
#define SLOTS       32
#define QUEUE_BYTES 256
#define FRAME_BYTES 3000 /* payload: many times what the socket takes at once */
#define TURN_NS     (10 * NS_PER_MS)
#define LATE_NS     (1000 * NS_PER_SEC) /* no receive comes by itself */
#define HEARD_MAX   64
#define FACE_AROUND 7 /* of a message `board`, beside its text */
#define BOARDS      (SUBS_PER_CONN_MAX + 1)
#define TURNS       200 /* of patience, and a second behind the frame */

/* What the client heard: opcode and length of each frame, in order. */
struct heard {
	enum ws_opcode opcode;
	size_t len;
};

struct scene {
	struct net_sim *net;
	struct net_end *client;
	struct room rooms_made[BOARDS]; /* of one log, and of one face */
	struct face face;
	struct rooms rooms;
	struct worker_shared shared;
	struct worker *worker;
	struct spsc *requests, *answers;
	struct ws_parser ws;
	struct heard heard[HEARD_MAX];
	unsigned heard_len;
	size_t piece_len; /* of the frame that is being read */
	bool upgraded, ended;
};

static void wake_nobody(void *arg)
{
	(void)arg;
}

static struct now scene_now(void)
{
	return (struct now){.mono_ns = ring_sim_now_ns(), .wall_ms = 1500000000000ULL};
}

/* --- the writer ------------------------------------------------------------------------------- */

static void writer_turn(struct scene *s)
{
	const struct mail_request *q;

	while ((q = spsc_peek(s->requests)) != NULL) {
		struct mail_answer *a = spsc_push(s->answers);
		struct room_log *log = atomic_load(&s->rooms_made[0].logs[0]);

		assert_int_equal(q->head.type, MAIL_SUBSCRIBE);
		*a = (struct mail_answer){.head = {.client = q->head.client,
						   .board = q->head.board,
						   .type = MAIL_SUBSCRIBED},
					  .subscribed = {.request = q->subscribe.request,
							 .cursor = room_log_head(log)}};
		spsc_pop(s->requests);
	}
	(void)spsc_publish(s->answers);
}

static void frame_of(struct scene *s, size_t len)
{
	struct room_log *log = atomic_load(&s->rooms_made[0].logs[0]);
	uint8_t *at = room_log_reserve(log, WS_HEAD_BYTES_MAX + len);
	size_t head;

	assert_non_null(at);
	head = ws_head_write(at, true, WS_BINARY, len);
	memset(at + head, 0xaa, len);
	room_log_commit(log, head + len, room_log_last(log) + 1, room_log_last(log) + 1);
}

static void frame_append(struct scene *s)
{
	frame_of(s, FRAME_BYTES);
}

/* --- the client ------------------------------------------------------------------------------- */

static void client_frame(struct scene *s, enum ws_opcode opcode, const void *payload, size_t len)
{
	uint8_t bytes[WS_HEAD_BYTES_MAX + MESSAGE_IN_BYTES_MAX];
	uint8_t copy[MESSAGE_IN_BYTES_MAX];
	static const uint8_t mask[4] = {1, 2, 3, 4};
	size_t head;

	memcpy(copy, payload, len);
	head = ws_head_write_masked(bytes, true, opcode, mask, copy, len);
	memcpy(bytes + head, copy, len);
	assert_int_equal(net_sim_send(s->client, bytes, head + len), head + len);
}

static void client_say(struct scene *s, const struct message *m)
{
	uint8_t bytes[MESSAGE_IN_BYTES_MAX];

	client_frame(s, WS_BINARY, bytes, message_encode_client(m, bytes));
}

static void client_subscribe(struct scene *s, unsigned board)
{
	struct message m = {.type = MSG_SUBSCRIBE};

	snprintf(m.subscribe.board, sizeof(m.subscribe.board), "%s", s->rooms_made[board].name);
	client_say(s, &m);
}

static void frames_hear(struct scene *s, uint8_t *at, size_t len)
{
	while (len > 0) {
		struct ws_piece p;
		size_t used;
		enum ws_result result = ws_parse(&s->ws, at, len, &used, &p);

		assert_int_not_equal(result, WS_BAD);
		at += used;
		len -= used;
		if (result != WS_PIECE)
			continue;
		for (size_t i = 0; i < p.len && s->piece_len + p.len > 1000; i++)
			assert_int_equal(p.data[i], 0xaa); /* nothing stands inside the large one */
		s->piece_len += p.len;
		if (!p.ends)
			continue;
		assert_true(s->heard_len < HEARD_MAX);
		s->heard[s->heard_len++] = (struct heard){p.opcode, s->piece_len};
		s->piece_len = 0;
	}
}

static void client_turn(struct scene *s)
{
	uint8_t bytes[QUEUE_BYTES];
	bool hears = s->client != NULL && !s->ended;
	int64_t n = hears ? net_sim_recv(s->client, bytes, sizeof(bytes)) : -1;
	uint8_t *end;

	s->ended |= n == 0;
	if (n <= 0)
		return;
	if (s->upgraded) {
		frames_hear(s, bytes, (size_t)n);
		return;
	}
	end = memmem(bytes, (size_t)n, "\r\n\r\n", 4);
	assert_non_null(end);
	assert_memory_equal(bytes, "HTTP/1.1 101", 12);
	s->upgraded = true;
	frames_hear(s, end + 4, (size_t)(bytes + n - end - 4));
}

/* --- the scene -------------------------------------------------------------------------------- */

static void worker_run(struct scene *s)
{
	ring_sim_advance(TURN_NS);
	(void)worker_turn(s->worker, scene_now());
	writer_turn(s);
}

static void turns(struct scene *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		worker_run(s);
		client_turn(s);
	}
}

static void client_upgrade_send(struct scene *s)
{
	static const char request[] = "GET /ws HTTP/1.1\r\nHost: sim\r\nConnection: Upgrade\r\n"
				      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
				      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

	assert_int_equal(net_sim_send(s->client, request, sizeof(request) - 1),
			 sizeof(request) - 1);
}

static void client_connect(struct scene *s)
{
	turns(s, 1); /* accepts are armed */
	s->client = net_sim_connect(s->net, s->shared.listeners[0].fd, 0x7f000001u, QUEUE_BYTES);
	turns(s, 2);
	ws_parser_init(&s->ws, WS_FROM_SERVER, 1 << 20);
	s->upgraded = false;
}

static void client_upgrade(struct scene *s)
{
	client_connect(s);
	/* from the WebSocket's first receive on only submits receive */
	ring_sim_faults_set(&(struct ring_sim_faults){
		.recv_early = 1000, .submit_early = 1000, .delay_ns_max = LATE_NS});
	client_upgrade_send(s);
	turns(s, 3);
	assert_true(s->upgraded);
}

static void worker_make(struct scene *s)
{
	struct worker_config config;

	s->shared = (struct worker_shared){
		.rooms = &s->rooms,
		.admin_token = "sim-admin-token-0",
		.listeners = {{.fd = net_sim_listen(s->net, 80, 4)}},
		.listener_count = 1,
		.worker_count = 1,
		.clients_max = SLOTS,
		.limits = {.round_interval_ns = TURN_NS,
			   .http_head_timeout_ms = 10000,
			   .http_idle_timeout_ms = 10000,
			   .ws_idle_timeout_ms = 100000},
	};
	config = (struct worker_config){.shared = &s->shared,
					.rings = 1,
					.slots_per_ring = SLOTS,
					.recv_bufs = 16,
					.requests = s->requests,
					.answers = s->answers,
					.answers_max = MAIL_MAX,
					.wake_writer = wake_nobody};
	assert_int_equal(worker_new(&config, scene_now(), &s->worker), 0);
}

static int scene_begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct room_log *log;

	assert_non_null(s);
	s->net = net_sim_new();
	ring_sim_begin(s->net, NULL, 1);
	assert_int_equal(room_log_new(1 << 16, 64, 1, &log), 0);
	room_log_start(log, 0);
	room_log_count(log, &s->rooms.frames);
	s->face = (struct face){
		.version = 1, .width = 100, .height = 100, .bits = 4, .json = "{}", .json_len = 2};
	for (unsigned i = 0; i < BOARDS; i++) {
		struct room *room = &s->rooms_made[i];

		snprintf(room->name, sizeof(room->name), "board%u", i);
		room->number = (uint16_t)i;
		atomic_store(&room->face, &s->face);
		atomic_store(&room->logs[0], log);
		s->rooms.at[i] = room;
	}
	s->rooms.end = BOARDS;
	assert_int_equal(spsc_new(MAIL_MAX, sizeof(struct mail_request), &s->requests), 0);
	assert_int_equal(spsc_new(MAIL_MAX, sizeof(struct mail_answer), &s->answers), 0);
	worker_make(s);
	client_upgrade(s);
	client_subscribe(s, 0);
	turns(s, 4);
	assert_int_equal(s->heard_len, 2); /* subscribed, board */
	s->heard_len = 0;
	*state = s;
	return 0;
}

static int scene_end(void **state)
{
	struct scene *s = *state;

	worker_free(s->worker);
	net_sim_close(s->client);
	ring_sim_end();
	net_sim_free(s->net);
	room_log_free(atomic_load(&s->rooms_made[0].logs[0]));
	spsc_free(s->requests);
	spsc_free(s->answers);
	free(s);
	return 0;
}

static void heard_is(const struct scene *s, unsigned at, enum ws_opcode opcode, size_t len)
{
	assert_true(at < s->heard_len);
	assert_int_equal(s->heard[at].opcode, opcode);
	assert_int_equal(s->heard[at].len, len);
}

/* --- what must hold --------------------------------------------------------------------------- */

static void close_frame_waits_for_the_end_of_the_frame(void **state)
{
	struct scene *s = *state;

	frame_append(s);
	client_frame(s, WS_CLOSE, "\x03\xe8", 2);
	worker_run(s); /* received, then sent: in part */
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 2);
	heard_is(s, 0, WS_BINARY, FRAME_BYTES);
	assert_int_equal(s->heard[1].opcode, WS_CLOSE);
	assert_int_equal(s->ws.close_code, 1000);
}

static void end_for_a_reason_of_ours_waits_too(void **state)
{
	struct scene *s = *state;

	frame_append(s);
	client_frame(s, (enum ws_opcode)3, "", 0);
	worker_run(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 2);
	heard_is(s, 0, WS_BINARY, FRAME_BYTES);
	assert_int_equal(s->heard[1].opcode, WS_CLOSE);
	assert_int_equal(s->ws.close_code, 1002);
}

static void end_is_not_followed_by_another_frame(void **state)
{
	struct scene *s = *state;

	frame_append(s);
	client_frame(s, WS_CLOSE, "\x03\xe8", 2);
	worker_run(s);
	frame_append(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 2);
	assert_int_equal(s->heard[1].opcode, WS_CLOSE);
}

/* 3,000 bytes are no long frame: who takes nothing is cut after two seconds and little more. */
static void who_takes_nothing_is_cut(void **state)
{
	struct scene *s = *state;

	frame_append(s);
	client_frame(s, WS_CLOSE, "\x03\xe8", 2);
	worker_run(s);
	ring_sim_faults_set(&(struct ring_sim_faults){0});
	for (unsigned i = 0; i < 300; i++)
		worker_run(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 0);
	assert_true(s->ended);
}

static void unsubscribe_leaves_the_frame_whole(void **state)
{
	struct scene *s = *state;

	frame_append(s);
	client_say(s, &(struct message){.type = MSG_UNSUBSCRIBE, .request = 7});
	client_frame(s, WS_PING, "", 0);
	worker_run(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 2);
	heard_is(s, 0, WS_BINARY, FRAME_BYTES);
	heard_is(s, 1, WS_PONG, 0);

	frame_append(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 2);
	assert_int_equal(worker_left(s->worker).subs, 0);
}

/* The one that ends finishes its frame; the new one begins behind it. */
static void subscribing_again_at_once_is_answered_behind_the_frame(void **state)
{
	struct scene *s = *state;

	frame_append(s);
	client_say(s, &(struct message){.type = MSG_UNSUBSCRIBE, .request = 7});
	client_subscribe(s, 0);
	worker_run(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 3);
	heard_is(s, 0, WS_BINARY, FRAME_BYTES);
	assert_int_not_equal(s->heard[1].len, FRAME_BYTES);
	heard_is(s, 2, WS_BINARY, FACE_AROUND + 2);
	assert_int_equal(worker_left(s->worker).subs, 1);

	frame_append(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 4);
	heard_is(s, 3, WS_BINARY, FRAME_BYTES);
}

/* A send that is on its way is no reason to refuse: the socket may have taken all of it. */
static void unsubscribe_is_not_refused_when_all_was_taken(void **state)
{
	struct scene *s = *state;

	frame_of(s, 10);
	client_say(s, &(struct message){.type = MSG_UNSUBSCRIBE, .request = 7});
	worker_run(s);
	turns(s, 4);
	frame_append(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 1);
	heard_is(s, 0, WS_BINARY, 10);
	assert_int_equal(worker_left(s->worker).subs, 0);
}

/* Whoever is at the limit leaves a board and goes to another one in one breath. */
static void a_board_that_was_left_counts_no_more(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 1; i < SUBS_PER_CONN_MAX; i++) {
		client_subscribe(s, i);
		turns(s, 4);
	}
	assert_int_equal(worker_left(s->worker).subs, SUBS_PER_CONN_MAX);
	frame_of(s, 10);
	client_say(s, &(struct message){.type = MSG_UNSUBSCRIBE, .unsubscribe_board = 0});
	client_subscribe(s, SUBS_PER_CONN_MAX);
	worker_run(s);
	turns(s, 8);
	assert_int_equal(worker_closed(s->worker, CLOSE_TOO_MANY), 0);
	assert_int_equal(worker_left(s->worker).subs, SUBS_PER_CONN_MAX);
}

/* It stood inside a frame once, and does not now: only a pong is on its way. */
static void unsubscribe_is_not_refused_for_a_frame_that_is_over(void **state)
{
	struct scene *s = *state;

	frame_append(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 1);
	heard_is(s, 0, WS_BINARY, FRAME_BYTES);
	client_frame(s, WS_PING, "a", 1);
	worker_run(s);
	client_say(s, &(struct message){.type = MSG_UNSUBSCRIBE, .request = 7});
	turns(s, 10);
	assert_int_equal(s->heard_len, 2);
	heard_is(s, 1, WS_PONG, 1);
	assert_int_equal(worker_left(s->worker).subs, 0);
}

/* All at once they are many times an out buffer: who waits for them is none that does not read. */
static void long_faces_wait_until_there_is_room(void **state)
{
	static char text[FACE_JSON_BYTES_MAX];
	struct scene *s = *state;
	unsigned faces = 0;

	memset(text, 0xaa, sizeof(text));
	s->face.json = text;
	s->face.json_len = sizeof(text);
	for (unsigned i = 1; i < SUBS_PER_CONN_MAX; i++)
		client_subscribe(s, i);
	worker_run(s);
	for (unsigned i = 0; i < 100 && s->heard_len < 2 * (SUBS_PER_CONN_MAX - 1); i++)
		turns(s, TURNS);
	assert_int_equal(s->heard_len, 2 * (SUBS_PER_CONN_MAX - 1));
	for (unsigned i = 0; i < s->heard_len; i++)
		faces += s->heard[i].len == FACE_AROUND + sizeof(text);
	assert_int_equal(faces, SUBS_PER_CONN_MAX - 1);
	assert_int_equal(worker_left(s->worker).subs, SUBS_PER_CONN_MAX);
}

/* The one who left does not hear of the board any more, and nothing is left of what was due. */
static void a_face_that_waits_ends_with_its_subscription(void **state)
{
	static char text[FACE_JSON_BYTES_MAX];
	struct scene *s = *state;

	memset(text, 0xaa, sizeof(text));
	s->face.json = text;
	s->face.json_len = sizeof(text);
	for (unsigned i = 1; i < 6; i++)
		client_subscribe(s, i);
	worker_run(s);
	turns(s, 4);
	for (uint16_t i = 1; i < 6; i++)
		client_say(s, &(struct message){.type = MSG_UNSUBSCRIBE, .unsubscribe_board = i});
	worker_run(s);
	for (unsigned i = 0; i < 10; i++)
		turns(s, TURNS);
	assert_int_equal(worker_left(s->worker).subs, 1);
	assert_in_range(s->heard_len, 5, 9); /* and two or so of the faces */

	s->heard_len = 0;
	client_frame(s, WS_PING, "", 0);
	worker_run(s);
	turns(s, TURNS);
	assert_int_equal(s->heard_len, 1);
	heard_is(s, 0, WS_PONG, 0);
}

static void a_handshake_behind_another_request_is_heard(void **state)
{
	static const char requests[] = "GET /healthz HTTP/1.1\r\nHost: sim\r\n\r\n"
				       "GET /ws HTTP/1.1\r\nHost: sim\r\nConnection: Upgrade\r\n"
				       "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
				       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	struct scene *s = *state;
	struct net_end *first = s->client;
	uint8_t bytes[2048];
	uint64_t heard;

	ring_sim_faults_set(&(struct ring_sim_faults){0});
	s->client = net_sim_connect(s->net, s->shared.listeners[0].fd, 0x7f000001u, sizeof(bytes));
	for (int i = 0; i < 3; i++)
		worker_run(s);
	assert_int_equal(net_sim_send(s->client, requests, sizeof(requests) - 1),
			 sizeof(requests) - 1);
	for (int i = 0; i < 20; i++) {
		worker_run(s);
		(void)net_sim_recv(s->client, bytes, sizeof(bytes));
	}
	heard = worker_metrics(s->worker)->messages_in;
	client_subscribe(s, 1);
	for (int i = 0; i < 20; i++)
		worker_run(s);
	assert_int_equal(worker_metrics(s->worker)->messages_in, heard + 1);
	net_sim_close(s->client);
	s->client = first;
}

/* The kernel hands each shutdown to a thread of its own: dearer than all else at the end. */
static void who_leaves_first_is_closed_without_a_shutdown(void **state)
{
	struct scene *s = *state;

	struct net_end *first = s->client;

	ring_sim_faults_set(&(struct ring_sim_faults){0});
	client_connect(s);
	client_upgrade_send(s);
	turns(s, 3);
	assert_true(s->upgraded);
	assert_int_equal(worker_left(s->worker).conns, 2);
	assert_int_equal(net_sim_shutdown(s->client, SHUT_WR), 0);
	turns(s, 3);
	assert_true(s->ended);
	assert_int_equal(worker_left(s->worker).conns, 1);
	assert_int_equal(ring_sim_counts()->shutdowns, 0);
	net_sim_close(s->client);
	s->client = first;
}

/* Who is told that its head took too long may be in the midst of sending it: then a receive and a
 * send end together. */
static void slow_head_whose_answer_is_stuck_is_released(void **state)
{
	struct scene *s = *state;
	struct net_end *slow;

	ring_sim_faults_set(&(struct ring_sim_faults){0});
	turns(s, 1);
	slow = net_sim_connect(s->net, s->shared.listeners[0].fd, 0x7f000002u, QUEUE_BYTES);
	turns(s, 2);
	assert_int_equal(net_sim_send(slow, "GET /", 5), 5);
	turns(s, 2);
	assert_int_equal(worker_left(s->worker).conns, 2);

	ring_sim_faults_set(&(struct ring_sim_faults){.delay_ns_max = LATE_NS});
	turns(s, 10000 * NS_PER_MS / TURN_NS + TURNS); /* the answer is on its way, and not gone */
	ring_sim_faults_set(&(struct ring_sim_faults){0});
	turns(s, 10000 * NS_PER_MS / TURN_NS + TURNS);
	assert_int_equal(worker_left(s->worker).conns, 1);
	net_sim_close(slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(close_frame_waits_for_the_end_of_the_frame,
						scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(end_for_a_reason_of_ours_waits_too, scene_begin,
						scene_end),
		cmocka_unit_test_setup_teardown(end_is_not_followed_by_another_frame, scene_begin,
						scene_end),
		cmocka_unit_test_setup_teardown(who_takes_nothing_is_cut, scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(unsubscribe_leaves_the_frame_whole, scene_begin,
						scene_end),
		cmocka_unit_test_setup_teardown(
			subscribing_again_at_once_is_answered_behind_the_frame, scene_begin,
			scene_end),
		cmocka_unit_test_setup_teardown(unsubscribe_is_not_refused_when_all_was_taken,
						scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(a_board_that_was_left_counts_no_more, scene_begin,
						scene_end),
		cmocka_unit_test_setup_teardown(unsubscribe_is_not_refused_for_a_frame_that_is_over,
						scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(who_leaves_first_is_closed_without_a_shutdown,
						scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(long_faces_wait_until_there_is_room, scene_begin,
						scene_end),
		cmocka_unit_test_setup_teardown(a_face_that_waits_ends_with_its_subscription,
						scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(a_handshake_behind_another_request_is_heard,
						scene_begin, scene_end),
		cmocka_unit_test_setup_teardown(slow_head_whose_answer_is_stuck_is_released,
						scene_begin, scene_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
