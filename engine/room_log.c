/*
 * room_log.c - see room_log.h.
 *
 *	offsets:   0 ...... tail ............................ head
 *	           pushed   |frame|frame|status|frame| ...... | next frame
 *	           out      oldest                   last
 *
 * The bytes at an offset are at offset modulo the ring's size; the mapping exists twice in a row,
 * so a range that begins in the first may extend into the second. The writer thread owns the index
 * of frames (also a ring) and alone moves `tail` and `head`. Frames are pushed out whole, oldest
 * first, when their bytes or their entry in the index is needed.
 *
 * The guard. A reader stores the lowest offset that it sends from, then reads the tail; the writer
 * stores the new tail, then reads the guards; all four are sequentially consistent. So at least one
 * of the two sees the other: either the reader finds its cursor below the tail and lets go, or the
 * writer finds the guard and does not touch the bytes. (Both may see each other: then both
 * refrain.)
 */
#include "engine/room_log.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>

#include "engine/base/assert.h"
#include "engine/base/cache_line.h"

struct frame {
	uint64_t first;
	uint64_t last; /* first - 1: covers no seq */
	uint64_t offset;
};

struct guard {
	alignas(CACHE_LINE) _Atomic uint64_t lowest; /* ROOM_LOG_NONE: sends nothing */
};

struct room_log {
	uint8_t *ring;
	size_t bytes;
	struct guard *guards;
	unsigned readers;
	/* the writer's */
	uint32_t frames_max;
	struct frame *frames;  /* at number modulo frames_max */
	uint64_t frames_begun; /* number of the next frame */
	uint64_t frames_out;   /* number of the oldest frame that is still in */
	uint64_t last;
	size_t reserved;
	_Atomic uint64_t *count; /* NULL: nobody looks */
	/* everybody reads, the writer writes */
	alignas(CACHE_LINE) _Atomic uint64_t head;
	_Atomic uint64_t tail;
};

/* --- memory ----------------------------------------------------------------------------------- */

/* One piece of memory, seen twice in a row. */
static int ring_map(size_t bytes, uint8_t **ret_ring)
{
	const int prot = PROT_READ | PROT_WRITE;
	int fd = memfd_create("pixeld-room-log", MFD_CLOEXEC);
	uint8_t *at;
	int error = 0;

	if (fd < 0)
		return -errno;
	/* allocated now: later, a page that cannot be had would be a SIGBUS */
	if (fallocate(fd, 0, 0, (off_t)bytes) != 0) {
		error = -errno;
		(void)close(fd);
		return error;
	}
	at = mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED) {
		error = -errno;
	} else if (mmap(at, bytes, prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) ==
			   MAP_FAILED ||
		   mmap(at + bytes, bytes, prot, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) ==
			   MAP_FAILED) {
		error = -errno;
		(void)munmap(at, 2 * bytes);
	}
	(void)close(fd);
	if (error == 0)
		*ret_ring = at;
	return error == -ENOSPC ? -ENOMEM : error;
}

int room_log_new(size_t bytes, uint32_t frames_max, unsigned readers, struct room_log **ret_log)
{
	struct room_log *log;
	int error;

	px_assert((bytes & (bytes - 1)) == 0 && bytes >= (size_t)sysconf(_SC_PAGESIZE));
	px_assert(frames_max > 0);
	log = aligned_alloc(CACHE_LINE, sizeof(*log));
	if (log == NULL)
		return -ENOMEM;
	*log = (struct room_log){.bytes = bytes, .readers = readers, .frames_max = frames_max};
	log->frames = calloc(frames_max, sizeof(log->frames[0]));
	/* one more than there are readers: no readers is a log for tests and tools */
	log->guards = aligned_alloc(CACHE_LINE, (readers + 1) * sizeof(log->guards[0]));
	if (log->frames == NULL || log->guards == NULL) {
		room_log_free(log);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < readers; i++)
		atomic_init(&log->guards[i].lowest, ROOM_LOG_NONE);
	error = ring_map(bytes, &log->ring);
	if (error != 0) {
		room_log_free(log);
		return error;
	}
	*ret_log = log;
	return 0;
}

void room_log_free(struct room_log *log)
{
	if (log == NULL)
		return;
	if (log->ring != NULL)
		(void)munmap(log->ring, 2 * log->bytes);
	free(log->frames);
	free(log->guards);
	free(log);
}

void room_log_count(struct room_log *log, _Atomic uint64_t *frames)
{
	px_assert(log->count == NULL);
	log->count = frames;
}

/* --- the writer ------------------------------------------------------------------------------- */

static struct frame *frame_at(const struct room_log *log, uint64_t number)
{
	return &log->frames[number % log->frames_max];
}

static uint64_t head_own(const struct room_log *log)
{
	return atomic_load_explicit(&log->head, memory_order_relaxed);
}

void room_log_start(struct room_log *log, uint64_t seq)
{
	px_assert(log->reserved == 0); /* no frame is half written */
	log->frames_out = log->frames_begun;
	log->last = seq;
	atomic_store_explicit(&log->tail, head_own(log), memory_order_seq_cst);
}

/* Pushes out the oldest frames until everything below `lowest` is out and the index has a place. */
static void push_out(struct room_log *log, uint64_t lowest)
{
	uint64_t tail;
	uint64_t from = log->frames_out;

	px_assert(log->frames_begun - from <= log->frames_max);
	while (log->frames_out < log->frames_begun &&
	       (frame_at(log, log->frames_out)->offset < lowest ||
		log->frames_begun - log->frames_out == log->frames_max))
		log->frames_out++;
	if (log->frames_out == from)
		return;
	tail = log->frames_out < log->frames_begun ? frame_at(log, log->frames_out)->offset
						   : head_own(log);
	px_assert(tail >= atomic_load_explicit(&log->tail, memory_order_relaxed)); /* for readers */
	atomic_store_explicit(&log->tail, tail, memory_order_seq_cst);
}

static bool is_guarded_below(const struct room_log *log, uint64_t offset)
{
	for (unsigned i = 0; i < log->readers; i++) {
		if (atomic_load_explicit(&log->guards[i].lowest, memory_order_seq_cst) < offset)
			return true;
	}
	return false;
}

uint8_t *room_log_reserve(struct room_log *log, size_t len)
{
	uint64_t head = head_own(log);
	uint64_t overwritten = 0; /* the bytes below this offset */

	px_assert(len <= log->bytes / 4);
	if (head + len > log->bytes)
		overwritten = head + len - log->bytes;
	push_out(log, overwritten);
	log->reserved = 0;
	if (is_guarded_below(log, overwritten))
		return NULL;
	log->reserved = len;
	return log->ring + (head & (log->bytes - 1));
}

void room_log_commit(struct room_log *log, size_t len, uint64_t first, uint64_t last)
{
	uint64_t head = head_own(log);

	px_assert(len > 0 && len <= log->reserved);
	px_assert(first == log->last + 1);
	px_assert(last >= log->last);
	px_assert(log->frames_begun - log->frames_out < log->frames_max); /* reserve made a place */
	*frame_at(log, log->frames_begun) = (struct frame){first, last, head};
	log->frames_begun++;
	log->last = last;
	log->reserved = 0;
	atomic_store_explicit(&log->head, head + len, memory_order_release);
	if (log->count != NULL)
		atomic_store_explicit(log->count,
				      atomic_load_explicit(log->count, memory_order_relaxed) + 1,
				      memory_order_release);
}

uint64_t room_log_oldest(const struct room_log *log)
{
	if (log->frames_out == log->frames_begun)
		return log->last;
	px_assert(frame_at(log, log->frames_out)->first > 0); /* seqs begin at 1 */
	return frame_at(log, log->frames_out)->first - 1;
}

uint64_t room_log_last(const struct room_log *log)
{
	return log->last;
}

uint64_t room_log_find(const struct room_log *log, uint64_t seq)
{
	uint64_t low = log->frames_out;
	uint64_t high = log->frames_begun;

	if (seq < room_log_oldest(log) || seq > log->last)
		return ROOM_LOG_NONE;
	/* the first frame whose last is above seq: it holds seq + 1, since frames leave no gap */
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (frame_at(log, middle)->last > seq)
			high = middle;
		else
			low = middle + 1;
	}
	px_assert(low == log->frames_begun || frame_at(log, low)->first <= seq + 1);
	return low < log->frames_begun ? frame_at(log, low)->offset : head_own(log);
}

/* --- readers ---------------------------------------------------------------------------------- */

uint64_t room_log_head(const struct room_log *log)
{
	return atomic_load_explicit(&log->head, memory_order_acquire);
}

bool room_log_guard(struct room_log *log, unsigned reader, uint64_t cursor)
{
	_Atomic uint64_t *lowest;
	uint64_t before;

	px_assert(reader < log->readers);
	lowest = &log->guards[reader].lowest;
	before = atomic_load_explicit(lowest, memory_order_relaxed);
	if (before <= cursor)
		return true;
	atomic_store_explicit(lowest, cursor, memory_order_seq_cst);
	if (atomic_load_explicit(&log->tail, memory_order_seq_cst) <= cursor)
		return true;
	/* what the batch guards already was never let go: this guard was lower */
	atomic_store_explicit(lowest, before, memory_order_release);
	return false;
}

void room_log_release(struct room_log *log, unsigned reader)
{
	px_assert(reader < log->readers);
	atomic_store_explicit(&log->guards[reader].lowest, ROOM_LOG_NONE, memory_order_release);
}

const uint8_t *room_log_at(const struct room_log *log, uint64_t offset)
{
	return log->ring + (offset & (log->bytes - 1));
}
