/*
 * recording.c - see recording.h. gzip is a child process, waited for in recording_close().
 */
#include "tools/loadgen/load/recording.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts gzip on the file; what it writes is read from *ret_file. */
static int gunzip_start(const char *path, struct recording *ret_recording)
{
	int ends[2];
	pid_t pid;
	FILE *file;

	if (pipe(ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)execlp("gzip", "gzip", "-dc", "--", path, (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	file = pid < 0 ? NULL : fdopen(ends[0], "rb");
	if (file == NULL) {
		(void)close(ends[0]);
		return pid < 0 ? -EAGAIN : -ENOMEM;
	}
	*ret_recording = (struct recording){.file = file, .gzip = pid};
	return 0;
}

int recording_open(const char *path, struct recording *ret_recording)
{
	size_t len = strlen(path);

	if (access(path, R_OK) < 0)
		return -errno;
	if (len > 3 && strcmp(path + len - 3, ".gz") == 0)
		return gunzip_start(path, ret_recording);
	*ret_recording = (struct recording){.file = fopen(path, "rb")};
	return ret_recording->file == NULL ? -errno : 0;
}

int recording_close(struct recording *recording)
{
	int status = 0;

	(void)fclose(recording->file);
	if (recording->gzip == 0 || waitpid(recording->gzip, &status, 0) != recording->gzip)
		return 0;
	return status == 0 ? 0 : -EBADMSG;
}
