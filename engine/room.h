/*
 * room.h - what every thread may know about a board: identity, logs, who is online, and its face.
 *
 * Made at start; the writer thread stores the atomics, workers read them. The board itself, who may
 * place, and the order belong to the writer alone. A room's number is the board's number on the
 * wire and in the journal; numbers of boards that are no longer in the settings have no room.
 *
 * The writer may give a room another face at any moment. A worker may use the old one until its
 * turn ends, and keeps no pointer to it across turns; other threads get references with their jobs.
 */
#ifndef PX_ENGINE_ROOM_H
#define PX_ENGINE_ROOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/cache_line.h"
#include "engine/board.h"
#include "engine/face.h"

#define ROOM_LOGS   2 /* one per encoding of messages: binary, JSON */
#define ROOMS_MAX   256
#define WORKERS_MAX 64

_Static_assert(ROOMS_MAX <= 32768, "numbers of boards leave the upper half free");

struct room_log;

enum room_kind { ROOM_BOARD };

struct room {
	/* fixed after start */
	enum room_kind kind;
	uint16_t number;
	char name[BOARD_NAME_BYTES_MAX + 1];
	/* stored by the writer */
	_Atomic(struct face *) face; /* see room_face() */
	/* the JSON log is made for its first subscriber */
	_Atomic(struct room_log *) logs[ROOM_LOGS];
	_Atomic uint64_t seq; /* of the readable board: everything up to it is durable */
	_Atomic uint32_t epoch;
	/* each stored by its worker */
	_Atomic uint32_t online[WORKERS_MAX];
};

struct rooms {
	struct room *at[ROOMS_MAX]; /* by number; NULL: none */
	uint32_t end;               /* above all numbers in use */
	/* Counts how often rooms were given other faces; stored by the writer. The other: the
	 * count that each worker has seen. */
	_Atomic uint64_t faces_set;
	_Atomic uint64_t faces_seen[WORKERS_MAX];
	/* How many frames all logs were given, stored by the writer: workers look at nothing else
	 * to know that there is something to send. Other fields lie in other cache lines. */
	char apart[CACHE_LINE];
	_Atomic uint64_t frames;
	char apart_too[CACHE_LINE];
};

/* The room with this name, or NULL. Any thread. */
struct room *rooms_find(const struct rooms *rooms, const char *name, size_t len);

/* Subscriptions to the room, over all workers. Any thread. */
uint32_t room_online(const struct room *room);

/* The present face. For the writer, or for a worker until its turn ends. Two calls in one turn may
 * return two faces, so call it once if you need more than one field. */
static inline const struct face *room_face(const struct room *room)
{
	return atomic_load_explicit(&room->face, memory_order_acquire);
}

/* A worker, at the start of each turn: from now on it uses no older face. */
void rooms_faces_see(struct rooms *rooms, unsigned worker);

/* Writer: the lowest count that all workers have seen. Faces replaced up to it are no longer in
 * use. */
uint64_t rooms_faces_seen(const struct rooms *rooms, unsigned workers);

#endif
