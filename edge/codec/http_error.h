/*
 * http_error.h - the table of HTTP's own errors (http_error.def) as enum and functions.
 *
 * Pure, any thread.
 */
#ifndef PX_CODEC_HTTP_ERROR_H
#define PX_CODEC_HTTP_ERROR_H

enum http_error {
#define HTTP_ERROR(symbol, status, code, when) HTTP_ERROR_##symbol,
#include "edge/codec/http_error.def"
#undef HTTP_ERROR
	HTTP_ERRORS
};

unsigned http_error_status(enum http_error e);
const char *http_error_str(enum http_error e); /* the code: "not_found" */

/* What to refuse a head with, by the status from http_head_parse(). */
enum http_error http_error_of_head(int status);

#endif
