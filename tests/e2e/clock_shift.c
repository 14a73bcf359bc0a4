/*
 * clock_shift.c - LD_PRELOAD: a program whose wall clock is CLOCK_SHIFT_MS beside the real one.
 *
 * For data directories that somebody wrote long ago (test_q_older_data.py): cooldowns still run in
 * them at the moment at which they were left. The monotonic clock stays as it is.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long shift_ms;

__attribute__((constructor)) static void shift_read(void)
{
	const char *text = getenv("CLOCK_SHIFT_MS");

	shift_ms = text != NULL ? strtoll(text, NULL, 10) : 0;
}

int clock_gettime(clockid_t id, struct timespec *ret_now)
{
	int rc = (int)syscall(SYS_clock_gettime, id, ret_now);

	if (rc == 0 && id == CLOCK_REALTIME)
		ret_now->tv_sec += shift_ms / 1000;
	return rc;
}
