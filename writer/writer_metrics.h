/* writer_metrics.h - the writer's metrics (writer_metrics.def); read by any thread. */
#ifndef PX_WRITER_WRITER_METRICS_H
#define PX_WRITER_WRITER_METRICS_H

#include "engine/base/metric.h"

struct writer_metrics {
#define COUNTER(field, name, help) _Atomic uint64_t field;
#define GAUGE(field, name, help)   _Atomic uint64_t field;
#include "writer/writer_metrics.def"
#undef COUNTER
#undef GAUGE
};

#endif
