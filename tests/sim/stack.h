/*
 * stack.h - a whole pixeld in one thread: workers, writer, keeper, packer, historian and receiver
 * over ring, net and disk in memory.
 *
 * What main() of pixeld does with threads is done here by turns: stack_turn() lets each of them run
 * that is awake, in an order that the dice decide; some are left out now and then, as if they had
 * no core.
 */
#ifndef PX_TESTS_SIM_STACK_H
#define PX_TESTS_SIM_STACK_H

#include <stdbool.h>
#include <stdint.h>

#include "edge/worker/worker.h"
#include "tests/sim/sink.h"
#include "writer/writer.h"

#define STACK_WORKERS_MAX 4

struct stack_config {
	const struct settings *settings;
	const struct session_key *session_key;
	int listener;
	unsigned workers;
	uint32_t rings; /* per worker */
	uint32_t slots; /* per ring */
	uint32_t recv_bufs;
	uint32_t clients_max;
	uint64_t read_ns_max; /* a step of the historian takes less; 0: no time */
	struct sink *sink;    /* where the receiver sends; NULL: there is no receiver */
	uint32_t batch_records;
	uint64_t batch_bytes, batch_age_ns, gentle_per_second;
};

struct stack;

/* Starts on what is on the disk. NULL: it refused (a fault hit it), and nothing is left of it. */
struct stack *stack_start(const struct stack_config *config, struct now now);

/* Power or process are gone: nothing is said to anybody, nothing more reaches the disk. The caller
 * cuts the disk's power, or kills its process, behind it. */
void stack_kill(struct stack *s);

/* One round over all threads. */
void stack_turn(struct stack *s, struct now now, uint64_t *dice);

/* An orderly stop begins; turns go on until it is done. stack_free() then asserts that nothing is
 * left. */
void stack_stop(struct stack *s);
bool stack_is_stopped(const struct stack *s);
void stack_free(struct stack *s);

/* To be answered before long, unless the server is killed. */
void stack_faces_wish(struct stack *s, struct face_wish *wish);

const struct room *stack_room(struct stack *s, const char *name);
uint64_t stack_durable_lsn(const struct stack *s);
bool stack_is_ready(const struct stack *s); /* placements are taken */

#endif
