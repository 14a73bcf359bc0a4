/* exit_code.h - the table of exit codes (exit_code.def) as enum and text. Pure, any thread. */
#ifndef PX_BASE_EXIT_CODE_H
#define PX_BASE_EXIT_CODE_H

#include <stdio.h>

enum exit_code {
#define EXIT_CODE(symbol, code, text) EXIT_##symbol = code,
#include "engine/base/exit_code.def"
#undef EXIT_CODE
};

/* The exit code for an error of ring_open() (-errno): EXIT_CONFIG when the machine refuses
 * io_uring, which no retry lifts; otherwise EXIT_FAILED. */
enum exit_code exit_code_of_ring(int error);

/* Writes a line for each of the table, for --help. */
void exit_codes_print(FILE *out);

#endif
