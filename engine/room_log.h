/*
 * room_log.h - the broadcast log: a byte ring of finished frames; every client is a cursor into it.
 *
 * The writer thread appends frames; worker threads ("readers", numbered) send directly from it. The
 * ring is mapped twice in a row, so any range up to its size is contiguous. Offsets are 64-bit,
 * never wrap, and stay valid while they are not below the tail. The log knows nothing of pixels: a
 * frame is bytes and the seqs that it covers.
 *
 * The writer never overwrites what a reader is about to send: a reader guards the lowest offset of
 * its batch before it prepares sends and releases it after the submit; if a guard is in the way,
 * the writer gets NULL and tries again later. Neither waits.
 */
#ifndef PX_ENGINE_ROOM_LOG_H
#define PX_ENGINE_ROOM_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROOM_LOG_NONE UINT64_MAX

struct room_log;

/* bytes: a power of two, at least one page. frames_max: number of frames that the index of seqs
 * holds. -ENOMEM; -EMFILE, -ENFILE: the mapping briefly needs a descriptor. */
int room_log_new(size_t bytes, uint32_t frames_max, unsigned readers, struct room_log **ret_log);
void room_log_free(struct room_log *log);

/* Each frame that is appended adds one to `frames`, after it is complete: whoever looks at many
 * logs looks at one number. The writer's thread; behind room_log_new(). */
void room_log_count(struct room_log *log, _Atomic uint64_t *frames);

/* --- the writer ------------------------------------------------------------------------------- */

/* Empties the log and sets the seq that clients at its head have. Before anything reads it. */
void room_log_start(struct room_log *log, uint64_t seq);

/* Room for a frame of up to `len` bytes at the head. NULL: a reader is still sending what would be
 * overwritten; what was pushed out by then stays out. len is at most a quarter of the ring. */
uint8_t *room_log_reserve(struct room_log *log, size_t len);

/* Appends the `len` bytes written there. A frame that covers seqs has first = last of the one
 * before plus 1; one that covers none (a status) has first = last + 1 with last as before. */
void room_log_commit(struct room_log *log, size_t len, uint64_t first, uint64_t last);

/* The offset from which a client that has `seq` must be sent: that of the frame that holds seq + 1,
 * or the head. ROOM_LOG_NONE: that frame is no longer, or not yet, in the log. */
uint64_t room_log_find(const struct room_log *log, uint64_t seq);

/* The lowest seq that room_log_find() accepts, and the last seq before the head. */
uint64_t room_log_oldest(const struct room_log *log);
uint64_t room_log_last(const struct room_log *log);

/* --- readers ---------------------------------------------------------------------------------- */

/* Bytes below the returned offset are complete. */
uint64_t room_log_head(const struct room_log *log);

/* Guards [cursor, head) for this reader's batch, in addition to what the batch already guards.
 * false: the cursor has fallen out of the ring (and is not guarded). */
bool room_log_guard(struct room_log *log, unsigned reader, uint64_t cursor);
void room_log_release(struct room_log *log, unsigned reader); /* after the submit */

/* The bytes at an offset that is guarded (or read by the writer). Contiguous up to the head. */
const uint8_t *room_log_at(const struct room_log *log, uint64_t offset);

#endif
