/* close_reason.c - see close_reason.h. */
#include "edge/codec/close_reason.h"

#include "engine/base/assert.h"

static const struct {
	unsigned code;
	const char *name;
	const char *text;
} rows[CLOSE_REASONS] = {
	[CLOSE_NONE] = {0, "none", "open"},
#define REASON(symbol, code, name, text) [CLOSE_##symbol] = {code, name, text},
#include "edge/codec/close_reason.def"
#undef REASON
};

#define REASON(symbol, code, name, text)                                                           \
	_Static_assert(sizeof(text) - 1 <= CLOSE_TEXT_BYTES_MAX,                                   \
		       "close frames have no room: " text);
#include "edge/codec/close_reason.def"
#undef REASON

unsigned close_reason_code(enum close_reason why)
{
	px_assert(why < CLOSE_REASONS);
	return rows[why].code;
}

const char *close_reason_str(enum close_reason why)
{
	px_assert(why < CLOSE_REASONS);
	return rows[why].name;
}

const char *close_reason_text(enum close_reason why)
{
	px_assert(why < CLOSE_REASONS);
	return rows[why].text;
}

enum close_reason close_reason_of_frame(unsigned bad_code)
{
	px_assert(bad_code != 0); /* the parser's, behind WS_BAD */
	if (bad_code == 1007)
		return CLOSE_NOT_UTF8;
	return bad_code == 1009 ? CLOSE_TOO_BIG : CLOSE_PROTOCOL;
}
