/*
 * check_config.h - pixeld --check-config: would a start with these settings begin?
 *
 * Main thread only, before anything else runs. Looks at the data directory, the secrets and the
 * boards as the start does, with its words, and changes nothing; also beside a server.
 */
#ifndef PX_SERVER_CHECK_CONFIG_H
#define PX_SERVER_CHECK_CONFIG_H

#include <stdio.h>

#include "server/settings/settings.h"

/* Says what it found: good to `out`, else to standard error. The exit code. */
int config_check(const struct settings *s, FILE *out);

#endif
