/* http_error.c - see http_error.h. */
#include "edge/codec/http_error.h"

#include <stddef.h>
#include <string.h>

#include "edge/codec/http_head.h"
#include "engine/base/assert.h"

_Static_assert(HTTP_HEAD_BYTES_MAX == 8192 && HTTP_FIELDS_MAX == 100 &&
		       HTTP_TARGET_BYTES_MAX == 2048,
	       "as http_error.def says");

#define HTTP_ERROR(symbol, status, code, when)                                                     \
	_Static_assert((status) >= 400 && (status) <= 599, "an error: " code);
#include "edge/codec/http_error.def"
#undef HTTP_ERROR

static const struct {
	unsigned status;
	const char *code;
} rows[HTTP_ERRORS] = {
#define HTTP_ERROR(symbol, status, code, when) [HTTP_ERROR_##symbol] = {status, code},
#include "edge/codec/http_error.def"
#undef HTTP_ERROR
};

unsigned http_error_status(enum http_error e)
{
	px_assert(e < HTTP_ERRORS);
	return rows[e].status;
}

const char *http_error_str(enum http_error e)
{
	px_assert(e < HTTP_ERRORS);
	return rows[e].code;
}

enum http_error http_error_of_head(int status)
{
	for (unsigned e = 0; e < HTTP_ERRORS; e++)
		if (rows[e].status == (unsigned)status && strcmp(rows[e].code, "bad_request") == 0)
			return (enum http_error)e;
	px_unreachable("status of a head");
}
