/*
 * room.h - what every thread may know of a board.
 *
 * Made at start; the writer thread stores the atomics, workers read them. The board itself, who may
 * place, and the order belong to the writer alone. A room's number is the board's number on the
 * wire and in the journal; numbers of boards that the settings no longer name have no room.
 */
#ifndef PX_ENGINE_ROOM_H
#define PX_ENGINE_ROOM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/board.h"

#define ROOM_LOGS        2 /* one per encoding of messages: binary, JSON */
#define ROOMS_MAX        256
#define WORKERS_MAX      64
#define COLOR_NAME_CHARS 24 /* with the NUL */

struct room_log;

struct palette_color {
	char name[COLOR_NAME_CHARS];
	uint32_t rgb; /* 0xrrggbb */
};

struct room {
	/* fixed after start */
	char name[BOARD_NAME_BYTES_MAX + 1];
	uint16_t number;
	uint32_t width, height; /* cells */
	uint8_t bits;
	bool frozen;
	uint32_t cooldown_ms;
	uint32_t tag; /* of journal, size, palette: with another one what clients know is void */
	uint32_t palette_len;
	struct palette_color palette[BOARD_COLORS_MAX];
	/* stored by the writer */
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
};

/* The room with this name, or NULL. Any thread. */
struct room *rooms_find(const struct rooms *rooms, const char *name, size_t len);

uint32_t room_online(const struct room *room);

#endif
