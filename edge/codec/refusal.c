/* refusal.c - see refusal.h. */
#include "edge/codec/refusal.h"

#include <stddef.h>

#include "edge/codec/message.h"

static const struct {
	unsigned http;
	const char *name;
	const char *text;
} rows[REFUSAL_MAX] = {
#define REFUSAL(symbol, code, http, name, text) [code] = {http, name, text},
#include "edge/codec/refusal.def"
#undef REFUSAL
};

enum { ERROR_TEXT_BYTES = sizeof(((struct msg_error *)0)->text) };

#define REFUSAL(symbol, code, http, name, text)                                                    \
	_Static_assert((code) > REFUSAL_NONE && (code) <= UINT8_MAX, "a u8 on the wire");          \
	_Static_assert(sizeof(text) <= ERROR_TEXT_BYTES, "an error has no room: " text);
#include "edge/codec/refusal.def"
#undef REFUSAL

int refusal_is_known(enum refusal code)
{
	return code > REFUSAL_NONE && code < REFUSAL_MAX && rows[code].name != NULL;
}

unsigned refusal_http_status(enum refusal code)
{
	return refusal_is_known(code) ? rows[code].http : 500;
}

const char *refusal_str(enum refusal code)
{
	return refusal_is_known(code) ? rows[code].name : "unknown";
}

const char *refusal_text(enum refusal code)
{
	return refusal_is_known(code) ? rows[code].text : "unknown";
}
