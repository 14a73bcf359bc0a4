/* result_read.h - a result as report_json_write() wrote it, back into memory. */
#ifndef PX_LOADGEN_RESULT_READ_H
#define PX_LOADGEN_RESULT_READ_H

#include <stdio.h>

#include "tools/loadgen/result/run_result.h"

/* -errno; -EBADMSG with a reason for people: not a result of this version, or one that does not
 * agree with itself. Per-second rows and acknowledgements are not in a result. *ret_result: zeroed
 * by the caller, who ends it with run_result_fini() in any case. */
int result_read(FILE *from, struct run_result *ret_result, const char **ret_why);

#endif
