/* refusal.h - the table of refusals (refusal.def) as enum and functions. Pure, any thread. */
#ifndef PX_CODEC_REFUSAL_H
#define PX_CODEC_REFUSAL_H

enum refusal {
	REFUSAL_NONE = 0,
#define REFUSAL(symbol, code, http, name, text) REFUSAL_##symbol = code,
#include "edge/codec/refusal.def"
#undef REFUSAL
	REFUSAL_MAX
};

int refusal_is_known(enum refusal code); /* codes have gaps; REFUSAL_NONE is not known */
unsigned refusal_http_status(enum refusal code);

/* "cooldown"; "unknown": the code is not in the table */
const char *refusal_str(enum refusal code);
const char *refusal_text(enum refusal code); /* a sentence for people */

#endif
