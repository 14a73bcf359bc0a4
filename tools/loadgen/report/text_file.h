/*
 * text_file.h - text that goes to a stream as it is written. Errors are the stream's, and
 * text_file_end() tells them. One thread.
 */
#ifndef PX_LOADGEN_TEXT_FILE_H
#define PX_LOADGEN_TEXT_FILE_H

#include <stdio.h>

#include "engine/base/text_out.h"

#define TEXT_FILE_BYTES 4096 /* a room that is large enough to be quick */

/* `memory` is the caller's and a buffer only; the end of the text wants text_flush(). */
struct text_out text_to_file(FILE *to, void *memory, size_t room);

/* Closes the file, or flushes standard output. -errno: it, or anything before, was not written. */
int text_file_end(FILE *file);

#endif
