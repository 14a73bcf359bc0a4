/*
 * raw_worker.h - one thread of clients of any WebSocket server.
 *
 * The main thread makes, starts and joins workers, moves the phase, and reads the atomics while
 * they run. What is below "after the end" it may call only when the thread was joined.
 */
#ifndef PX_LOADGEN_RAW_WORKER_H
#define PX_LOADGEN_RAW_WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "tools/loadgen/load/hdr.h"
#include "tools/loadgen/raw/raw_options.h"
#include "tools/loadgen/raw/raw_track.h"
#include "tools/loadgen/load/trouble.h"

enum raw_phase {
	RAW_PHASE_CONNECT, /* opening; nobody sends */
	RAW_PHASE_WARM,    /* all are connected; broadcasts are noted already */
	RAW_PHASE_RUN,     /* sending, until end_ns */
	RAW_PHASE_SETTLE,  /* what is outstanding is awaited */
	RAW_PHASE_LEAVE,   /* close frames, then the thread ends */
};

/* Shared by the threads; the atomics are written by the main thread only. */
struct raw_shared {
	const struct raw_options *options;
	const struct tls_trust *trust; /* NULL: without TLS */
	uint64_t unix_offset_ns;       /* Unix time = monotonic + this, for the whole run */
	uint64_t began_ns;
	_Atomic enum raw_phase phase;
	_Atomic uint64_t start_ns; /* valid from RAW_PHASE_RUN on */
	_Atomic uint64_t end_ns;
	/* SETTLE: messages that began before are awaited; UINT64_MAX: not known yet */
	_Atomic uint64_t open_until_ns;
};

/* Written by the worker, read by anybody: relaxed. */
struct raw_stats {
	_Atomic uint64_t failed; /* positive errno: the thread could not work, and ended */
	_Atomic uint64_t open;   /* clients whose connection stands */
	_Atomic uint64_t dead;   /* clients whose connection ended, or never stood */
	_Atomic uint64_t sent;
	_Atomic uint64_t echoed;
	_Atomic uint64_t outstanding; /* sent, and the echo is awaited */
	_Atomic uint64_t deliveries;  /* messages received, over all clients */
	_Atomic uint64_t awaited;     /* SETTLE: broadcasts that some client has not got yet */
	_Atomic uint64_t looked;      /* SETTLE: how often `awaited` was counted */
	_Atomic uint64_t bytes_in, bytes_out;
	_Atomic uint64_t lag_max_ns; /* how late a message was handed to its connection */
	_Atomic uint64_t trouble[TROUBLE_MAX];
};

struct raw_worker;

/* -ENOMEM. */
int raw_worker_new(struct raw_shared *shared, uint32_t number, struct raw_worker **ret_worker);
int raw_worker_start(struct raw_worker *w); /* -errno */
void raw_worker_join(struct raw_worker *w);
void raw_worker_free(struct raw_worker *w); /* NULL is fine */

const struct raw_stats *raw_worker_stats(const struct raw_worker *w);

/* Adds the latencies (of echoes, else of broadcasts) of the last whole second. Any thread. */
void raw_worker_second_get(struct raw_worker *w, struct hdr *into);

/* --- after the end --- */

struct raw_track *raw_worker_track(const struct raw_worker *w);
const struct hdr *raw_worker_echo_hdr(const struct raw_worker *w);
const struct hdr *raw_worker_visible_hdr(const struct raw_worker *w);
const struct hdr *raw_worker_connect_hdr(const struct raw_worker *w);
const char *raw_worker_trouble_first(const struct raw_worker *w, enum trouble t);

/* Clients that stood to the end; of those, the ones that got everything that they had to. With
 * broadcasts only after raw_track_join(). */
void raw_worker_clients_count(const struct raw_worker *w, uint64_t *ret_stood, uint64_t *ret_whole);

#endif
