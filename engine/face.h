/*
 * face.h - the description of a board: size, palette, whether users may place, and how often.
 *
 * Immutable once face_new() has returned: a change makes a new face, which replaces the old one in
 * the room as a whole (engine/room.h), so no thread sees half of a change. A face that is used
 * beyond a turn is held by a reference.
 */
#ifndef PX_ENGINE_FACE_H
#define PX_ENGINE_FACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/board.h"

#define COLOR_NAME_CHARS    24 /* with the NUL */
/* Name, numbers and 256 colors: {"name":"","rgb":"#rrggbb"}, and the letters of the name are 50
 * bytes, since a letter of a name is one byte in JSON, too. */
#define FACE_JSON_BYTES_MAX (BOARD_COLORS_MAX * (28 + COLOR_NAME_CHARS) + 512)

struct palette_color {
	char name[COLOR_NAME_CHARS]; /* no quotes, backslashes or control characters */
	uint32_t rgb;                /* 0xrrggbb */
};

struct face {
	uint32_t version;       /* grows with each face of the board; starts at 1 with the server */
	uint32_t width, height; /* cells; never change */
	uint8_t bits;           /* never changes */
	bool frozen;
	uint32_t cooldown_ms;
	uint32_t tag; /* of journal, size, palette: if it differs, what clients know is void */
	uint32_t palette_len;
	struct palette_color palette[BOARD_COLORS_MAX];
	/* The same, with the board's name and number, as one JSON object; NUL-terminated. */
	const char *json;
	uint32_t json_len; /* at most FACE_JSON_BYTES_MAX */
	_Atomic uint32_t refs;
};

/* The input for a face. */
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

/* The caller gets one reference. 0 or -ENOMEM. Copies `plan`. Any thread. */
int face_new(const struct face_plan *plan, struct face **ret_face);

/* Any thread; while another reference is held, or before the room has another face. */
struct face *face_ref(struct face *f);
void face_unref(struct face *f); /* NULL is allowed; the last one frees */

#endif
