/* sluice/ext/control.h - a service's door to the whole pipeline, as JSON documents.
 *
 * The terminal, a dashboard and a third party's service read the same documents, so the contract
 * does not grow with each view. */
#ifndef SLUICE_EXT_CONTROL_H
#define SLUICE_EXT_CONTROL_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Host side, services only: sluice_host.extension returns a sluice_control. */
#define SLUICE_EXT_CONTROL "sluice.control/1"

typedef struct sluice_control {
  uint32_t size;
  /* [lane] Gives a document to `take`, within this call. `what`: "status" (as `sluice status
   * --format json`), "page" (the same as text), "metrics" (Prometheus text), "events",
   * "operations", "commands", "config" (every key's value and origin, never a secret). Events, also
   * those of a status, and operations are the ones numbered above `after`. "tap?stage=NAME": the
   * records that leave a stage from the first such call on (of a sink: those it is given), decoded,
   * numbered above `after`; with &key=N, &priority=N, &schema=NAME only those, with &every=N each
   * n-th of them. A tap is the same for all who ask the same, and ends 5 s after it was last read.
   * SLUICE_INVALID: no such document, or a question with a mistake: then `take` got what it is. */
  sluice_status (*read)(const sluice_host* host, sluice_str what, uint64_t after,
                        void (*take)(void* context, sluice_str document), void* context);
  /* [lane] Tells the pipeline to do something: {"do": "breaker", "stage": "", "state": "open"}; the
   * document "commands" lists them. Nothing is waited for: `operation` is its number, from 1, and
   * its end an event of kind "operation" and a row of the document "operations". SLUICE_INVALID:
   * no such command, or no JSON object; the reason is in `error`. */
  sluice_status (*command)(const sluice_host* host, sluice_str request, uint64_t* operation,
                           sluice_text* error);
} sluice_control;

#ifdef __cplusplus
}
#endif
#endif
