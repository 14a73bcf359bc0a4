/*
 * room.h - what every thread may know of a board: identity, logs, who is online, and its face.
 *
 * Made at start; the writer thread stores the atomics, workers read them. The board itself, who may
 * place, and the order belong to the writer alone. A room's number is the board's number on the
 * wire and in the journal; numbers of boards that the settings no longer name have no room.
 *
 * The writer may give a room another face at any moment. A worker looks at the old one until its
 * turn ends, and keeps nothing of it over turns; others get references with what they are to do.
 */
#ifndef PX_ENGINE_ROOM_H
#define PX_ENGINE_ROOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	_Atomic(struct room_log *)
		logs[ROOM_LOGS]; /* the JSON log is made at its first subscriber */
	_Atomic uint64_t seq;    /* of the readable board: everything durable */
	_Atomic uint32_t epoch;
	/* each stored by its worker */
	_Atomic uint32_t online[WORKERS_MAX];
};

struct rooms {
	struct room *at[ROOMS_MAX]; /* by number; NULL: none */
	uint32_t end;               /* numbers below; none above */
	/* How often rooms were given other faces, stored by the writer; and what of that each
	 * worker has seen. */
	_Atomic uint64_t faces_set;
	_Atomic uint64_t faces_seen[WORKERS_MAX];
};

/* The room with this name, or NULL. Any thread. */
struct room *rooms_find(const struct rooms *rooms, const char *name, size_t len);

uint32_t room_online(const struct room *room);

/* The present face. Writer, or a worker until its turn ends: two looks within one turn may see two
 * faces, so who needs more than one of its fields looks once. */
static inline const struct face *room_face(const struct room *room)
{
	return atomic_load_explicit(&room->face, memory_order_acquire);
}

/* At the beginning of each turn of a worker, which looks at no older face from now on. */
void rooms_faces_see(struct rooms *rooms, unsigned worker);

/* Writer: what was set up to this number has been seen by all workers, so faces that it replaced
 * are not looked at any more. */
uint64_t rooms_faces_seen(const struct rooms *rooms, unsigned workers);

#endif
