/*
 * server_limits.c - from settings to the values that workers and writer load at each use: at start
 * and at each reload. Main thread.
 */
#include <string.h>

#include "edge/codec/http_host.h"
#include "engine/base/assert.h"
#include "server/server_priv.h"

_Static_assert(ORIGINS_MAX >= SETTINGS_LIST_MAX, "every origin of a start finds a place");
_Static_assert(ORIGIN_CHARS_MAX >= SETTINGS_ITEM_CHARS, "an origin fits");

/* --- origins ---------------------------------------------------------------------------------- */

static void origin_print(const char *item, char out[static ORIGIN_CHARS_MAX])
{
	bool good = http_origin_print((struct span){item, strlen(item)}, out, ORIGIN_CHARS_MAX);

	px_assert(good); /* the settings were checked */
}

/* The place of a text; `count`: it has none. */
static uint32_t origin_find(const struct worker_origins *o, const char *text)
{
	uint32_t count = atomic_load(&o->count);

	for (uint32_t i = 0; i < count; i++)
		if (strcmp(o->texts[i], text) == 0)
			return i;
	return count;
}

bool server_origins_fit(const struct server *s, const struct settings *settings)
{
	const struct worker_origins *o = &s->shared.origins;
	uint32_t count = atomic_load(&o->count), more = 0;

	for (unsigned i = 0; i < settings->origin.count; i++) {
		char text[ORIGIN_CHARS_MAX];

		origin_print(settings->origin.items[i], text);
		more += origin_find(o, text) == count;
	}
	return count + more <= ORIGINS_MAX;
}

static void origin_allow(struct worker_origins *o, const char *text)
{
	uint32_t count = atomic_load(&o->count), at = origin_find(o, text);

	if (at == count) {
		px_assert(count < ORIGINS_MAX);
		memcpy(o->texts[at], text, strlen(text) + 1);
	}
	atomic_store(&o->is_allowed[at], true);
	if (at == count)
		atomic_store_explicit(&o->count, count + 1, memory_order_release);
}

/* First those that come: whoever stays listed is allowed all the time. */
static void origins_set(struct worker_origins *o, const struct settings_list *list)
{
	bool stays[ORIGINS_MAX] = {false};

	for (unsigned i = 0; i < list->count; i++) {
		char text[ORIGIN_CHARS_MAX];

		origin_print(list->items[i], text);
		origin_allow(o, text);
		stays[origin_find(o, text)] = true;
	}
	for (uint32_t i = 0; i < atomic_load(&o->count); i++)
		if (!stays[i])
			atomic_store(&o->is_allowed[i], false);
}

/* ---------------------------------------------------------------------------------------------- */

void server_limits_set(struct server *s, const struct settings *settings)
{
	struct worker_limits *limits = &s->shared.limits;

	origins_set(&s->shared.origins, &settings->origin);
	atomic_store(&limits->requests_per_second, (uint32_t)settings->requests_per_second);
	atomic_store(&limits->sessions_per_minute, (uint32_t)settings->sessions_per_minute);
	atomic_store(&limits->http_head_timeout_ms, (uint32_t)settings->http_head_timeout_ms);
	atomic_store(&limits->http_idle_timeout_ms, (uint32_t)settings->http_idle_timeout_ms);
	atomic_store(&limits->ws_idle_timeout_ms, (uint32_t)settings->ws_idle_timeout_ms);
	atomic_store(&limits->session_lifetime_s, settings->session_lifetime_s);
	atomic_store(&limits->round_interval_ns, settings->round_interval_ms * NS_PER_MS);
	atomic_store(&limits->round_rest_ns, settings->round_rest_ms * NS_PER_MS);
	writer_pace_set(s->writer, settings);
}
