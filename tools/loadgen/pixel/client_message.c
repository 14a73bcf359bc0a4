/*
 * client_message.c - what a client does with the server's messages.
 *
 * Owner: the crew. Bytes that equal the stream do not get here (client_stream.c). Nothing is in
 * flight; the only thing that blocks is fetching a whole board, when the first client of the thread
 * has subscribed, and when a board was replaced.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loadgen/result/remedy.h"
#include "tools/loadgen/pixel/pixel_priv.h"

/* --- subscribing ------------------------------------------------------------------------------ */

/* Appends one masked binary frame. */
static size_t frame_append(struct pixel_crew *w, uint8_t *out, const struct message *m)
{
	uint8_t body[MESSAGE_IN_BYTES_MAX];
	size_t len = message_encode_client(m, body);

	return crew_frame_write(&w->crew, out, WS_BINARY, body, len);
}

void client_subscribe(struct pixel_crew *w, struct client *c, bool with_session)
{
	struct message m = {.type = MSG_SUBSCRIBE};
	uint8_t *out = crew_arena(&w->crew, 2 * MESSAGE_IN_BYTES_MAX);
	size_t len = 0;

	if (with_session && c->painter != NULL) {
		const char *token = c->painter->token;
		struct message session = {
			.type = MSG_SESSION,
			.session = {.token = token, .token_len = strlen(token)},
		};

		len = frame_append(w, out, &session);
	}
	memcpy(m.subscribe.board, w->options->board, sizeof(m.subscribe.board));
	c->position.frame = STREAM_NONE;
	c->faced = false;
	c->resuming = c->follow.joined;
	m.subscribe.resume = c->resuming;
	m.subscribe.epoch = c->follow.epoch;
	m.subscribe.seq = c->follow.seq;
	len += frame_append(w, out + len, &m);
	link_send_now(&w->crew, &c->link, out, len);
}

void client_observer_moved(struct pixel_crew *w, struct client *c, uint64_t before)
{
	if (!c->link.observer || c->follow.seq < c->missed_seq)
		return;
	if (!c->counted)
		crowd_enter(w->crowd, c->follow.seq, w->crew.now.mono_ns);
	else if (c->follow.seq > before)
		crowd_move(w->crowd, before, c->follow.seq, w->crew.now.mono_ns);
	c->counted = true;
}

/* Fetches the board until it stands at `seq` or later, and begins the reference from it. */
static bool reference_fetch(struct pixel_crew *w, struct client *c, uint32_t epoch, uint64_t seq)
{
	struct board_bytes board;
	int r = board_fetch_from(&w->options->net.targets[0], w->options->board, epoch, seq,
				 &board);

	if (r == 0)
		r = reference_load(w->reference, &board, w->canvas.width, w->canvas.height,
				   w->canvas.bits);
	if (r < 0)
		crew_trouble(&w->crew, TROUBLE_FETCH, &c->link, "%s", strerror(-r));
	return r == 0;
}

static bool canvas_fits(struct pixel_crew *w, const struct msg_subscribed *m)
{
	uint32_t colors = w->shared->preview.colors;

	if (w->canvas.width == 0)
		w->canvas = (struct canvas){.width = m->width,
					    .height = m->height,
					    .bits = m->bits,
					    .colors = colors > 0 ? colors : 1U << m->bits,
					    .board = m->board};
	return w->canvas.width == m->width && w->canvas.height == m->height &&
	       w->canvas.bits == m->bits && w->canvas.board == m->board;
}

/* The client has everything that it needs. */
static void begin(struct pixel_crew *w, struct client *c)
{
	client_reading_start(w, c);
	if (c->painter != NULL)
		pixel_painter_ready(w, c->painter);
}

static void subscribed(struct pixel_crew *w, struct client *c, const struct msg_subscribed *m)
{
	enum trouble t;

	if (c->link.state != LINK_JOINING || strcmp(m->name, w->options->board) != 0 ||
	    !canvas_fits(w, m)) {
		link_break(&w->crew, &c->link, TROUBLE_MESSAGE, "unexpected subscribed");
		return;
	}
	t = follow_subscribed(&c->follow, m, c->resuming);
	if (t != TROUBLE_NONE) {
		link_break(&w->crew, &c->link, t, "in the answer to subscribe");
		return;
	}
	if (c->link.torn)
		c->missed_seq = m->seq;
	client_observer_moved(w, c, c->follow.seq);
	c->board = m->board;
	c->link.attempts = 0;
	link_state_set(&w->crew, &c->link, LINK_STANDING);
	stat_add(&w->stats.resumes, c->resuming);
	if ((!reference_is_loaded(w->reference) || reference_epoch(w->reference) != m->epoch) &&
	    !reference_fetch(w, c, m->epoch, m->seq)) {
		link_break(&w->crew, &c->link, TROUBLE_NONE, "");
		return;
	}
	if (client_knows_board(w, c))
		begin(w, c);
}

/* --- what the board is ------------------------------------------------------------------------ */

/* Parsed once for all clients of the thread, since all receive the same text. Versions start again
 * with the server: the first one since a client subscribed counts in any case, an older one comes
 * from the frames that it missed. false: it describes another board, or nothing. */
static bool face_take(struct pixel_crew *w, const struct client *c, const struct msg_board *m)
{
	struct msg_face face;
	char *text;

	if (c->faced && m->version <= w->face_version)
		return true;
	w->face_version = m->version;
	if (w->face != NULL && w->face_len == m->face_len &&
	    memcmp(w->face, m->face, m->face_len) == 0)
		return true;
	if (message_decode_face(m->face, m->face_len, &face) < 0 || face.palette_len == 0 ||
	    face.width != w->canvas.width || face.height != w->canvas.height ||
	    face.bits != w->canvas.bits)
		return false;
	w->canvas.colors = face.palette_len;
	stat_add(&w->stats.faces, 1);
	text = malloc(m->face_len);
	if (text == NULL)
		return true; /* it is parsed again next time */
	memcpy(text, m->face, m->face_len);
	free(w->face);
	w->face = text;
	w->face_len = m->face_len;
	return true;
}

static void board(struct pixel_crew *w, struct client *c, const struct msg_board *m,
		  const uint8_t *message, size_t len)
{
	if (c->link.state != LINK_STANDING || m->board != c->board) {
		link_break(&w->crew, &c->link, TROUBLE_MESSAGE,
			   "the face of a board that is not subscribed");
		return;
	}
	if (!face_take(w, c, m))
		crew_trouble(&w->crew, TROUBLE_FACE, &c->link, "%.*s", (int)m->face_len, m->face);
	if (!c->faced) { /* the first is sent to this client alone, later ones are in the stream */
		c->faced = true;
		if (w->shared->preview.tells_face)
			begin(w, c);
	} else if (stream_is_end(w->stream, &c->position)) {
		c->position = stream_append(w->stream, c->follow.epoch, message, len, 1, 0);
	}
}

/* The board has to be fetched. What the thread's reference holds was fetched and followed by this
 * very rule, so it serves every client of the thread, as long as it is new enough. */
static void stale(struct pixel_crew *w, struct client *c, const struct msg_stale *m)
{
	uint64_t before;

	if (c->link.state != LINK_JOINING && c->link.state != LINK_STANDING) {
		link_break(&w->crew, &c->link, TROUBLE_MESSAGE, "unexpected stale");
		return;
	}
	stat_add(&w->stats.stale, 1);
	if (!reference_is_loaded(w->reference) || reference_epoch(w->reference) != m->epoch ||
	    reference_seq(w->reference) < m->oldest) {
		if (w->canvas.width == 0 || !reference_fetch(w, c, m->epoch, m->oldest)) {
			link_break(&w->crew, &c->link, TROUBLE_NONE, "");
			return;
		}
	}
	before = c->follow.seq;
	stat_add(&w->stats.refetches, 1);
	follow_fetched(&c->follow, reference_epoch(w->reference), reference_seq(w->reference));
	client_observer_moved(w, c, before);
	link_state_set(&w->crew, &c->link, LINK_JOINING);
	c->link.since_ns = w->crew.now.mono_ns;
	client_subscribe(w, c, false);
}

/* --- deltas and status ------------------------------------------------------------------------ */

/* Behind a right delta the client has a position in the stream, which goes on with it when it is
 * new.
 * */
static void stream_join(struct pixel_crew *w, struct client *c, const struct msg_delta *m,
			const uint8_t *message, size_t len)
{
	if (m->first > stream_last(w->stream) || c->follow.epoch != stream_epoch(w->stream))
		c->position =
			stream_append(w->stream, c->follow.epoch, message, len, m->first, m->last);
	else
		c->position = stream_behind(w->stream, m->first, m->last);
}

static void delta(struct pixel_crew *w, struct client *c, const struct msg_delta *m,
		  const uint8_t *payload, const uint8_t *message, size_t len)
{
	uint64_t before = c->follow.seq;
	uint64_t from;
	enum trouble t;

	if (c->link.state != LINK_STANDING || m->board != c->board) {
		link_break(&w->crew, &c->link, TROUBLE_MESSAGE,
			   "a delta of a board that is not subscribed");
		return;
	}
	stat_add(&w->crew.stats.deliveries, 1);
	t = follow_delta(&c->follow, m, &from);
	c->position.frame = STREAM_NONE;
	if (t != TROUBLE_NONE)
		crew_trouble(&w->crew, t, &c->link,
			     "frame %" PRIu64 "..%" PRIu64 " arrived at a board at %" PRIu64,
			     m->first, m->last, before);
	if (t == TROUBLE_MESSAGE)
		return;
	t = reference_delta(w->reference, c->follow.epoch, m, payload, message, len);
	if (t != TROUBLE_NONE) {
		c->follow.wrong = true;
		crew_trouble(&w->crew, t, &c->link, "frame %" PRIu64 "..%" PRIu64 " of %zu bytes",
			     m->first, m->last, len);
	}
	if (!c->follow.wrong)
		stream_join(w, c, m, message, len);
	if (c->link.observer && from <= m->last && m->last > c->missed_seq)
		sight_seen(w->sight, w->crew.now.mono_ns, from, m->last);
	client_observer_moved(w, c, before);
}

static void status(struct pixel_crew *w, struct client *c, const struct msg_status *m,
		   const uint8_t *message, size_t len)
{
	enum trouble t;

	if (c->link.state != LINK_STANDING || m->board != c->board) {
		link_break(&w->crew, &c->link, TROUBLE_MESSAGE,
			   "a status of a board that is not subscribed");
		return;
	}
	t = follow_status(&c->follow, m);
	if (t != TROUBLE_NONE)
		crew_trouble(&w->crew, t, &c->link,
			     "status of seq %" PRIu64 " arrived at a board at %" PRIu64, m->seq,
			     c->follow.seq);
	else if (stream_is_end(w->stream, &c->position) && m->seq <= stream_last(w->stream))
		c->position = stream_append(w->stream, c->follow.epoch, message, len, 1, 0);
}

/* --- answers to placements -------------------------------------------------------------------- */

static void ack_keep(struct pixel_crew *w, const struct client *c, uint64_t request, uint64_t seq,
		     uint8_t color)
{
	struct place place = plan_place(w->shared->plan, request - 1, w->canvas.width,
					w->canvas.height, w->canvas.colors);
	struct ack ack = {
		.request = request,
		.seq = seq,
		.cell = place.y * w->canvas.width + place.x,
		.client = (uint32_t)link_number(&w->crew, &c->link) & 0xffffff,
		.color = color,
	};

	if (!ledger_add(&w->ledger, &ack))
		crew_trouble(&w->crew, TROUBLE_ACK_LOST, NULL,
			     "out of memory for acknowledgements");
}

static void placed(struct pixel_crew *w, struct client *c, const struct msg_placed *m)
{
	struct pending it;

	if (c->painter == NULL || !painter_answer(c->painter, m->request, &it)) {
		crew_trouble(&w->crew, TROUBLE_ACK_UNKNOWN, &c->link, "placed, request %" PRIu64,
			     m->request);
		return;
	}
	stat_add(&w->stats.acknowledged, 1);
	stat_add(&w->crew.stats.outstanding, (uint64_t)-1);
	latency_record(&w->latencies, LATENCY_ACK, &it.span, w->crew.now.mono_ns);
	hdr_record(&w->crew.second.ack, w->crew.now.mono_ns - it.span.intended_ns);
	sight_times_set(w->shared->times, m->seq, &it.span);
	ack_keep(w, c, m->request, m->seq, it.color);
	c->painter->rests_until_ns = w->crew.now.mono_ns + m->cooldown_ms * NS_PER_MS;
	pixel_painter_ready(w, c->painter);
}

static void refused(struct pixel_crew *w, struct client *c, const struct msg_refused *m)
{
	struct pending it;

	if (c->painter == NULL || !painter_answer(c->painter, m->request, &it)) {
		crew_trouble(&w->crew, TROUBLE_ACK_UNKNOWN, &c->link,
			     "refused (%s), request %" PRIu64, refusal_str((enum refusal)m->code),
			     m->request);
		return;
	}
	stat_add(&w->stats.refused[refusal_is_known((enum refusal)m->code) ? m->code : 0], 1);
	w->unwanted |= w->options->replay != NULL &&
		       remedy_of_replay(m->code, w->options->placing == PLACING_FREE) != NULL;
	stat_add(&w->crew.stats.outstanding, (uint64_t)-1);
	c->painter->rests_until_ns = w->crew.now.mono_ns + m->wait_ms * NS_PER_MS;
	pixel_painter_ready(w, c->painter);
}

/* After a break: what the server knows of us settles what was on its way. */
static void you(struct pixel_crew *w, struct client *c, const struct msg_you *m)
{
	struct painter *p = c->painter;
	struct pending last = {0};
	uint32_t answered = 0;

	if (p == NULL || !p->asking || c->link.state != LINK_STANDING)
		return;
	p->asking = false;
	if (m->last_seq != 0)
		answered = painter_look_up(p, m->last_request, &last);
	stat_add(&w->stats.looked_up, answered);
	stat_add(&w->crew.stats.outstanding, 0 - (uint64_t)answered);
	if (last.answered)
		ack_keep(w, c, m->last_request, m->last_seq, last.color);
	pixel_painter_ready(w, p);
}

static void error_told(struct pixel_crew *w, struct client *c, const struct msg_error *m)
{
	crew_trouble(&w->crew, TROUBLE_MESSAGE, &c->link, "the server says %s: %s",
		     refusal_str((enum refusal)m->code), m->text);
	c->follow.wrong = true;
}

void client_message(struct crew *crew, struct link *link, enum ws_opcode opcode,
		    const uint8_t *message, size_t len)
{
	struct pixel_crew *w = pixel_crew_of(crew);
	struct client *c = client_of(link);
	struct message m;
	const uint8_t *payload = NULL;
	int r;

	if (opcode != WS_BINARY) {
		link_break(crew, link, TROUBLE_MESSAGE, "a text message on a binary connection");
		return;
	}
	r = message_decode_server(message, len, &m, &payload);
	if (r == -ENOSYS)
		return; /* a type that we do not know is skipped */
	if (r < 0) {
		link_break(&w->crew, &c->link, TROUBLE_MESSAGE, "a message is malformed");
		return;
	}
	if (m.type == MSG_DELTA)
		delta(w, c, &m.delta, payload, message, len);
	else if (m.type == MSG_STATUS)
		status(w, c, &m.status, message, len);
	else if (m.type == MSG_PLACED)
		placed(w, c, &m.placed);
	else if (m.type == MSG_REFUSED)
		refused(w, c, &m.refused);
	else if (m.type == MSG_SUBSCRIBED)
		subscribed(w, c, &m.subscribed);
	else if (m.type == MSG_STALE)
		stale(w, c, &m.stale);
	else if (m.type == MSG_YOU)
		you(w, c, &m.you);
	else if (m.type == MSG_BOARD)
		board(w, c, &m.board, message, len);
	else if (m.type == MSG_ERROR)
		error_told(w, c, &m.error);
}
