/*
 * preview.h - what a server reports about itself and the board, before the load.
 *
 * Made by the main thread; read by all.
 */
#ifndef PX_LOADGEN_PREVIEW_H
#define PX_LOADGEN_PREVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/fetch/target.h"

struct preview {
	bool tells_face; /* it sends `board` after every `subscribed` */
	uint32_t colors; /* of the palette; 0: not known */
};

/* Blocking. What the server does not report (an older one, or another program) is false or 0. */
void preview_fetch(const struct target *target, const char *board, struct preview *ret_preview);

#endif
