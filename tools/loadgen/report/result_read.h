/* result_read.h - reads back a result that report_json_write() wrote. */
#ifndef PX_LOADGEN_RESULT_READ_H
#define PX_LOADGEN_RESULT_READ_H

#include <stdio.h>

#include "tools/loadgen/result/run_result.h"

/* 0, -errno; -EBADMSG with a reason for people: not a result of this version, or one that
 * contradicts itself. A result has no per-second rows and no acknowledgements. *ret_result: zeroed
 * by the caller, who frees it with run_result_fini() in any case. */
int result_read(FILE *from, struct run_result *ret_result, const char **ret_why);

#endif
