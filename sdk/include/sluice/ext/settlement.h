/* sluice/ext/settlement.h - whether what a source pushed has come to its end, and to which.
 *
 * For a source whose peer waits for acknowledgements: it pushes some records, no more until all of
 * them are settled, and acknowledges them if nothing was lost meanwhile. */
#ifndef SLUICE_EXT_SETTLEMENT_H
#define SLUICE_EXT_SETTLEMENT_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Host side: sluice_host.extension returns a sluice_settlement. */
#define SLUICE_EXT_SETTLEMENT "sluice.settlement/1"

/* Since the pipeline's start, of all stages that the source's records can come to: compare with
 * what was read before the push. Where two ways meet again, one loss may count twice. What is in
 * neither was published, absorbed, or left out by policy (sampled, shed, conflated). */
typedef struct sluice_settled {
  uint32_t size; /* set by the stage to what it knows of this; the host fills no more */
  uint32_t reserved;
  uint64_t lost;    /* failed, unknown, circuit_open, overflow, expired, shutdown: try again */
  uint64_t refused; /* oversize, malformed, unrouted, fault: the next time is likely no better */
} sluice_settled;

typedef struct sluice_settlement {
  uint32_t size;
  /* [lane] source; not within push. SLUICE_AGAIN: something is queued, held by a stage or
   * unacknowledged at a sink behind it, of this source or of another that comes the same way;
   * nothing was filled in. */
  sluice_status (*read)(const sluice_host* host, sluice_settled* out);
} sluice_settlement;

#ifdef __cplusplus
}
#endif
#endif
