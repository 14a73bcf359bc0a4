/* worker_metrics.h - a worker's metrics (worker_metrics.def); read by any thread. */
#ifndef PX_CONN_WORKER_METRICS_H
#define PX_CONN_WORKER_METRICS_H

#include "engine/base/metric.h"

struct worker_metrics {
#define COUNTER(field, name, help) _Atomic uint64_t field;
#define GAUGE(field, name, help)   _Atomic uint64_t field;
#include "edge/conn/worker_metrics.def"
#undef COUNTER
#undef GAUGE
};

#endif
