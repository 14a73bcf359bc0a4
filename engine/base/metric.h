/*
 * metric.h - a counter that one thread writes and any thread may read.
 *
 * Relaxed atomics: with a single writer, adding is a load and a store, no lock.
 */
#ifndef PX_ENGINE_BASE_METRIC_H
#define PX_ENGINE_BASE_METRIC_H

#include <stdatomic.h>
#include <stdint.h>

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
