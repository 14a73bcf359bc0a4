/*
 * metric.h - counters of one thread (metric.def), written by it and read by whoever renders
 * /metrics.
 *
 * Relaxed atomics: one writer each, so adding is a load and a store, no lock.
 */
#ifndef PX_ENGINE_METRIC_H
#define PX_ENGINE_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

struct metrics {
#define COUNTER(field, name, help) _Atomic uint64_t field;
#define GAUGE(field, name, help)   _Atomic uint64_t field;
#include "engine/metric.def"
#undef COUNTER
#undef GAUGE
};

static inline void metric_add(_Atomic uint64_t *m, uint64_t n)
{
	atomic_store_explicit(m, atomic_load_explicit(m, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void metric_sub(_Atomic uint64_t *m, uint64_t n)
{
	metric_add(m, 0 - n);
}

static inline uint64_t metric_get(const _Atomic uint64_t *m)
{
	return atomic_load_explicit(m, memory_order_relaxed);
}

#endif
