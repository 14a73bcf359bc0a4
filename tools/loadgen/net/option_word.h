/*
 * option_word.h - what getopt_long() did not understand, told on stderr with the option that was
 * meant. Main thread.
 *
 * The caller sets opterr to 0 and begins its letters with ':'.
 */
#ifndef PX_LOADGEN_OPTION_WORD_H
#define PX_LOADGEN_OPTION_WORD_H

#include <getopt.h>

/* Right after getopt_long() gave `id`, '?' or ':'. -EINVAL. */
int option_word_refuse(int id, char *const argv[], const struct option *list);

#endif
