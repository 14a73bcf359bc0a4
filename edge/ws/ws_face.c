/*
 * ws_face.c - `board` after each `subscribed`: the description of the board.
 *
 *	subscribed --> due --room beside the answers--> sent
 *	                ^ |
 *	                `-+-- otherwise: again when everything queued was sent
 *
 * The text of a board with many colors fills much of an out buffer, so several of them, or one
 * beside the answers to many placements, would make the client look like one that does not read.
 * Such a text waits; it is made when there is room, so it is the face at that moment.
 */
#include "edge/ws/ws_face.h"

#include "edge/conn/state.h"
#include "edge/ws/ws.h"

_Static_assert(MESSAGE_BOARD_BYTES_MAX + CLOSE_FRAME_BYTES_MAX + MESSAGE_OUT_BYTES_MAX <
		       OUT_BYTES / 2,
	       "the longest text fits into an empty buffer");

/* Beside what is queued, and the answers that may still come: half of the buffer is for requests
 * that arrive after this. */
static bool has_room(const struct conn *c, size_t len)
{
	size_t most = c->encoding == MESSAGE_JSON ? PENDING_JSON_MAX : PENDING_BINARY_MAX;
	size_t queued = c->out != NULL ? c->out->end : 0;

	px_assert(c->pending <= most); /* more are not asked: ws.c */
	return queued + len <= OUT_BYTES / 2 &&
	       queued + len + c->pending * (OUT_BYTES / most) + CLOSE_FRAME_BYTES_MAX <= OUT_BYTES;
}

/* False: there is no room now, or the connection is gone. */
static bool say(struct worker *w, struct conn *c, uint16_t board)
{
	const struct face *face = room_face(w->shared->rooms->at[board]);
	const struct msg_board m = {.board = board,
				    .version = face->version,
				    .face = face->json,
				    .face_len = face->json_len};
	size_t len = MESSAGE_BOARD_AROUND_BYTES_MAX + m.face_len;
	uint8_t *at = has_room(c, len) ? conn_answer_reserve(w, c, len) : NULL;

	px_assert(m.face_len <= FACE_JSON_BYTES_MAX);
	if (at == NULL)
		return false;
	conn_answer_commit(w, c, message_encode_board((enum message_encoding)c->encoding, &m, at));
	return true;
}

/* What is due to the connection, as far as there is room. */
static void say_due(struct worker *w, struct conn *c)
{
	for (uint32_t i = c->sub_head; i != NONE && c->why == CLOSE_NONE; i = w->subs[i].next) {
		struct sub *s = &w->subs[i];

		if (!s->face_due || s->ends)
			continue;
		if (!say(w, c, s->room))
			return;
		px_assert(w->faces_due > 0);
		s->face_due = false;
		w->faces_due--;
	}
}

void ws_face_due(struct worker *w, struct conn *c, struct sub *s)
{
	px_assert(!s->face_due && !s->ends); /* of a new subscription, once */
	s->face_due = true;
	w->faces_due++;
	say_due(w, c);
}

void ws_face_sent(struct worker *w, struct conn *c)
{
	if (w->faces_due > 0)
		say_due(w, c);
}
