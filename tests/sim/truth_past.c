/*
 * truth_past.c - what was answered about the past, against what the journal has. See truth.h.
 *
 * Memory: answers, until the next truth_verify(); boards as hashes by seq, for the whole run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tests/sim/truth_priv.h"

void truth_told_cell(struct truth *t, const struct truth_cell *cell)
{
	t->cells = truth_grown(t->cells, t->cells_len, &t->cells_max, sizeof(*t->cells));
	t->cells[t->cells_len++] = *cell;
}

void truth_told_pixel(struct truth *t, const struct truth_pixel *pixel)
{
	t->pixels = truth_grown(t->pixels, t->pixels_len, &t->pixels_max, sizeof(*t->pixels));
	t->pixels[t->pixels_len++] = *pixel;
}

void truth_told_moment(struct truth *t, const struct truth_moment *m, const uint8_t *colors)
{
	truth_hash_set(t, &t->past[m->board], m->board, m->is_seq,
		       truth_colors_hash(&t->boards[m->board], colors));
	t->moments = truth_grown(t->moments, t->moments_len, &t->moments_max, sizeof(*t->moments));
	t->moments[t->moments_len++] = *m;
}

/* --- a pixel -------------------------------------------------------------------------------- */

static bool is_of(const struct placed *p, const char *user)
{
	uint8_t bytes[USER_BYTES];
	char hex[2 * USER_BYTES + 1];

	if (p->rollback != 0)
		return false;
	truth_user(p->client, bytes);
	for (unsigned i = 0; i < USER_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return strcmp(user, hex) == 0;
}

static void found_check(const struct truth *t, const struct truth_cell *c, uint32_t i, uint64_t seq)
{
	const struct placed *p = truth_placed(t, c->board, seq);

	truth_check(c->found[i].at_ms == p->at_ms && c->found[i].color == p->color &&
			    c->found[i].rollback == p->rollback &&
			    (p->rollback != 0 || is_of(p, c->found[i].user)),
		    "board %s: the history of (%u, %u) has seq %lu otherwise than the journal",
		    t->boards[c->board].name, c->x, c->y, seq);
}

/* From the newest back to where the answer ends: all of the cell, and nothing else. What is newer
 * than anybody knew when it was asked may be in it or not. One that is not complete ends
 * anywhere. */
static void cell_check(const struct truth *t, const struct truth_cell *c)
{
	const struct fold *f = &t->folds[c->board];
	uint32_t cell = c->y * t->boards[c->board].width + c->x, i = 0;
	uint64_t end = c->next > f->first_seq ? c->next : f->first_seq;
	uint64_t seq = c->before < f->next_seq ? c->before : f->next_seq;

	while (seq > end && (i < c->count || c->next != 0 || c->complete)) {
		if (truth_placed(t, c->board, --seq)->cell != cell)
			continue;
		if (i < c->count && c->found[i].seq == seq)
			found_check(t, c, i++, seq);
		else
			truth_check(i == 0 && seq > c->known_seq,
				    "board %s: the history of (%u, %u) below %lu has not seq %lu",
				    t->boards[c->board].name, c->x, c->y, c->before, seq);
	}
	truth_check(i == c->count,
		    "board %s: the history of (%u, %u) below %lu has seq %lu, the journal not",
		    t->boards[c->board].name, c->x, c->y, c->before,
		    i < c->count ? c->found[i].seq : 0);
}

/* It is what it was when it was asked for, or what it became later. */
static void pixel_check(const struct truth *t, const struct truth_pixel *c)
{
	const struct fold *f = &t->folds[c->board];
	uint32_t cell = c->y * t->boards[c->board].width + c->x;
	bool is_right = false, was_there = false;

	for (uint64_t seq = f->next_seq; seq > f->first_seq && !is_right && !was_there; seq--) {
		const struct placed *p = truth_placed(t, c->board, seq - 1);

		if (p->cell != cell)
			continue;
		is_right = p->color == c->color &&
			   (c->at_ms == 0 || (p->at_ms == c->at_ms && is_of(p, c->user)));
		was_there = seq - 1 <= c->known_seq;
	}
	if (!was_there && c->color == 0 && c->at_ms == 0)
		is_right = true;
	truth_check(is_right, "board %s: (%u, %u) was told to be %u, by %s at %lu",
		    t->boards[c->board].name, c->x, c->y, c->color, c->user, c->at_ms);
}

/* --- a board -------------------------------------------------------------------------------- */

static void moment_check(const struct truth *t, const struct truth_moment *m)
{
	const struct fold *f = &t->folds[m->board];
	const char *name = t->boards[m->board].name;
	uint64_t newest_ms = 0;

	truth_check(m->is_seq < f->next_seq,
		    "LOST: board %s: history told of seq %lu; the journal ends before %lu", name,
		    m->is_seq, f->next_seq);
	truth_check(m->seq == UINT64_MAX || m->seq == m->is_seq,
		    "board %s: history was asked for seq %lu, and told of %lu", name, m->seq,
		    m->is_seq);
	if (m->is_seq >= f->first_seq)
		newest_ms = truth_placed(t, m->board, m->is_seq)->at_ms;
	truth_check(m->is_ms == newest_ms, "board %s: history has seq %lu at %lu, the journal %lu",
		    name, m->is_seq, m->is_ms, newest_ms);
	if (m->at_ms == UINT64_MAX)
		return;
	truth_check(newest_ms <= m->at_ms, "board %s: the board at %lu has a placement of %lu",
		    name, m->at_ms, newest_ms);
	truth_check(m->is_seq >= m->known_seq ||
			    truth_placed(t, m->board, m->is_seq + 1)->at_ms > m->at_ms,
		    "board %s: the board at %lu stands at seq %lu, and the next is not later", name,
		    m->at_ms, m->is_seq);
}

void told_verify_end(struct truth *t)
{
	for (size_t i = 0; i < t->cells_len; i++)
		cell_check(t, &t->cells[i]);
	for (size_t i = 0; i < t->moments_len; i++)
		moment_check(t, &t->moments[i]);
	for (size_t i = 0; i < t->pixels_len; i++)
		pixel_check(t, &t->pixels[i]);
	t->counts.past_checked += t->cells_len + t->moments_len + t->pixels_len;
	t->cells_len = t->moments_len = t->pixels_len = 0;
}

void told_free(struct truth *t)
{
	free(t->cells);
	free(t->moments);
	free(t->pixels);
}
