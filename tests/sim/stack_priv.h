/*
 * stack_priv.h - what the files of the simulated stack share.
 *
 * stack_make.c  wiring, starting, ending
 * stack.c       turns, and the orderly stop
 */
#ifndef PX_TESTS_SIM_STACK_PRIV_H
#define PX_TESTS_SIM_STACK_PRIV_H

#include "edge/picture/pack.h"
#include "edge/mail/mail.h"
#include "tests/sim/stack.h"
#include "writer/historian.h"

#define MAIL_MAX    256 /* of each queue: small enough to be full at times */
#define PACK_MAX    16
#define THREADS_MAX (STACK_WORKERS_MAX + 5)

enum thread_kind {
	THREAD_WORKER,
	THREAD_WRITER,
	THREAD_KEEPER,
	THREAD_PACKER,
	THREAD_HISTORIAN,
	THREAD_RECEIVER
};

struct thread {
	enum thread_kind kind;
	unsigned worker;
	/* of helpers */
	bool woken;
	uint64_t sleep_until_ns; /* unless it is woken */
	uint64_t busy_until_ns;  /* its last turn takes so long */
};

struct stack {
	struct stack_config config;
	struct disk *disk;
	struct keeper *keeper;
	struct packer *packer;
	struct historian *historian;
	struct disk *history_disk; /* the historian's own */
	struct receiver *receiver; /* NULL: none, as in its configuration */
	struct receiver_board receiver_boards[ROOMS_MAX];
	struct writer *writer;
	struct worker *workers[STACK_WORKERS_MAX];
	struct worker_shared shared;
	struct spsc *requests[STACK_WORKERS_MAX], *answers[STACK_WORKERS_MAX], *pack_jobs,
		*pack_done, *history_jobs, *history_done;
	struct thread threads[THREADS_MAX];
	unsigned threads_len;
	bool stopping, workers_gone, receiver_stopping;
	uint64_t catch_up_until_ns; /* the receiver's, at the end */
	uint64_t seq[ROOMS_MAX];    /* of each room at the turn before */
};

/* --- stack_make.c --- */
struct thread *stack_thread(struct stack *s, enum thread_kind kind);
void stack_wake_writer(void *arg);

#endif
