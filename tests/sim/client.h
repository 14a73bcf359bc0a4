/*
 * client.h - simulated people: they speak pixeld.v1 over a simulated network, and misbehave.
 *
 * A client follows boards as docs/protocol.md says: subscribe, fetch the bitmap over HTTP on a
 * connection of its own, join the deltas, resume after a break. Everything it receives is checked
 * on the spot: frames follow the RFC, deltas have no gap, status and answers are true; what it
 * learns goes to truth.h. Unless it is calm it also places, stops reading, vanishes, hangs up,
 * sends rubbish, and parts in order: what it asked before must be answered, and the end be told.
 *
 * One thread; all randomness from crowd->dice.
 */
#ifndef PX_TESTS_SIM_CLIENT_H
#define PX_TESTS_SIM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/codec/session.h"
#include "tests/sim/net_sim.h"
#include "tests/sim/truth.h"

/* What clients did and met, to be printed. */
struct crowd_counts {
	uint64_t connects, upgrades, resumes, fetches, stales, deltas, statuses, faces, placed,
		refused, vanished, deaf, rubbish, parted, expired, lost_answers, told_by_you, put,
		again, reused;
	uint64_t questions, denied, rolled_back; /* asker.h */
};

/* What all clients share. */
struct crowd {
	struct net_sim *net;
	struct truth *truth;
	const struct session_key *session_key;
	const struct truth_board *boards;
	unsigned board_count;
	int listener;
	bool logs_are_small; /* they lose frames that somebody still stands in */
	bool calm;           /* no placements and no mischief: everybody converges */
	uint64_t dice;
	uint64_t wall_ms;
	struct crowd_counts counts;
};

struct client;

struct client *client_new(struct crowd *crowd, unsigned number);
void client_free(struct client *c);

/* One turn: connects when it wants to, reads, writes, thinks of something. */
void client_turn(struct client *c, uint64_t now_ns);

void client_cut_off(struct client *c); /* the server is gone, with all connections */

/* Whether it follows `board` live, stands at `seq`, and knows the face of this version. */
bool client_is_level(const struct client *c, unsigned board, uint64_t seq, uint32_t version);
bool client_follows(const struct client *c, unsigned board);

void client_describe(const struct client *c); /* to standard error, when a run broke */
void client_leave(struct client *c);          /* for good: hangs up in order */

#endif
