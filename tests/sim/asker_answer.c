/* asker_answer.c - what the simulated server answers about the past: read, and told to truth.h. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tests/sim/asker_priv.h"

static uint64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	truth_check(json_is_integer(v), "an answer without the number %s", key);
	return (uint64_t)json_integer_value(v);
}

static uint64_t number_or_null(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return v == NULL || json_is_null(v) ? 0 : number(o, key);
}

static json_t *body_load(const uint8_t *body, size_t len)
{
	json_error_t error;
	json_t *json = json_loadb((const char *)body, len, 0, &error);

	truth_check(json != NULL, "an answer that is no JSON: %s", error.text);
	return json;
}

static uint64_t field(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* --- the past ------------------------------------------------------------------------------- */

static void pixel_hear(struct asker *a, const json_t *answer)
{
	const json_t *user = json_object_get(answer, "user");
	struct truth_pixel *p = &a->pixel;

	p->color = (uint32_t)number(answer, "color");
	p->at_ms = number_or_null(answer, "placed_at");
	truth_check(json_is_string(user) == (p->at_ms != 0), "a pixel of somebody, or of no time");
	if (json_is_string(user))
		strncat(p->user, json_string_value(user), 32);
	truth_told_pixel(a->crowd->truth, p);
}

static void cell_hear(struct asker *a, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "placements"), *user;
	struct truth_cell *c = &a->cell;

	truth_check(json_array_size(list) <= TRUTH_CELL_MAX, "a history of %zu placements",
		    json_array_size(list));
	c->count = (uint32_t)json_array_size(list);
	c->next = number_or_null(answer, "next");
	for (uint32_t i = 0; i < c->count; i++) {
		const json_t *p = json_array_get(list, i);

		c->found[i].seq = number(p, "seq");
		c->found[i].at_ms = number(p, "placed_at");
		c->found[i].color = (uint32_t)number(p, "color");
		c->found[i].rollback = number_or_null(p, "rollback");
		user = json_object_get(p, "user");
		truth_check(json_is_string(user) == (c->found[i].rollback == 0),
			    "a placement of nobody, and of no rollback");
		c->found[i].user[0] = '\0';
		if (json_is_string(user))
			strncat(c->found[i].user, json_string_value(user), 32);
	}
	c->complete = json_is_true(json_object_get(answer, "complete"));
	truth_check(c->next != 0 || c->complete || truth_retains(a->crowd->truth),
		    "board %s: the history of (%u, %u) is not complete", asker_board(a)->name, c->x,
		    c->y);
	truth_told_cell(a->crowd->truth, c);
}

static void moment_hear(struct asker *a, const char *head, const uint8_t *body, size_t len)
{
	const struct truth_board *b = asker_board(a);
	uint8_t *colors = malloc((size_t)b->width * b->height);

	px_assert(colors != NULL);
	truth_check(len == ((size_t)b->width * b->height * b->bits + 7) / 8,
		    "a board of the past of %zu bytes", len);
	truth_check(strcasestr(head, "X-Board-Seq: ") != NULL, "a board of the past without seq");
	a->moment.is_seq = field(head, "X-Board-Seq: ");
	a->moment.is_ms = field(head, "X-Board-Time: ");
	client_bitmap_unpack(b, body, colors);
	truth_told_moment(a->crowd->truth, &a->moment, colors);
	free(colors);
}

/* --- rollbacks ------------------------------------------------------------------------------ */

static struct truth_rolled_back row_of(const json_t *o)
{
	return (struct truth_rolled_back){
		.lsn = number_or_null(o, "rollback"),
		.undoes = number_or_null(o, "undoes"),
		.undone_by = number_or_null(o, "undone_by"),
		.placements = number(o, "placements"),
		.cells = number(o, "cells"),
		.upto_seq = number(json_object_get(o, "took"), "upto"),
		.seq = number_or_null(o, "seq"),
	};
}

static void list_hear(struct asker *a, const json_t *answer)
{
	size_t count = json_array_size(answer);
	struct truth_rolled_back *list = calloc(count + 1, sizeof(*list));

	px_assert(list != NULL);
	for (size_t i = 0; i < count; i++)
		list[i] = row_of(json_array_get(answer, i));
	truth_rollbacks_listed(a->crowd->truth, a->board, a->known_lsn, list, count);
	free(list);
}

static void rollback_hear(struct asker *a, const json_t *answer)
{
	struct truth_rolled_back told = row_of(answer);

	truth_check((number(answer, "out_of_reach") == 0 && number(answer, "since") == 0) ||
			    truth_retains(a->crowd->truth),
		    "board %s: something is out of a rollback's reach", asker_board(a)->name);
	truth_check(a->ask == ASK_DO || told.lsn == 0, "a dry run made rollback %lu", told.lsn);
	if (a->ask == ASK_DO)
		truth_rollback_told(a->crowd->truth, a->number, &told);
	else
		truth_rollback_tried(a->crowd->truth, &a->rollback, a->known_lsn, &told);
	a->crowd->counts.rolled_back += told.lsn != 0;
}

/* Whether the answer tells that nothing was changed. Others may be said to anything. */
static bool is_refusal(struct asker *a, const char *code)
{
	static const char *const of_rollbacks[] = {"unknown_rollback", "is_undone", "too_large",
						   "no_color"};
	static const char *const of_all[] = {"overloaded",  "history_busy", "rollback_busy",
					     "unavailable", "history_gone", "not_yet"};

	for (unsigned i = 0; i < 6; i++)
		if (strcmp(code, of_all[i]) == 0)
			return true;
	for (unsigned i = 0; i < 4 && a->ask >= ASK_TRY; i++)
		if (strcmp(code, of_rollbacks[i]) == 0)
			return true;
	/* the palette has lost the color of the filter */
	return strcmp(code, "bad_request") == 0 && a->ask >= ASK_TRY &&
	       a->rollback.filter.by_color &&
	       a->rollback.filter.color >= asker_board(a)->colors_least;
}

static void refusal_check(struct asker *a, const char *code, const json_t *answer)
{
	if (strcmp(code, "not_yet") == 0)
		truth_check((a->ask == ASK_SEQ && a->moment.seq > a->moment.known_seq) ||
				    (a->ask == ASK_TIME && a->moment.at_ms > a->crowd->wall_ms),
			    "board %s: seq %lu or time %lu is not yet", asker_board(a)->name,
			    a->moment.seq, a->moment.at_ms);
	if (strcmp(code, "unknown_rollback") == 0)
		truth_check(truth_retains(a->crowd->truth) ||
				    !truth_rollback_takes(a->crowd->truth, a->board,
							  a->rollback.undoes),
			    "LOST: board %s: rollback %lu was told, and then not known",
			    asker_board(a)->name, a->rollback.undoes);
	if (strcmp(code, "is_undone") == 0)
		truth_check(a->rollback.undoes != 0, "is_undone, though nothing was to be");
	if (strcmp(code, "history_gone") == 0)
		truth_check(a->known_seq == 0 || truth_retains(a->crowd->truth),
			    "board %s: history is gone: %s", asker_board(a)->name,
			    json_string_value(
				    json_object_get(json_object_get(answer, "error"), "message")));
}

static void error_hear(struct asker *a, unsigned status, const json_t *answer)
{
	const char *code =
		json_string_value(json_object_get(json_object_get(answer, "error"), "code"));

	truth_check(code != NULL, "an error of status %u without a code", status);
	a->crowd->counts.denied++;
	if (is_refusal(a, code)) {
		refusal_check(a, code, answer);
		if (a->ask == ASK_DO)
			truth_rollback_refused(a->crowd->truth, a->number);
		return;
	}
	truth_check(
		strcmp(code, "full") == 0 || strcmp(code, "timeout") == 0,
		"a question of kind %u was answered with %u %s: %s", a->ask, status, code,
		json_string_value(json_object_get(json_object_get(answer, "error"), "message")));
}

void asker_hear(struct asker *a, const char *head, unsigned status, const uint8_t *body, size_t len)
{
	json_t *answer = NULL;

	if (status == 200 && (a->ask == ASK_SEQ || a->ask == ASK_TIME)) {
		moment_hear(a, head, body, len);
		return;
	}
	if (status == 200 && a->ask == ASK_SHOW) {
		truth_check(len > 8 && memcmp(body, "\x89PNG", 4) == 0, "a preview is no picture");
		return;
	}
	answer = body_load(body, len);
	if (status != 200)
		error_hear(a, status, answer);
	else if (a->ask == ASK_PIXEL)
		pixel_hear(a, answer);
	else if (a->ask == ASK_CELL)
		cell_hear(a, answer);
	else if (a->ask == ASK_LIST)
		list_hear(a, answer);
	else
		rollback_hear(a, answer);
	json_decref(answer);
}
