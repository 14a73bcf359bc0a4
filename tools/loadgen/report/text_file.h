/*
 * text_file.h - text that is written to a stream as it is made. Errors stay with the stream until
 * text_file_end() returns them. One thread.
 */
#ifndef PX_LOADGEN_TEXT_FILE_H
#define PX_LOADGEN_TEXT_FILE_H

#include <stdio.h>

#include "engine/base/text_out.h"

#define TEXT_FILE_BYTES 4096 /* large enough to be fast */

/* `memory` stays the caller's and is only a buffer; end the text with text_flush(). */
struct text_out text_to_file(FILE *to, void *memory, size_t room);

/* Closes the file, or flushes standard output. 0 or -errno: this, or an earlier write, failed. */
int text_file_end(FILE *file);

#endif
