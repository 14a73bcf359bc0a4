/*
 * plan.c - recorded or random placements.
 *
 * A recorded file is read whole at start (8 bytes per placement). Random placements are a function
 * of seed and index alone, so the index of an acknowledgement is enough to know its cell.
 */
#include "tools/loadgen/pixel/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/assert.h"
#include "engine/base/bytes.h"
#include "tools/loadgen/load/recording.h"
#include "tools/loadgen/load/rng.h"

#define RECORD_BYTES 8
#define RECORD_WIDTH 1000 /* of the recorded board */

void plan_init(struct plan *plan, uint64_t seed)
{
	*plan = (struct plan){.seed = seed, .count = UINT64_MAX, .speedup = 1};
}

void plan_fini(struct plan *plan)
{
	free(plan->records);
	free(plan->due_ms);
	plan->records = NULL;
	plan->due_ms = NULL;
}

static bool records_reserve(struct plan *plan, size_t room)
{
	uint32_t *records = realloc(plan->records, room * sizeof(*records));
	uint32_t *due_ms;

	if (records == NULL)
		return false;
	plan->records = records;
	due_ms = realloc(plan->due_ms, room * sizeof(*due_ms));
	if (due_ms == NULL)
		return false;
	plan->due_ms = due_ms;
	return true;
}

/* Recorded times are whole seconds: those of one second are spread over it. due_ms holds seconds
 * when this begins. */
static int seconds_spread(struct plan *plan)
{
	uint32_t first = plan->due_ms[0];

	for (size_t i = 0; i < plan->records_count;) {
		uint32_t second = plan->due_ms[i];
		size_t n = 0;

		while (i + n < plan->records_count && plan->due_ms[i + n] == second)
			n++;
		if (second < first || second - first > UINT32_MAX / 1000 - 1)
			return -EBADMSG;
		for (size_t k = 0; k < n; k++)
			plan->due_ms[i + k] = (second - first) * 1000 + (uint32_t)(1000 * k / n);
		i += n;
	}
	return 0;
}

static int records_read(struct plan *plan, FILE *file)
{
	uint8_t record[RECORD_BYTES];
	size_t count = 0;
	size_t room = 0;
	size_t got;

	while ((got = fread(record, 1, sizeof(record), file)) == sizeof(record)) {
		struct bytes b = bytes_of(record, sizeof(record));

		if (count == room) {
			room = room == 0 ? 65536 : room * 2;
			if (!records_reserve(plan, room))
				return -ENOMEM;
		}
		plan->due_ms[count] = get_u32(&b);
		plan->records[count++] = get_u32(&b);
	}
	if (got != 0 || count == 0 || ferror(file))
		return -EBADMSG;
	plan->records_count = count;
	plan->count = count;
	return seconds_spread(plan);
}

int plan_replay_load(struct plan *plan, const char *path)
{
	struct recording recording;
	int r = recording_open(path, &recording);
	int end;

	if (r < 0)
		return r;
	r = records_read(plan, recording.file);
	end = recording_close(&recording);
	if (r == 0 && end == 0)
		return 0;
	plan_fini(plan);
	return r < 0 ? r : end;
}

uint64_t plan_due_ns(const struct plan *plan, uint64_t index)
{
	px_assert(plan->due_ms != NULL && index < plan->count);
	return (uint64_t)((double)plan->due_ms[index] * 1e6 / plan->speedup);
}

/* --- which ------------------------------------------------------------------------------------ */

/* A random number that belongs to (seed, what for, index). */
static uint64_t draw(const struct plan *plan, uint64_t purpose, uint64_t index)
{
	return rng_mix(rng_mix(plan->seed + purpose * 0x9e3779b97f4a7c15ULL) + index);
}

static double draw_unit(const struct plan *plan, uint64_t purpose, uint64_t index)
{
	return (double)(draw(plan, purpose, index) >> 11) * 0x1p-53;
}

enum purpose { FOR_PLACE, FOR_NOOP, FOR_HEAT, FOR_HOT_CELL };

/* A placement that changes nothing repeats one of long before, whose color most likely still
 * stands. */
static uint64_t noop_origin(const struct plan *plan, uint64_t index)
{
	while (index >= PLAN_NOOP_BACK && draw_unit(plan, FOR_NOOP, index) < plan->noop_share)
		index -= PLAN_NOOP_BACK;
	return index;
}

static struct place recorded_place(uint32_t record)
{
	return (struct place){
		.x = (record >> 4) % RECORD_WIDTH,
		.y = (record >> 4) / RECORD_WIDTH,
		.color = record & 15,
	};
}

struct place plan_place(const struct plan *plan, uint64_t index, uint32_t width, uint32_t height,
			uint32_t colors)
{
	uint64_t random, where;

	px_assert(index < plan->count);
	if (plan->records != NULL)
		return recorded_place(plan->records[index % plan->records_count]);
	if (plan->noop_share > 0)
		index = noop_origin(plan, index);
	random = draw(plan, FOR_PLACE, index);
	where = random;
	if (plan->hot_cells > 0 && draw_unit(plan, FOR_HEAT, index) < plan->hot_share)
		where = draw(plan, FOR_HOT_CELL, (random >> 8) % plan->hot_cells);
	return (struct place){
		.x = (uint32_t)(where >> 8 & 0xffffff) % width,
		.y = (uint32_t)(where >> 32 & 0xffffff) % height,
		.color = (uint8_t)((random & 0xff) % colors),
	};
}
