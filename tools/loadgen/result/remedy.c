/* remedy.c - see remedy.h. */
#include "tools/loadgen/result/remedy.h"

#include <stddef.h>

#include "edge/codec/refusal.h"

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

const char *remedy_of_replay(unsigned refusal, bool as_answered)
{
	if (refusal == REFUSAL_OUT_OF_BOUNDS || refusal == REFUSAL_BAD_COLOR)
		return "a board that has room for all of the recording, as --board "
		       "NAME:1000x1000:4";
	return as_answered ? remedy_of(refusal) : NULL;
}
