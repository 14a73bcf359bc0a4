/*
 * plan.c - recorded or random placements, and their intended times.
 *
 * A recorded file is read whole into one array at start (4 bytes a placement): the times in it are
 * dropped, only the order counts.
 */
#include "tools/loadgen/plan.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/assert.h"
#include "engine/bytes.h"
#include "tools/loadgen/rng.h"

#define RECORD_BYTES 8
#define RECORD_WIDTH 1000 /* of the recorded board */

void plan_init(struct plan *plan, uint64_t seed)
{
	*plan = (struct plan){.seed = seed, .count = UINT64_MAX};
}

void plan_fini(struct plan *plan)
{
	free(plan->records);
	plan->records = NULL;
}

static int records_read(FILE *file, uint32_t **ret_records, uint64_t *ret_count)
{
	uint32_t *records = NULL;
	size_t count = 0;
	size_t room = 0;
	uint8_t record[RECORD_BYTES];
	size_t got;

	while ((got = fread(record, 1, sizeof(record), file)) == sizeof(record)) {
		struct bytes b = bytes_of(record + 4, 4);

		if (count == room) {
			uint32_t *more;

			room = room == 0 ? 65536 : room * 2;
			more = realloc(records, room * sizeof(*records));
			if (more == NULL) {
				free(records);
				return -ENOMEM;
			}
			records = more;
		}
		records[count++] = get_u32(&b);
	}
	if (got != 0 || count == 0 || ferror(file)) {
		free(records);
		return -EBADMSG;
	}
	*ret_records = records;
	*ret_count = count;
	return 0;
}

/* Starts gzip on the file; what it writes is read from *ret_file. */
static int gunzip_start(const char *path, pid_t *ret_pid, FILE **ret_file)
{
	int ends[2];
	pid_t pid;

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
	*ret_file = pid < 0 ? NULL : fdopen(ends[0], "rb");
	if (*ret_file == NULL) {
		(void)close(ends[0]);
		return pid < 0 ? -EAGAIN : -ENOMEM;
	}
	*ret_pid = pid;
	return 0;
}

int plan_replay_load(struct plan *plan, const char *path)
{
	size_t len = strlen(path);
	bool packed = len > 3 && strcmp(path + len - 3, ".gz") == 0;
	FILE *file = NULL;
	int status = 0;
	pid_t pid = 0;
	int r;

	if (access(path, R_OK) < 0)
		return -errno;
	if (packed) {
		r = gunzip_start(path, &pid, &file);
		if (r < 0)
			return r;
	} else {
		file = fopen(path, "rb");
		if (file == NULL)
			return -errno;
	}
	r = records_read(file, &plan->records, &plan->count);
	(void)fclose(file);
	if (packed && waitpid(pid, &status, 0) == pid && r == 0 && status != 0) {
		plan_fini(plan);
		return -EBADMSG;
	}
	return r;
}

struct place plan_place(const struct plan *plan, uint64_t index, uint32_t width, uint32_t height,
			unsigned bits)
{
	uint64_t random;

	px_assert(index < plan->count);
	if (plan->records != NULL) {
		uint32_t record = plan->records[index];

		return (struct place){
			.x = (record >> 4) % RECORD_WIDTH,
			.y = (record >> 4) / RECORD_WIDTH,
			.color = record & 15,
		};
	}
	random = rng_mix(rng_mix(plan->seed) + index);
	return (struct place){
		.x = (uint32_t)(random >> 8 & 0xffffff) % width,
		.y = (uint32_t)(random >> 32 & 0xffffff) % height,
		.color = (uint8_t)(random & ((1U << bits) - 1)),
	};
}

/* --- when ------------------------------------------------------------------------------------- */

static double gap_draw(struct schedule *s)
{
	return s->uniform ? s->gap_ns : -log(1.0 - rng_unit(&s->rng)) * s->gap_ns;
}

void schedule_start(struct schedule *s, uint64_t start_ns, double per_second, bool uniform,
		    uint64_t seed)
{
	px_assert(per_second > 0);
	*s = (struct schedule){
		.gap_ns = 1e9 / per_second, .rng = rng_mix(seed), .uniform = uniform};
	s->next_ns = (double)start_ns + gap_draw(s);
}

uint64_t schedule_next_ns(const struct schedule *s)
{
	return (uint64_t)s->next_ns;
}

void schedule_take(struct schedule *s)
{
	s->next_ns += gap_draw(s);
}
