/* trouble.c - see trouble.h. Constant tables only. */
#include "tools/loadgen/load/trouble.h"

#include "engine/base/assert.h"

static const struct {
	const char *name;
	const char *text;
	enum trouble_kind kind;
} table[TROUBLE_MAX] = {
	[TROUBLE_NONE] = {"none", "nothing went wrong", TROUBLE_KIND_LINK},
#define TROUBLE(symbol, kind, name, text) [TROUBLE_##symbol] = {name, text, TROUBLE_KIND_##kind},
#include "tools/loadgen/load/trouble.def"
#undef TROUBLE
};

const char *trouble_str(enum trouble t)
{
	px_assert(t < TROUBLE_MAX);
	return table[t].name;
}

const char *trouble_text(enum trouble t)
{
	px_assert(t < TROUBLE_MAX);
	return table[t].text;
}

enum trouble_kind trouble_kind(enum trouble t)
{
	px_assert(t < TROUBLE_MAX);
	return table[t].kind;
}
