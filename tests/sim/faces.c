/* faces.c - see faces.h. */
#include "tests/sim/faces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/assert.h"
#include "tests/prng.h"

#define WISH_CHANCE 250 /* steps between two, on average */
#define COLORS_MAX  24  /* the smallest log of a run has room for their names */
#define FREEZES     6   /* of so many wishes one freezes */

struct faces_sim {
	struct settings *settings;
	struct truth_board *boards;
	struct crowd *crowd;
	uint64_t dice;
	struct settings_board *next; /* of all boards */
	struct face_wish wish;
	bool is_out;
	struct faces_sim_counts counts;
};

struct faces_sim *faces_sim_new(struct settings *settings, struct truth_board *boards,
				struct crowd *crowd, uint64_t seed)
{
	struct faces_sim *f = calloc(1, sizeof(*f));

	px_assert(f != NULL);
	*f = (struct faces_sim){
		.settings = settings, .boards = boards, .crowd = crowd, .dice = seed};
	f->next = calloc(settings->boards_count, sizeof(*f->next));
	px_assert(f->next != NULL);
	return f;
}

void faces_sim_free(struct faces_sim *f)
{
	free(f->next);
	free(f);
}

static uint64_t below(struct faces_sim *f, uint64_t end)
{
	return prng_below(&f->dice, end);
}

static void palette_draw(struct faces_sim *f, struct settings_board *s, bool shrinks)
{
	unsigned most = s->bits < 5 ? 1u << s->bits : COLORS_MAX;
	unsigned before = s->colors, least = shrinks ? 1 : before;

	s->colors = least + (unsigned)below(f, most - least + 1);
	for (unsigned i = 0; i < s->colors; i++)
		if (i >= before || below(f, 8) == 0) {
			snprintf(s->palette[i].name, sizeof(s->palette[i].name), "c%lu",
				 below(f, 1000));
			s->palette[i].rgb = (uint32_t)below(f, 1u << 24);
		}
}

static void board_draw(struct faces_sim *f, struct settings_board *s, bool shrinks)
{
	static const uint64_t cooldowns[] = {0, 0, 50, 200, 1000};

	if (below(f, 2) == 0)
		palette_draw(f, s, shrinks);
	if (below(f, 2) == 0)
		s->cooldown_ms = cooldowns[below(f, 5)];
	s->frozen = below(f, FREEZES) == 0;
}

/* What was set is what the next start is given, too. */
static void taken(struct faces_sim *f)
{
	for (unsigned b = 0; b < f->wish.count; b++) {
		const struct settings_board *s = &f->next[b];
		struct truth_board *board = &f->boards[b];

		f->settings->boards[b] = *s;
		board->colors = s->colors;
		board->cooldown_ms = (uint32_t)s->cooldown_ms;
		board->frozen = s->frozen;
		truth_board_widen(board);
		truth_face(f->crowd->truth, b, f->crowd->wall_ms, board);
	}
}

static void answered(void *arg)
{
	struct faces_sim *f = arg;

	px_assert(f->is_out);
	f->is_out = false;
	if (f->wish.why[0] != '\0') {
		f->counts.refused++;
		truth_check(strstr(f->wish.why, "in colors that are not among") != NULL,
			    "faces that can be were refused: %s", f->wish.why);
		return;
	}
	f->counts.set += f->wish.changed;
	f->counts.same += f->wish.count - f->wish.changed;
	taken(f);
}

void faces_sim_turn(struct faces_sim *f, struct stack *stack, bool shrinks)
{
	unsigned count = f->settings->boards_count;

	if (f->is_out || below(f, WISH_CHANCE) != 0)
		return;
	memcpy(f->next, f->settings->boards, count * sizeof(*f->next));
	board_draw(f, &f->next[below(f, count)], shrinks);
	if (below(f, 4) == 0)
		board_draw(f, &f->next[below(f, count)], shrinks);
	f->wish = (struct face_wish){
		.boards = f->next, .count = count, .arg = f, .answered = answered};
	f->is_out = true;
	stack_faces_wish(stack, &f->wish);
}

void faces_sim_cut_off(struct faces_sim *f)
{
	f->is_out = false;
}

struct faces_sim_counts faces_sim_counts(const struct faces_sim *f)
{
	return f->counts;
}
