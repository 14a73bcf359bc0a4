/*
 * verdict.h - from counters to one sentence and an exit code. Pure; main thread, at the end.
 */
#ifndef PX_LOADGEN_VERDICT_H
#define PX_LOADGEN_VERDICT_H

#include "tools/loadgen/check/reference.h"
#include "tools/loadgen/result/run_result.h"

/* Compares a thread's (loaded) board with the server's: NONE, BOARD_DIFFERS (same seq, other
 * bytes), BEHIND (frames are missing), BOARD_MOVES (the server's was fetched too early). */
enum trouble verdict_board(const struct reference *reference, const struct board_bytes *final);

/* Fills in code and words, and counts the troubles that show only in the sums (ack_lost, ack_twice,
 * behind). */
void verdict_decide(struct run_result *result);

#endif
