/* remedy.c - see remedy.h. */
#include "tools/loadgen/remedy.h"

#include <stddef.h>

#include "engine/refusal.h"

const char *remedy_of(unsigned refusal)
{
	switch (refusal) {
	case REFUSAL_COOLDOWN: /* whoever lifts the one meets the other next */
	case REFUSAL_TOO_FAST:
		return "--cooldown-ms 0 --requests-per-second 0";
	case REFUSAL_FROZEN:
		return "frozen = off in the section of the board";
	default:
		return NULL;
	}
}
