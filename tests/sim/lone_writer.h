/*
 * lone_writer.h - the real writer and keeper over ring and disk in memory; the test plays the only
 * worker, and packer and historian where it needs them.
 *
 * All of one thread. Failures end the test.
 */
#ifndef PX_TESTS_SIM_LONE_WRITER_H
#define PX_TESTS_SIM_LONE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/codec/message.h"
#include "persist/journal/keeper.h"
#include "writer/writer.h"

#define LONE_MAIL_MAX 4096

struct lone_writer {
	struct settings *settings; /* the test's, also between two lives */
	struct disk *disk;
	struct keeper *keeper; /* NULL before lone_writer_start() */
	struct writer *writer;
	struct spsc *requests, *answers, *pack_jobs, *pack_done, *history_jobs, *history_done;
	struct now now; /* set by the test before the first life */
	uint64_t asked; /* requests so far; each has the next number */
};

/* All but the keeper. 0, or an exit code and why; also then lone_writer_free() is due. */
int lone_writer_make(struct lone_writer *l, char why[static RECOVER_WHY_BYTES]);
/* Also the keeper: the writer can take turns. */
void lone_writer_start(struct lone_writer *l);
void lone_writer_free(struct lone_writer *l); /* but for the settings */

/* The keeper's turn, and a millisecond for the ring and the clock. */
void lone_writer_pass(struct lone_writer *l);

/* Pushes a placement of the one user; not published. */
void lone_writer_ask(struct lone_writer *l, uint16_t board, uint32_t x, uint32_t y, uint32_t color);

struct room *lone_writer_room(struct lone_writer *l, unsigned board);
struct room_log *lone_writer_log(struct lone_writer *l, unsigned board); /* the binary one */

/* Decodes the message at *at of a binary log, of which *ret_payload is the rest, and moves *at
 * behind it. false: there is none, *at is the head. */
bool lone_writer_hear(const struct room_log *log, uint64_t *at, struct message *ret_message,
		      struct bytes *ret_payload);

#endif
