/*
 * recording.h - recorded files: opened directly, or through gzip when their name ends in .gz.
 *
 * Main thread, at start.
 */
#ifndef PX_LOADGEN_RECORDING_H
#define PX_LOADGEN_RECORDING_H

#include <stdio.h>
#include <sys/types.h>

struct recording {
	FILE *file; /* to read from */
	pid_t gzip; /* 0: none is running */
};

/* 0, or -errno: the file cannot be read. */
int recording_open(const char *path, struct recording *ret_recording);

/* 0; -EBADMSG: gzip reported an error in the file. */
int recording_close(struct recording *recording);

#endif
