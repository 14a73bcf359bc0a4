/*
 * options_priv.h - what options.c (defaults, help) and options_value.c (the table) share.
 */
#ifndef PX_LOADGEN_OPTIONS_PRIV_H
#define PX_LOADGEN_OPTIONS_PRIV_H

#include "tools/loadgen/load/option_table.h"
#include "tools/loadgen/pixel/options.h"

extern const struct option_table options_table;

/* As --url. -errno, and some are told on stderr. */
int options_url_take(const char *text, struct options *o);

#endif
