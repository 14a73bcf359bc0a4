/*
 * face.h - what a board looks like: size, palette, whether people may place, and how often.
 *
 * Immutable from face_new() on: who sets something makes a new face, and the room is given that one
 * whole (engine/room.h), so nobody ever sees half of a change. One that is looked at beyond a turn
 * is held by a reference.
 */
#ifndef PX_ENGINE_FACE_H
#define PX_ENGINE_FACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/board.h"

#define COLOR_NAME_CHARS    24 /* with the NUL */
/* Name, numbers and 256 colors: {"name":"","rgb":"#rrggbb"}, and the letters of the name are 50
 * bytes, since a letter of a name is one byte in JSON too. */
#define FACE_JSON_BYTES_MAX (BOARD_COLORS_MAX * (28 + COLOR_NAME_CHARS) + 512)

struct json_out;

struct palette_color {
	char name[COLOR_NAME_CHARS]; /* no quotes, backslashes or control characters */
	uint32_t rgb;                /* 0xrrggbb */
};

struct face {
	uint32_t version;       /* grows with each face of the board, from 1 at each start */
	uint32_t width, height; /* cells; never change */
	uint8_t bits;           /* likewise */
	bool frozen;
	uint32_t cooldown_ms;
	uint32_t tag; /* of journal, size, palette: with another one what clients know is void */
	uint32_t palette_len;
	struct palette_color palette[BOARD_COLORS_MAX];
	/* The same, with the board's name and number, as one JSON object; terminated. */
	const char *json;
	uint32_t json_len; /* at most FACE_JSON_BYTES_MAX */
	_Atomic uint32_t refs;
};

/* What a face is made of. */
struct face_plan {
	const char *name; /* of the board */
	uint16_t number;
	uint64_t journal_id;
	uint32_t version;
	uint32_t width, height;
	unsigned bits;
	bool frozen;
	uint32_t cooldown_ms;
	uint32_t palette_len; /* at most 1 << bits */
	const struct palette_color *palette;
};

/* One reference for the caller. -ENOMEM. Any thread. */
int face_new(const struct face_plan *plan, struct face **ret_face);

/* The members of the text, into the object that is open: for whoever tells more in it. */
void face_json_put(const struct face *f, const char *name, uint16_t number, struct json_out *j);

/* Any thread; while somebody else holds a reference, or before the room has another face. */
struct face *face_ref(struct face *f);
void face_unref(struct face *f); /* NULL is fine */

#endif
