/*
 * asker.h - somebody who asks the simulated server about the past, and takes placements back.
 *
 * Over HTTP, as operators and viewers do: what a pixel's placements were, what a board was at a seq
 * or a time, what a rollback would do; and rollbacks, their undoing, their list. One question at a
 * time, over a connection that is kept for some of them; now and then the asker hangs up before the
 * answer. What is answered goes to truth.h, which compares it with the journal. In a calm crowd
 * nothing is taken back.
 */
#ifndef PX_TESTS_SIM_ASKER_H
#define PX_TESTS_SIM_ASKER_H

#include "tests/sim/client.h"

struct asker;

struct asker *asker_new(struct crowd *crowd, unsigned clients);
void asker_free(struct asker *a);
void asker_turn(struct asker *a, uint64_t now_ns);
void asker_cut_off(struct asker *a); /* the server is gone */
void asker_leave(struct asker *a);   /* for good */

#endif
