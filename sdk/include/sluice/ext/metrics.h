/* sluice/ext/metrics.h - a stage's own counters and gauges, beside those the host keeps for all.
 *
 * Exported as sluice_<plugin>_<name>{stage="..."}; counters get the suffix _total. */
#ifndef SLUICE_EXT_METRICS_H
#define SLUICE_EXT_METRICS_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Host side: sluice_host.extension returns a sluice_metrics. */
#define SLUICE_EXT_METRICS "sluice.metrics/1"

enum { SLUICE_COUNTER = 0, SLUICE_GAUGE = 1 };
/* Most metrics of one stage. */
#define SLUICE_METRICS_MAX 64u

typedef struct sluice_metrics {
  uint32_t size;
  /* [control] in create: a metric's number, 0 ... SLUICE_METRICS_MAX - 1; the same name again gives
   * the same number; UINT32_MAX if there are too many. Strings are copied. */
  uint32_t (*add)(const sluice_host* host, uint32_t kind, sluice_str name, sluice_str doc);
  /* [lane] counter: its new total, never less than before; gauge: its value */
  void (*set)(const sluice_host* host, uint32_t metric, double value);
} sluice_metrics;

#ifdef __cplusplus
}
#endif
#endif
