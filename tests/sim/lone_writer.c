/* lone_writer.c - see lone_writer.h. */
#include "tests/sim/lone_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "edge/codec/ws_frame.h"
#include "edge/mail/mail.h"
#include "engine/room_log.h"
#include "tests/sim/ring_sim.h"

static void wake_nobody(void *arg)
{
	(void)arg;
}

static void wake_no_worker(void *arg, unsigned worker)
{
	(void)arg;
	(void)worker;
}

static uint64_t no_rounds(void *arg)
{
	(void)arg;
	return 0;
}

static struct spsc *queue(uint32_t items, uint32_t bytes)
{
	struct spsc *q;

	assert_int_equal(spsc_new(items, bytes, &q), 0);
	return q;
}

int lone_writer_make(struct lone_writer *l, char why[static RECOVER_WHY_BYTES])
{
	struct writer_config config = {.settings = l->settings,
				       .worker_count = 1,
				       .wake_worker = wake_no_worker,
				       .wake_packer = wake_nobody,
				       .wake_historian = wake_nobody,
				       .round_ns = no_rounds};

	assert_int_equal(disk_open("sim", 1, 1, &l->disk), 0);
	l->requests = queue(LONE_MAIL_MAX, sizeof(struct mail_request));
	l->answers = queue(LONE_MAIL_MAX, sizeof(struct mail_answer));
	l->pack_jobs = queue(4, sizeof(struct pack_job));
	l->pack_done = queue(4, sizeof(struct pack_job));
	l->history_jobs = queue(HISTORY_JOBS_MAX, sizeof(struct history_job));
	l->history_done = queue(HISTORY_JOBS_MAX, sizeof(struct history_job));
	config.disk = l->disk;
	config.requests[0] = l->requests;
	config.answers[0] = l->answers;
	config.pack_jobs = l->pack_jobs;
	config.pack_done = l->pack_done;
	config.history_jobs = l->history_jobs;
	config.history_done = l->history_done;
	l->keeper = NULL;
	l->writer = NULL;
	return writer_new(&config, l->now, &l->writer, why);
}

void lone_writer_start(struct lone_writer *l)
{
	struct keeper_config keeper = {.wake_writer = wake_nobody};
	char why[RECOVER_WHY_BYTES] = "";

	if (lone_writer_make(l, why) != 0)
		fail_msg("%s", why);
	keeper.disk = l->disk;
	assert_int_equal(keeper_new(&keeper, &l->keeper), 0);
	assert_int_equal(writer_start(l->writer, l->keeper, l->now), 0);
}

void lone_writer_free(struct lone_writer *l)
{
	keeper_free(l->keeper);
	writer_free(l->writer);
	spsc_free(l->requests);
	spsc_free(l->answers);
	spsc_free(l->pack_jobs);
	spsc_free(l->pack_done);
	spsc_free(l->history_jobs);
	spsc_free(l->history_done);
	disk_close(l->disk);
}

void lone_writer_pass(struct lone_writer *l)
{
	(void)keeper_turn(l->keeper, l->now);
	ring_sim_advance(NS_PER_MS);
	l->now.mono_ns += NS_PER_MS;
	l->now.wall_ms++;
}

void lone_writer_ask(struct lone_writer *l, uint16_t board, uint32_t x, uint32_t y, uint32_t color)
{
	struct mail_request *m = spsc_push(l->requests);

	assert_non_null(m);
	*m = (struct mail_request){.head = {.type = MAIL_PLACE, .board = board},
				   .place = {.request = ++l->asked,
					     .asked_ns = l->now.mono_ns,
					     .user = {1},
					     .x = x,
					     .y = y,
					     .color = color}};
}

struct room *lone_writer_room(struct lone_writer *l, unsigned board)
{
	return writer_rooms(l->writer)->at[board];
}

struct room_log *lone_writer_log(struct lone_writer *l, unsigned board)
{
	return atomic_load(&lone_writer_room(l, board)->logs[MESSAGE_BINARY]);
}

bool lone_writer_hear(const struct room_log *log, uint64_t *at, struct message *ret_message,
		      struct bytes *ret_payload)
{
	uint64_t head = room_log_head(log);
	const uint8_t *frame, *payload;
	uint64_t len;
	size_t skip;

	if (*at >= head)
		return false;
	frame = room_log_at(log, *at);
	len = ws_frame_bytes(frame, head - *at);
	skip = ws_head_bytes(frame);
	assert_int_equal(message_decode_server(frame + skip, len - skip, ret_message, &payload), 0);
	*ret_payload = bytes_of(payload, (size_t)(frame + len - payload));
	*at += len;
	return true;
}
