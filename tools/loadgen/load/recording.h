/*
 * recording.h - recorded files: opened as they are, or through gzip when their name ends in .gz.
 *
 * Main thread, at start.
 */
#ifndef PX_LOADGEN_RECORDING_H
#define PX_LOADGEN_RECORDING_H

#include <stdio.h>
#include <sys/types.h>

struct recording {
	FILE *file; /* to read from */
	pid_t gzip; /* 0: none runs */
};

/* -errno when the file cannot be read. */
int recording_open(const char *path, struct recording *ret_recording);

/* 0; -EBADMSG: gzip was not content with the file. */
int recording_close(struct recording *recording);

#endif
