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
   * --format json`), "page" (the same as text), "metrics" (Prometheus text), "events"; events, also
   * those of a status, are the ones numbered above `after`. SLUICE_INVALID: no such document. */
  sluice_status (*read)(const sluice_host* host, sluice_str what, uint64_t after,
                        void (*take)(void* context, sluice_str document), void* context);
} sluice_control;

#ifdef __cplusplus
}
#endif
#endif
