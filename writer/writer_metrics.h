/* writer_metrics.h - what the writer counts (writer_metrics.def); any thread reads. */
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
