/*
 * faces.h - an operator who gives boards other palettes, cooldowns, and freezes them, while people
 * place; what a reload of the settings does.
 *
 * What was answered holds from that moment, and for the next start too. One thread.
 */
#ifndef PX_TESTS_SIM_FACES_H
#define PX_TESTS_SIM_FACES_H

#include "tests/sim/client.h"
#include "tests/sim/stack.h"

struct faces_sim;

/* Changes the boards of the settings, and of the crowd with them; both outlive it. */
struct faces_sim *faces_sim_new(struct settings *settings, struct truth_board *boards,
				struct crowd *crowd, uint64_t seed);
void faces_sim_free(struct faces_sim *f);

/* Wishes something now and then. shrinks: palettes get shorter too. */
void faces_sim_turn(struct faces_sim *f, struct stack *stack, bool shrinks);
void faces_sim_cut_off(struct faces_sim *f); /* the server is gone */

struct faces_sim_counts {
	uint64_t set, refused, same;
};
struct faces_sim_counts faces_sim_counts(const struct faces_sim *f);

#endif
