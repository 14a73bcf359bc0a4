/*
 * cut.c - frames into the broadcast logs: deltas, statuses, and where a client begins.
 *
 * The rate of frames follows the workers' rounds: when rounds take long, frames get larger, not
 * more numerous.
 */
#include <stdlib.h>
#include <string.h>

#include "edge/codec/ws_frame.h"
#include "engine/base/log.h"
#include "writer/writer_priv.h"

_Static_assert(MESSAGE_BOARD_BYTES_MAX <= LOG_BYTES_MIN / 4,
	       "the smallest log has room for a face");

static bool face_is_told(const struct writer_board *b)
{
	for (unsigned e = 0; e < ROOM_LOGS; e++)
		if (b->frames.logs[e] != NULL && b->face_told[e] != b->face->version)
			return false;
	return true;
}

void cut_face_told(struct writer_board *b, unsigned encoding)
{
	b->face_told[encoding] = b->face->version;
	b->colors_told[encoding] = b->face->palette_len;
}

/* What comes before the face, so that no client has a color that its palette lacks. A frame that
 * only some logs have may show what the face before allows. And where the palette gets shorter,
 * all that was placed fits both, and replaces the last cells with the colors that go. */
static bool deltas_precede(struct writer *w, struct writer_board *b)
{
	if (b->frames.half_last != 0 && !frames_cut(&b->frames, &w->maker))
		return false;
	for (unsigned e = 0; e < ROOM_LOGS; e++)
		if (b->frames.logs[e] != NULL && b->face->palette_len > b->colors_told[e])
			return true;
	return frames_cut(&b->frames, &w->maker);
}

/* Tells the logs of a face that is new. False: a reader is in the way of one; later, and before any
 * frame with what it allows. */
static bool face_tell(struct writer *w, struct writer_board *b)
{
	const struct face *f = b->face;
	const struct msg_board m = {.board = b->meta.board,
				    .version = f->version,
				    .face = f->json,
				    .face_len = f->json_len};

	if (face_is_told(b))
		return true;
	if (!deltas_precede(w, b))
		return false;
	for (unsigned e = 0; e < ROOM_LOGS; e++) {
		struct room_log *log = b->frames.logs[e];
		uint8_t *at;

		if (log == NULL || b->face_told[e] == f->version)
			continue;
		at = room_log_reserve(log, MESSAGE_BOARD_AROUND_BYTES_MAX + f->json_len);
		if (at == NULL) {
			metric_add(&w->metrics.cuts_delayed, 1);
			return false;
		}
		px_assert(room_log_last(log) == b->frames.seq); /* no frame is half appended */
		room_log_commit(log, message_encode_board((enum message_encoding)e, &m, at),
				b->frames.seq + 1, b->frames.seq);
		cut_face_told(b, e);
		w->cut_any = true;
	}
	return true;
}

bool cut_board(struct writer *w, struct writer_board *b)
{
	uint64_t seq = b->frames.seq;
	bool is_cut = face_tell(w, b) && frames_cut(&b->frames, &w->maker);

	px_assert(b->frames.seq >= seq && b->frames.seq <= b->live.seq);
	w->cut_any |= b->frames.seq != seq;
	return is_cut;
}

static void status_append(struct writer *w, struct writer_board *b)
{
	struct message m = {.type = MSG_STATUS,
			    .status = {.board = b->meta.board,
				       .epoch = b->live.epoch,
				       .seq = b->frames.seq,
				       .online = room_online(b->room),
				       .time_ms = w->now.wall_ms}};

	px_assert(b->live.seq == b->frames.seq); /* the log has all that the status speaks of */
	for (unsigned e = 0; e < ROOM_LOGS; e++) {
		uint8_t *at;

		if (b->frames.logs[e] == NULL)
			continue;
		at = room_log_reserve(b->frames.logs[e], MESSAGE_OUT_BYTES_MAX);
		if (at == NULL)
			continue; /* the next one will do */
		room_log_commit(b->frames.logs[e],
				message_encode_server((enum message_encoding)e, &m, at),
				b->frames.seq + 1, b->frames.seq);
		w->cut_any = true;
	}
}

static uint64_t cut_interval_ns(const struct writer *w)
{
	uint64_t floor_ns = atomic_load_explicit(&w->pace.cut_interval_ns, memory_order_relaxed);
	uint64_t part_ns = w->config.round_ns(w->config.arg) / 8;

	return part_ns > floor_ns ? part_ns : floor_ns;
}

bool cut_has_work(const struct writer_board *b)
{
	return b->room != NULL &&
	       (b->live.seq != b->frames.seq || b->is_status_due || !face_is_told(b));
}

static void board_run(struct writer *w, struct writer_board *b)
{
	if (b->room == NULL || !face_tell(w, b))
		return;
	if (b->live.seq != b->frames.seq && w->now.mono_ns >= b->cut_next_ns && cut_board(w, b))
		b->cut_next_ns = w->now.mono_ns + cut_interval_ns(w);
	if (b->is_status_due && b->live.seq == b->frames.seq) {
		busy_status_at(w, b,
			       w->now.mono_ns + atomic_load_explicit(&w->pace.status_interval_ns,
								     memory_order_relaxed));
		status_append(w, b);
	}
}

void cut_run(struct writer *w)
{
	struct writer_board *b;

	busy_statuses_run(w);
	for (uint32_t i = 0; (b = busy_next(w, &i)) != NULL;)
		board_run(w, b);
}

uint64_t cut_wait_ns(struct writer *w)
{
	uint64_t wait = busy_status_wait_ns(w);
	struct writer_board *b;

	for (uint32_t i = 0; (b = busy_next(w, &i)) != NULL;) {
		uint64_t due = face_is_told(b) ? b->cut_next_ns : 0;

		if (!cut_has_work(b))
			continue;
		due = due > w->now.mono_ns ? due - w->now.mono_ns
					   : NS_PER_MS; /* delayed: a moment */
		wait = due < wait ? due : wait;
	}
	return wait;
}

/* --- where a client begins -------------------------------------------------------------------- */

/* One frame of the binary log as JSON. It pushes out what it takes and no more: the log reaches
 * back as far as one that was there all the time. */
static void json_append(struct writer *w, const struct writer_board *b, struct room_log *json,
			const struct msg_delta *d, uint8_t *scratch)
{
	size_t len = message_encode_delta(MESSAGE_JSON, d, board_width(b->live.board),
					  board_cells(b->live.board), board_bits(b->live.board),
					  w->maker.cells, scratch);
	uint8_t *at = room_log_reserve(json, len);

	px_assert(at != NULL); /* nobody reads it yet */
	memcpy(at, scratch, len);
	room_log_commit(json, len, d->first, d->last);
}

/* Where the part begins that is decoded: as JSON a quarter of it fills a log, or nearly. */
static uint64_t json_from(const struct writer *w, uint64_t head)
{
	uint64_t bytes = w->config.settings->log_bytes / 4;

	bytes = bytes < JSON_FILL_BYTES_MAX ? bytes : JSON_FILL_BYTES_MAX;
	return head > bytes ? head - bytes : 0;
}

/* Decodes the newest part of the binary log into the JSON log, so that JSON clients can resume too.
 * */
static void json_fill(struct writer *w, const struct writer_board *b, struct room_log *json,
		      uint8_t *scratch)
{
	struct room_log *log = b->frames.logs[MESSAGE_BINARY];
	uint64_t head = room_log_head(log), from = json_from(w, head);
	uint64_t at = room_log_find(log, room_log_oldest(log));
	bool started = false;

	px_assert(b->frames.half_last == 0); /* or the new log would lack the half one */
	while (at != ROOM_LOG_NONE && at < head) {
		const uint8_t *frame = room_log_at(log, at), *payload;
		uint64_t len = ws_frame_bytes(frame, head - at);
		size_t skip = ws_head_bytes(frame);
		struct message m;

		px_assert(len >= skip &&
			  len <= head - at); /* whole frames, as they were committed */
		at += len;
		if (at < from ||
		    message_decode_server(frame + skip, len - skip, &m, &payload) < 0 ||
		    m.type != MSG_DELTA)
			continue;
		if (delta_decode(board_cells(b->live.board), board_bits(b->live.board), payload,
				 (size_t)(frame + len - payload), m.delta.count,
				 w->maker.cells) < 0)
			px_unreachable("a delta of our own log");
		if (!started)
			room_log_start(json, m.delta.first - 1);
		started = true;
		json_append(w, b, json, &m.delta, scratch);
	}
	if (!started)
		room_log_start(json, b->frames.seq);
}

/* A log in an encoding that nobody spoke yet. NULL: no memory, or not now. */
static struct room_log *log_make(struct writer *w, struct writer_board *b)
{
	size_t frame_max = message_delta_bytes_max(MESSAGE_JSON, board_cells(b->live.board),
						   board_bits(b->live.board), b->live.changed_max);
	struct room_log *log = NULL;
	uint8_t *scratch;

	px_assert(b->frames.logs[MESSAGE_JSON] == NULL);
	if (b->frames.half_last != 0 || !cut_board(w, b)) /* between two frames, please */
		return NULL;
	scratch = malloc(frame_max);
	if (scratch != NULL && room_log_new(w->config.settings->log_bytes, LOG_FRAMES_MAX,
					    w->config.worker_count, &log) == 0)
		json_fill(w, b, log, scratch);
	free(scratch);
	return log;
}

static struct room_log *log_of(struct writer *w, struct writer_board *b, unsigned encoding)
{
	struct room_log *log;

	px_assert(encoding < ROOM_LOGS);
	if (b->frames.logs[encoding] != NULL)
		return b->frames.logs[encoding];
	px_assert(encoding == MESSAGE_JSON); /* the binary one is there from the start */
	log = log_make(w, b);
	if (log == NULL)
		return NULL;
	b->frames.logs[encoding] = log;
	room_log_count(log, &w->rooms.frames);
	cut_face_told(b, encoding); /* to whoever subscribes */
	atomic_store_explicit(&b->room->logs[encoding], log, memory_order_release);
	return log;
}

void cut_subscribe(struct writer *w, unsigned worker, const struct mail_request *m)
{
	const struct mail_subscribe *s = &m->subscribe;
	struct writer_board *b = writer_board_at(w, m->head.board);
	struct room_log *log = b != NULL ? log_of(w, b, s->encoding) : NULL;
	uint64_t cursor = ROOM_LOG_NONE;
	struct mail_answer *a;
	/* Not frames.seq: a frame that another log has no room for may be in this one. */
	uint64_t last;

	if (log == NULL) {
		writer_refuse(w, worker, &m->head, s->request,
			      b == NULL ? REFUSAL_UNKNOWN_BOARD : REFUSAL_OVERLOADED, 1000);
		return;
	}
	last = room_log_last(log);
	px_assert(last <= b->live.seq); /* no log is ahead of the board */
	if (!s->resume || (s->epoch == b->live.epoch && s->seq >= last && s->seq <= b->live.seq))
		cursor = room_log_head(log);
	else if (s->epoch == b->live.epoch && s->seq < last)
		cursor = room_log_find(log, s->seq);
	a = writer_answer(w, worker, cursor == ROOM_LOG_NONE ? MAIL_STALE : MAIL_SUBSCRIBED,
			  m->head.client, m->head.board);
	if (cursor == ROOM_LOG_NONE)
		a->stale = (struct mail_stale){.request = s->request,
					       .seq = b->live.seq,
					       .oldest = room_log_oldest(log),
					       .epoch = b->live.epoch};
	else
		a->subscribed = (struct mail_subscribed){.request = s->request,
							 .seq = s->resume ? s->seq : last,
							 .cursor = cursor,
							 .epoch = b->live.epoch,
							 .resumed = s->resume};
}
