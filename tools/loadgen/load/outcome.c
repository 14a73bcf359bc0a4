/* outcome.c - see outcome.h. No state. */
#include "tools/loadgen/load/outcome.h"

#include <stdio.h>
#include <string.h>

#include "engine/base/assert.h"

enum trouble tally_trouble(const struct tally *t, enum trouble_kind kind)
{
	for (unsigned i = TROUBLE_NONE + 1; i < TROUBLE_MAX; i++)
		if (t->trouble[i] > 0 && trouble_kind(i) == kind)
			return i;
	return TROUBLE_NONE;
}

void outcome_fail(struct outcome *o, enum exit_code code, enum trouble t)
{
	px_assert(code != EXIT_PASS);
	o->code = code;
	(void)snprintf(o->words, sizeof(o->words), "FAIL: %s (%s%s%s)", trouble_text(t),
		       trouble_str(t), o->first[t][0] != '\0' ? ", first: " : "", o->first[t]);
}

bool outcome_of_rings(struct outcome *o, const struct tally *t)
{
	if (t->failed == 0)
		return false;
	o->code = exit_code_of_ring(-(int)t->failed);
	(void)snprintf(o->words, sizeof(o->words), "FAIL: a thread could not open its rings: %s",
		       strerror((int)t->failed));
	return true;
}
