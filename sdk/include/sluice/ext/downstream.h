/* sluice/ext/downstream.h - what waits behind a stage, at this moment.
 *
 * sluice_pressure says how a sink did over the last 100 ms. A stage that must not overfill the
 * queue behind it, or that works on a timer, asks here. */
#ifndef SLUICE_EXT_DOWNSTREAM_H
#define SLUICE_EXT_DOWNSTREAM_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Host side: sluice_host.extension returns a sluice_downstream. */
#define SLUICE_EXT_DOWNSTREAM "sluice.downstream/1"

/* Of the queues that the records of this stage come to next, the worst; of one with shards each is
 * a queue of its own. */
typedef struct sluice_waiting {
  uint32_t size; /* set by the stage to what it knows of this; the host fills no more */
  uint32_t reserved;
  /* Records that wait in one of them, or were taken from it and have not left the stages behind it:
   * of a sink, those in hand and unacknowledged. Of what this stage sent on before, at most these
   * are not done, and they are the last ones of their priority. */
  uint64_t pending;
  double fill; /* share of a queue's bound, records or bytes, that is taken: 0 to 1 */
  /* What still fits beside the share that is kept for priority 0. A payload may take up to 256
   * bytes more than its size. */
  uint64_t free_records, free_bytes;
} sluice_waiting;

typedef struct sluice_downstream {
  uint32_t size;
  /* [lane] transform; SLUICE_FAILED: there is no queue behind it */
  sluice_status (*read)(const sluice_host* host, sluice_waiting* out);
} sluice_downstream;

#ifdef __cplusplus
}
#endif
#endif
