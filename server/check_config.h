/*
 * check_config.h - pixeld --check-config: would the server start with these settings?
 *
 * Main thread only, before anything else runs. Checks data directory, secrets and boards as a start
 * does, reports in the same words, and changes nothing; works beside a running server.
 */
#ifndef PX_SERVER_CHECK_CONFIG_H
#define PX_SERVER_CHECK_CONFIG_H

#include <stdio.h>

#include "server/settings/settings.h"

/* Reports success on `out`, errors on standard error. Returns the exit code. */
int config_check(const struct settings *s, FILE *out);

#endif
