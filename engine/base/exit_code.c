/* exit_code.c - see exit_code.h. */
#include "engine/base/exit_code.h"

#include <errno.h>

#define EXIT_CODE(symbol, code, text)                                                              \
	_Static_assert((code) >= 0 && (code) < 126, "shells have their own meanings above");
#include "engine/base/exit_code.def"
#undef EXIT_CODE

static const struct {
	enum exit_code code;
	const char *text;
} rows[] = {
#define EXIT_CODE(symbol, code, text) {EXIT_##symbol, text},
#include "engine/base/exit_code.def"
#undef EXIT_CODE
};

enum exit_code exit_code_of_ring(int error)
{
	return error == -EPERM || error == -ENOSYS ? EXIT_CONFIG : EXIT_FAILED;
}

void exit_codes_print(FILE *out)
{
	fputs("Exit codes:\n", out);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fprintf(out, "  %2d  %s\n", (int)rows[i].code, rows[i].text);
}
