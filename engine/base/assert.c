/* assert.c - see assert.h. */
#include "engine/base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void px_assert_failed(const char *fact, const char *file, int line, const char *func)
{
	fprintf(stderr, "pixeld: bug: %s:%d: %s: does not hold: %s\n", file, line, func, fact);
	abort();
}
