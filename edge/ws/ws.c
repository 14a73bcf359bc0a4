/*
 * ws.c - WebSocket clients of pixeld.v1 and pixeld.v1.json, message by message.
 *
 * Most messages arrive whole in one receive and are decoded in place. Only a message that spans
 * receives, or is fragmented, is assembled in a borrowed input buffer: data at its start, the
 * payload of a control frame after it, because control frames may arrive between the pieces of a
 * message.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edge/codec/session.h"
#include "edge/conn/ask.h"
#include "edge/ws/ws.h"
#include "edge/ws/ws_face.h"
#include "engine/requests.h"

#define WAIT_MS    1000 /* told to who was too fast, or came when there was no room */
#define CONTROL_AT (IN_BYTES - WS_CONTROL_BYTES_MAX) /* in_buf->seen counts its bytes */

_Static_assert(CONTROL_AT >= MESSAGE_IN_BYTES_MAX, "a message and a control frame side by side");
_Static_assert(PENDING_JSON_MAX <= PENDING_BINARY_MAX, "JSON answers are longer");
_Static_assert(PENDING_BINARY_MAX <= REQUESTS_IN_FLIGHT_MAX,
	       "what a connection has unanswered is remembered: it may all be sent again");
_Static_assert(PENDING_BINARY_MAX * 27 + CLOSE_FRAME_BYTES_MAX < OUT_BYTES,
	       "every unanswered request has room for its answer");
_Static_assert(PENDING_BINARY_MAX == 1100 && PENDING_JSON_MAX == 200 && SUBS_PER_CONN_MAX == 16 &&
		       OUT_BYTES == 32 << 10,
	       "as close_reason.def says");

/* Then it cannot end: its frame must be finished. */
static bool sub_may_be_inside(const struct worker *w, const struct conn *c, const struct sub *s)
{
	return s->inside || conn_is_in_batch(w, c);
}

/* --- refusing, and whose session it is -------------------------------------------------------- */

static void refuse(struct worker *w, struct conn *c, uint16_t board, uint64_t request,
		   enum refusal why, uint32_t wait_ms)
{
	px_assert(refusal_is_known(why));
	conn_answer(w, c,
		    &(struct message){.type = MSG_REFUSED,
				      .refused = {.board = board,
						  .request = request,
						  .code = (uint8_t)why,
						  .wait_ms = wait_ms}});
}

/* board: MESSAGE_NO_BOARD, request and wait_ms: 0, where there is none. */
static void error_say(struct worker *w, struct conn *c, enum refusal why, uint16_t board,
		      uint64_t request, uint32_t wait_ms)
{
	struct message m = {.type = MSG_ERROR,
			    .error = {.code = (uint8_t)why,
				      .board = board,
				      .request = request,
				      .wait_ms = wait_ms}};

	px_assert(refusal_is_known(why));
	snprintf(m.error.text, sizeof(m.error.text), "%s", refusal_text(why));
	conn_answer(w, c, &m);
}

static void session_begin(struct conn *c, const uint8_t user[static USER_BYTES], uint64_t ends_s)
{
	memcpy(c->user, user, sizeof(c->user));
	c->flags |= CONN_USER;
	c->session_ends_s = ends_s < UINT32_MAX ? (uint32_t)ends_s : UINT32_MAX;
}

/* Whoever has a session is told whose it is, however it came: pages cannot read their cookie. */
static void welcome(struct worker *w, struct conn *c)
{
	struct message m = {.type = MSG_WELCOME};

	px_assert(c->flags & CONN_USER);
	memcpy(m.welcome.user, c->user, sizeof(m.welcome.user));
	conn_answer(w, c, &m);
}

/* Whether the connection has a session; that it has ended is told once. */
static bool session_lasts(struct worker *w, struct conn *c)
{
	if (!(c->flags & CONN_USER))
		return false;
	if (c->session_ends_s == UINT32_MAX || w->now.wall_ms / 1000 < c->session_ends_s)
		return true;
	c->flags &= (uint8_t)~CONN_USER;
	error_say(w, c, REFUSAL_NO_SESSION, MESSAGE_NO_BOARD, 0, 0);
	return false;
}

/* --- beginning -------------------------------------------------------------------------------- */

void ws_begin(struct worker *w, struct conn *c, enum message_encoding encoding)
{
	px_assert(encoding < MESSAGE_ENCODINGS);
	px_assert(c->pending == 0 && c->sub_head == NONE); /* HTTP has neither */
	c->encoding = (uint8_t)encoding;
	ws_parser_init(&c->ws, WS_FROM_CLIENT, MESSAGE_IN_BYTES_MAX);
	conn_state_set(w, c, CONN_WS);
	conn_deadline_set(w, c, w->shared->limits.ws_idle_timeout_ms);
}

void ws_session_begin(struct worker *w, struct conn *c, const uint8_t user[static USER_BYTES],
		      uint64_t ends_s)
{
	px_assert(c->state == CONN_WS);
	session_begin(c, user, ends_s);
	welcome(w, c);
}

void ws_session_refuse(struct worker *w, struct conn *c)
{
	px_assert(!(c->flags & CONN_USER)); /* http_begin(), and no token was good */
	error_say(w, c, REFUSAL_NO_SESSION, MESSAGE_NO_BOARD, 0, 0);
}

/* --- requests to the writer ------------------------------------------------------------------- */

/* Room at the writer for one more request of this connection, whose answer will have room too. */
static struct mail_request *ask(struct worker *w, struct conn *c, enum mail_request_type type,
				uint16_t board)
{
	struct mail_request *m;

	px_assert(c->state == CONN_WS && c->why == CLOSE_NONE); /* who closes asks no more */
	if (c->pending >= (c->encoding == MESSAGE_JSON ? PENDING_JSON_MAX : PENDING_BINARY_MAX)) {
		conn_close(w, c, CLOSE_TOO_MANY);
		return NULL;
	}
	m = worker_ask(w, c, type, board);
	if (m != NULL)
		c->pending++;
	return m;
}

static void place(struct worker *w, struct conn *c, const struct msg_place *p)
{
	struct mail_request *m;

	if (!session_lasts(w, c)) {
		refuse(w, c, p->board, p->request, REFUSAL_NO_SESSION, 0);
		return;
	}
	if (!conn_may_ask(w, c)) {
		refuse(w, c, p->board, p->request, REFUSAL_TOO_FAST, WAIT_MS);
		return;
	}
	m = ask(w, c, MAIL_PLACE, p->board);
	if (m == NULL) {
		if (c->why == CLOSE_NONE)
			refuse(w, c, p->board, p->request, REFUSAL_OVERLOADED, WAIT_MS);
		return;
	}
	m->place = (struct mail_place){.request = p->request,
				       .asked_ns = w->now.mono_ns,
				       .x = p->x,
				       .y = p->y,
				       .color = p->color};
	memcpy(m->place.user, c->user, sizeof(m->place.user));
}

static void subscribe(struct worker *w, struct conn *c, const struct msg_subscribe *s,
		      uint64_t request)
{
	struct room *room = rooms_find(w->shared->rooms, s->board, strlen(s->board));
	uint16_t board = room != NULL ? room->number : MESSAGE_NO_BOARD;
	struct mail_request *m;

	if (!conn_may_ask(w, c)) {
		error_say(w, c, REFUSAL_TOO_FAST, board, request, WAIT_MS);
		return;
	}
	if (room == NULL) {
		error_say(w, c, REFUSAL_UNKNOWN_BOARD, board, request, 0);
		return;
	}
	if (c->subs >= SUBS_PER_CONN_MAX && sub_find(w, c, room->number) == NULL) {
		conn_close(w, c, CLOSE_TOO_MANY);
		return;
	}
	m = ask(w, c, MAIL_SUBSCRIBE, board);
	if (m == NULL) {
		if (c->why == CLOSE_NONE)
			conn_close(w, c, CLOSE_OVERLOAD);
		return;
	}
	m->subscribe = (struct mail_subscribe){.request = request,
					       .seq = s->seq,
					       .epoch = s->epoch,
					       .resume = s->resume,
					       .encoding = c->encoding};
}

static void you_ask(struct worker *w, struct conn *c, uint16_t board)
{
	struct mail_request *m;

	if (!session_lasts(w, c))
		return;
	m = ask(w, c, MAIL_ASK_YOU, board);
	if (m != NULL)
		memcpy(m->you.user, c->user, sizeof(m->you.user));
}

static void unsubscribe(struct worker *w, struct conn *c, uint16_t board, uint64_t request)
{
	struct sub *s = sub_find(w, c, board);

	if (s == NULL)
		return;
	if (s->inside) /* inside a frame: it must be finished */
		error_say(w, c, REFUSAL_OVERLOADED, board, request, WAIT_MS);
	else
		sub_end(w, s);
}

static void session(struct worker *w, struct conn *c, const char *token, size_t len,
		    uint64_t request)
{
	uint8_t user[USER_BYTES];
	uint64_t ends_s;

	if (!conn_may_ask(w, c)) {
		error_say(w, c, REFUSAL_TOO_FAST, MESSAGE_NO_BOARD, request, WAIT_MS);
		return;
	}
	if (session_verify(w->shared->session_key, token, len, w->now.wall_ms / 1000, user,
			   &ends_s) != 0) {
		error_say(w, c, REFUSAL_NO_SESSION, MESSAGE_NO_BOARD, request, 0);
		return;
	}
	session_begin(c, user, ends_s);
	welcome(w, c);
	for (uint32_t i = c->sub_head; i != NONE && c->why == CLOSE_NONE; i = w->subs[i].next)
		you_ask(w, c, w->subs[i].room);
}

/* --- messages --------------------------------------------------------------------------------- */

static void message_run(struct worker *w, struct conn *c, const uint8_t *at, size_t len,
			enum ws_opcode opcode)
{
	char scratch[MESSAGE_IN_BYTES_MAX];
	struct message m;
	int rc = -EBADMSG;

	px_assert(len <= MESSAGE_IN_BYTES_MAX && opcode < WS_CLOSE); /* the parser's limit */
	metric_add(&w->metrics.messages_in, 1);
	if ((opcode == WS_TEXT) == (c->encoding == MESSAGE_JSON))
		rc = message_decode_client((enum message_encoding)c->encoding, at, len, scratch,
					   &m);
	if (rc == -ENOSYS) {
		error_say(w, c, REFUSAL_BAD_REQUEST, MESSAGE_NO_BOARD, 0, 0);
		return;
	}
	if (rc < 0) {
		conn_close(w, c, CLOSE_BAD_MESSAGE);
		return;
	}
	if (m.type == MSG_PLACE)
		place(w, c, &m.place);
	else if (m.type == MSG_SUBSCRIBE)
		subscribe(w, c, &m.subscribe, m.request);
	else if (m.type == MSG_UNSUBSCRIBE)
		unsubscribe(w, c, m.unsubscribe_board, m.request);
	else if (m.type == MSG_SESSION)
		session(w, c, m.session.token, m.session.token_len, m.request);
}

static void control_run(struct worker *w, struct conn *c, const uint8_t *at, size_t len,
			enum ws_opcode opcode)
{
	uint8_t *out;

	px_assert(len <= WS_CONTROL_BYTES_MAX && opcode >= WS_CLOSE); /* likewise */
	if (opcode == WS_CLOSE) {
		conn_close(w, c, CLOSE_PEER_CLOSED);
		return;
	}
	if (opcode != WS_PING)
		return;
	if (!conn_may_ask(w, c)) {
		conn_close(w, c, CLOSE_TOO_FAST);
		return;
	}
	out = conn_answer_reserve(w, c, WS_HEAD_BYTES_MAX + WS_CONTROL_BYTES_MAX);
	if (out == NULL)
		return;
	ws_head_write(out, true, WS_PONG, len);
	memcpy(out + 2, at, len);
	conn_answer_commit(w, c, 2 + len);
}

/* A piece that is not a whole message waits in the borrowed buffer. False: the connection is
 * closing. */
static bool piece_keep(struct worker *w, struct conn *c, const struct ws_piece *p, bool is_control)
{
	struct in_buf *in = conn_in_borrow(w, c);

	if (in == NULL) {
		conn_close(w, c, CLOSE_OVERLOAD);
		return false;
	}
	if (is_control) {
		px_assert(in->seen + p->len <= WS_CONTROL_BYTES_MAX);
		memcpy(in->bytes + CONTROL_AT + in->seen, p->data, p->len);
		in->seen += (uint32_t)p->len;
	} else {
		px_assert(in->len + p->len <= MESSAGE_IN_BYTES_MAX);
		memcpy(in->bytes + in->len, p->data, p->len);
		in->len += (uint32_t)p->len;
	}
	return true;
}

static void piece_run(struct worker *w, struct conn *c, const struct ws_piece *p)
{
	bool is_control = p->opcode >= WS_CLOSE;

	px_assert(p->opcode != WS_CONTINUATION); /* fragments are joined */
	if (p->begins && p->ends) {
		(is_control ? control_run : message_run)(w, c, p->data, p->len, p->opcode);
		return;
	}
	if (!piece_keep(w, c, p, is_control) || !p->ends)
		return;
	if (is_control) {
		uint32_t len = c->in->seen;

		c->in->seen = 0;
		control_run(w, c, c->in->bytes + CONTROL_AT, len, p->opcode);
	} else {
		uint32_t len = c->in->len;

		c->in->len = 0;
		message_run(w, c, c->in->bytes, len, p->opcode);
	}
	if (c->in != NULL && c->in->len == 0 && c->in->seen == 0)
		conn_in_return(w, c);
}

void ws_input(struct worker *w, struct conn *c, uint8_t *bytes, size_t len)
{
	bool is_old = c->in != NULL; /* what it holds */

	px_assert(len > 0);
	while (len > 0 && c->state == CONN_WS && c->why == CLOSE_NONE) {
		struct ws_piece piece;
		size_t used;
		enum ws_result result = ws_parse(&c->ws, bytes, len, &used, &piece);

		bytes += used;
		len -= used;
		if (result == WS_PIECE) {
			is_old &= !(piece.ends && piece.opcode < WS_CLOSE);
			piece_run(w, c, &piece);
		} else if (result == WS_BAD) {
			conn_close(w, c, close_reason_of_frame(c->ws.bad_code));
		}
	}
	/* Half a message holds a buffer, of which there are few: it has as long as a head has, and
	 * what else is said meanwhile gives it no more time. */
	if (c->state != CONN_WS || c->why != CLOSE_NONE)
		return;
	if (c->in == NULL)
		conn_deadline_set(w, c, w->shared->limits.ws_idle_timeout_ms);
	else if (!is_old)
		conn_deadline_set(w, c, w->shared->limits.http_head_timeout_ms);
}

/* --- the writer's answers --------------------------------------------------------------------- */

/* A board was subscribed to again: the subscription that was ends, whatever the answer is. Not
 * where the client stands inside a frame, or may: then it goes on, and false. */
static bool sub_make_way(struct worker *w, struct conn *c, struct sub *s, uint16_t board,
			 uint64_t request)
{
	px_assert(s == NULL || s->room == board);
	if (s != NULL && sub_may_be_inside(w, c, s)) {
		error_say(w, c, REFUSAL_OVERLOADED, board, request, WAIT_MS);
		return false;
	}
	if (s != NULL)
		sub_free(w, s);
	return true;
}

static void subscribed(struct worker *w, struct conn *c, uint16_t board,
		       const struct mail_subscribed *a)
{
	const struct room *r = w->shared->rooms->at[board];
	const struct face *f = room_face(r);
	struct message m = {.type = MSG_SUBSCRIBED,
			    .subscribed = {.board = board,
					   .epoch = a->epoch,
					   .seq = a->seq,
					   .width = f->width,
					   .height = f->height,
					   .bits = f->bits,
					   .resumed = a->resumed,
					   .frozen = f->frozen,
					   .cooldown_ms = f->cooldown_ms,
					   .tag = f->tag}};
	struct sub *s = sub_find(w, c, board);

	px_assert(r != NULL); /* its number is told for as long as the server runs */
	memcpy(m.subscribed.name, r->name, sizeof(m.subscribed.name));
	if (c->why != CLOSE_NONE) { /* an answer is owed, and no more */
		conn_answer(w, c, &m);
		return;
	}
	if (!sub_make_way(w, c, s, board, a->request))
		return;
	if (c->subs >= SUBS_PER_CONN_MAX) { /* many were asked for at once */
		conn_close(w, c, CLOSE_TOO_MANY);
		return;
	}
	s = sub_new(w, c, board, a->cursor);
	if (s == NULL) {
		conn_close(w, c, CLOSE_OVERLOAD);
		return;
	}
	conn_answer(w, c, &m); /* goes before every frame */
	if (c->why == CLOSE_NONE)
		ws_face_due(w, c, s);
	if (c->why == CLOSE_NONE)
		you_ask(w, c, board);
}

/* False: the subscription that was goes on, and no answer is due. */
static bool stale_ends_sub(struct worker *w, struct conn *c, uint16_t board, uint64_t request)
{
	return c->why != CLOSE_NONE || sub_make_way(w, c, sub_find(w, c, board), board, request);
}

static void refused(struct worker *w, struct conn *c, uint16_t board, const struct mail_refused *a)
{
	px_assert(a->asked == MAIL_PLACE || a->asked == MAIL_SUBSCRIBE);
	if (a->asked == MAIL_PLACE)
		refuse(w, c, board, a->request, (enum refusal)a->refusal, a->wait_ms);
	else
		error_say(w, c, (enum refusal)a->refusal, board, a->request, a->wait_ms);
}

static void answer(struct worker *w, struct conn *c, const struct mail_answer *a)
{
	uint16_t board = a->head.board;
	struct message m;

	switch ((enum mail_answer_type)a->head.type) {
	case MAIL_PLACED:
		m.type = MSG_PLACED;
		m.placed = (struct msg_placed){board, a->placed.request, a->placed.seq,
					       a->placed.wait_ms};
		break;
	case MAIL_REFUSED:
		refused(w, c, board, &a->refused);
		return;
	case MAIL_SUBSCRIBED:
		subscribed(w, c, board, &a->subscribed);
		return;
	case MAIL_STALE:
		if (!stale_ends_sub(w, c, board, a->stale.request))
			return;
		m.type = MSG_STALE;
		m.stale = (struct msg_stale){board, a->stale.epoch, a->stale.seq, a->stale.oldest};
		break;
	case MAIL_YOU:
		m.type = MSG_YOU;
		m.you = (struct msg_you){board, a->you.wait_ms, a->you.last_request,
					 a->you.last_seq};
		break;
	case MAIL_PIXEL:
	case MAIL_BITMAP:
	case MAIL_HISTORY:
	case MAIL_ROLLBACK:
	default:
		px_unreachable("mail to a WebSocket");
	}
	conn_answer(w, c, &m);
}

void ws_mail(struct worker *w, struct conn *c, const struct mail_answer *a)
{
	px_assert(c->state == CONN_WS && c->pending > 0);
	c->pending--;
	answer(w, c, a);
	if (c->why != CLOSE_NONE && c->state == CONN_WS)
		conn_close_run(w, c);
}

void ws_stale(struct worker *w, struct conn *c, struct sub *s)
{
	const struct room *r = w->shared->rooms->at[s->room];
	uint64_t seq = atomic_load(&r->seq); /* once: it rises meanwhile */
	struct message m = {.type = MSG_STALE,
			    .stale = {.board = s->room,
				      .epoch = atomic_load(&r->epoch),
				      .seq = seq,
				      .oldest = seq}};

	px_assert(!s->inside); /* or its frame must be finished */
	metric_add(&w->metrics.stale, 1);
	sub_free(w, s);
	conn_answer(w, c, &m);
}
