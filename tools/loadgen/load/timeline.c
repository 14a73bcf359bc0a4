/*
 * timeline.c - stages: text to structs, and what holds at a moment. Memory: the array of stages,
 * made while the command line is parsed.
 */
#include "tools/loadgen/load/timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/options/units.h"

#define FIELD_CHARS_MAX 63

static const char *const kinds[] = {
	[STAGE_RAMP] = "ramp",
	[STAGE_HOLD] = "hold",
	[STAGE_BURST] = "burst",
	[STAGE_STORM] = "storm",
};

const char *stage_kind_str(enum stage_kind kind)
{
	return kinds[kind];
}

static int fail(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/* --- text to stage ---------------------------------------------------------------------------- */

/* A..B. */
static int clients_parse(const char *text, struct stage *s)
{
	const char *dots = strstr(text, "..");
	char from[FIELD_CHARS_MAX + 1];
	uint64_t a, b;
	size_t len;

	if (dots == NULL)
		return -EINVAL;
	len = (size_t)(dots - text);
	memcpy(from, text, len);
	from[len] = '\0';
	if (units_count(from, &a) < 0 || units_count(dots + 2, &b) < 0 || a > b || b == 0 ||
	    b > UINT32_MAX)
		return -EINVAL;
	s->clients_from = (uint32_t)a;
	s->clients_to = (uint32_t)b;
	return 0;
}

static int field_parse(const char *text, struct stage *s, const char **ret_why)
{
	if (strncmp(text, "rate=", 5) == 0)
		return units_rate(text + 5, &s->rate) < 0
			       ? fail(ret_why, "rate= needs placements per second, as in 1000/s")
			       : 0;
	if (strncmp(text, "reconnect=", 10) == 0 && s->kind == STAGE_STORM)
		return units_share(text + 10, &s->reconnect) < 0
			       ? fail(ret_why, "reconnect= needs a share, as in 20%")
			       : 0;
	if (strncmp(text, "vanish=", 7) == 0 && s->kind == STAGE_STORM)
		return units_share(text + 7, &s->vanish) < 0
			       ? fail(ret_why, "vanish= needs a share, as in 5%")
			       : 0;
	if (s->kind == STAGE_RAMP && strstr(text, "..") != NULL)
		return clients_parse(text, s) < 0
			       ? fail(ret_why, "a ramp must go up, from one number of clients to "
					       "another, as in 0..300k")
			       : 0;
	return fail(ret_why, "it has a part that its kind does not take");
}

/* The next part of the text, up to a colon or comma behind which something stands. False: there is
 * none, or it is too long. */
static bool field_next(const char **text, char field[static FIELD_CHARS_MAX + 1])
{
	size_t len = strcspn(*text, ":,");

	if (len == 0 || len > FIELD_CHARS_MAX)
		return false;
	memcpy(field, *text, len);
	field[len] = '\0';
	*text += len;
	if (**text == '\0')
		return true;
	return *++*text != '\0';
}

static int stage_parse(const char *text, struct stage *ret_stage, const char **ret_why)
{
	struct stage s = {.rate = -1};
	char field[FIELD_CHARS_MAX + 1];
	size_t kind = 0;

	if (!field_next(&text, field))
		return fail(ret_why, "it must begin with a kind: ramp, hold, burst or storm");
	while (kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind], field) != 0)
		kind++;
	if (kind == sizeof(kinds) / sizeof(kinds[0]))
		return fail(ret_why, "its kind must be ramp, hold, burst or storm");
	s.kind = (enum stage_kind)kind;
	if (!field_next(&text, field) || units_duration(field, &s.until_ns) < 0 || s.until_ns == 0)
		return fail(ret_why, "the kind must be followed by a duration, as in 30s");
	while (*text != '\0') {
		int r = field_next(&text, field) ? field_parse(field, &s, ret_why)
						 : fail(ret_why, "a part of it is empty");

		if (r < 0)
			return r;
	}
	if (s.kind == STAGE_RAMP && s.clients_to == 0)
		return fail(ret_why, "a ramp needs numbers of clients, as in 0..300k");
	if (s.kind == STAGE_BURST && s.rate <= 0)
		return fail(ret_why, "a burst needs a rate, as in rate=10000");
	if (s.kind == STAGE_STORM && s.reconnect + s.vanish <= 0)
		return fail(ret_why, "a storm needs reconnect=20% or vanish=5%");
	if (s.reconnect + s.vanish > 1)
		return fail(ret_why, "more than all clients cannot disconnect");
	*ret_stage = s;
	return 0;
}

static const struct stage *ramp_last(const struct timeline *t)
{
	for (uint32_t i = t->count; i-- > 0;)
		if (t->stages[i].kind == STAGE_RAMP)
			return &t->stages[i];
	return NULL;
}

int timeline_add(struct timeline *t, const char *text, const char **ret_why)
{
	uint64_t from_ns = t->count == 0 ? 0 : t->stages[t->count - 1].until_ns;
	const struct stage *before = ramp_last(t);
	struct stage s;
	int r = stage_parse(text, &s, ret_why);

	if (r < 0)
		return r;
	if (t->count == TIMELINE_STAGES_MAX || s.until_ns > UINT64_MAX / 2 - from_ns)
		return fail(ret_why, "there are too many phases, or they last too long");
	if (s.kind == STAGE_RAMP && before != NULL && before->clients_to != s.clients_from)
		return fail(ret_why, "a ramp must begin where the one before it ended");
	if (t->count == t->room) {
		uint32_t room = t->room == 0 ? 16 : t->room * 2;
		struct stage *more = realloc(t->stages, room * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		t->stages = more;
		t->room = room;
	}
	s.from_ns = from_ns;
	s.until_ns += from_ns;
	t->stages[t->count++] = s;
	return 0;
}

void timeline_fini(struct timeline *t)
{
	free(t->stages);
	*t = (struct timeline){0};
}

/* --- what it says ----------------------------------------------------------------------------- */

uint32_t timeline_clients_first(const struct timeline *t, uint32_t all)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->stages[i].kind == STAGE_RAMP)
			return t->stages[i].clients_from;
	return all;
}

uint32_t timeline_clients_last(const struct timeline *t, uint32_t all)
{
	const struct stage *last = ramp_last(t);

	return last == NULL ? all : last->clients_to;
}

uint64_t timeline_opens_ns(const struct timeline *t, uint64_t number, uint32_t all)
{
	if (number < timeline_clients_first(t, all))
		return 0;
	for (uint32_t i = 0; i < t->count; i++) {
		const struct stage *s = &t->stages[i];
		double part;

		if (s->kind != STAGE_RAMP || number >= s->clients_to)
			continue;
		part = (double)(number - s->clients_from) / (s->clients_to - s->clients_from);
		return s->from_ns + (uint64_t)(part * (double)(s->until_ns - s->from_ns));
	}
	return TIMELINE_NEVER;
}

int timeline_pace(const struct timeline *t, double rate, struct pace *pace)
{
	for (uint32_t i = 0; i < t->count; i++) {
		const struct stage *s = &t->stages[i];
		int r = pace_add(pace, s->until_ns - s->from_ns, s->rate < 0 ? rate : s->rate);

		if (r < 0)
			return r;
	}
	return 0;
}

const struct stage *timeline_at(const struct timeline *t, uint64_t at_ns)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (at_ns < t->stages[i].until_ns)
			return &t->stages[i];
	return NULL;
}
