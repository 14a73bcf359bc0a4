/*
 * options_priv.h - shared by options.c (defaults, help) and options_value.c (the table).
 */
#ifndef PX_LOADGEN_OPTIONS_PRIV_H
#define PX_LOADGEN_OPTIONS_PRIV_H

#include "tools/options/option_table.h"
#include "tools/loadgen/pixel/options.h"

#define OPTIONS_OF_RESULT 1u /* of the rows: about a result, rather than about a run */

extern const struct option_table options_table;

/* The value of --url. -errno; some errors are reported on stderr here. */
int options_url_take(const char *text, struct options *o);

#endif
