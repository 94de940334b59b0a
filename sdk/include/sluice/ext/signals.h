/* sluice/ext/signals.h - a stage's own word on how hard-pressed the pipeline is.
 *
 * The core knows rate, latency and what is pending of every sink. What only a plugin sees (errors,
 * memory, a reader that comes late) joins these as signals: the worst of all is the level. */
#ifndef SLUICE_EXT_SIGNALS_H
#define SLUICE_EXT_SIGNALS_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Host side: sluice_host.extension returns a sluice_signals. */
#define SLUICE_EXT_SIGNALS "sluice.signals/1"

/* Most signals of one stage. */
#define SLUICE_SIGNALS_MAX 16u

typedef struct sluice_signals {
  uint32_t size;
  /* [lane] From now on this stage's signal `name` (a snake_case noun) stands for `level`, because
   * of `cause`, which is for people ("memory 91 % >= 85 %"). SLUICE_HEALTHY takes it back. It
   * counts for every sink the stage can reach, a service's for all. Strings are copied.
   * SLUICE_FULL: too many; SLUICE_INVALID: no such level. */
  sluice_status (*set)(const sluice_host* host, sluice_str name, uint32_t level, sluice_str cause);
} sluice_signals;

#ifdef __cplusplus
}
#endif
#endif
