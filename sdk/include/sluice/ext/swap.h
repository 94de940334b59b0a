/* sluice/ext/swap.h - what a stage brings to being changed while its pipeline runs.
 *
 * A swap creates the new stage beside the old one and tests it; then, between two batches of their
 * lane, the old one writes down its state, the new one reads it, and the new one takes its place.
 * Whatever fails on the way, the old one goes on. A stage without this extension has no state that
 * matters. The host itself carries on counters, seq, keys, metrics and what is held or queued. */
#ifndef SLUICE_EXT_SWAP_H
#define SLUICE_EXT_SWAP_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Plugin side: `extension` returns a sluice_swap. */
#define SLUICE_EXT_SWAP "sluice.swap/1"

/* Constant data. Functions a stage does not need are null. */
typedef struct sluice_swap {
  uint32_t size;
  uint32_t reads_count;
  sluice_str writes;       /* the schema of what export_state writes ("bars/2"); empty: no state */
  const sluice_str* reads; /* the schemas import_state knows: its own, and the one before */

  /* [control] once, after create and before import_state: is it fit to run? Why not: in `error` */
  sluice_status (*self_test)(void* stage, sluice_text* error);
  /* [lane] between two batches: hands its state to `write`, in as many pieces as it likes, and is
   * as usable as before. What it holds goes over under the same handles, so a state may name them;
   * to a stage without SLUICE_CAN_HOLD or this state, the host releases it, oldest first. */
  sluice_status (*export_state)(void* stage,
                                void (*write)(void* context, const uint8_t* data, uint64_t size),
                                void* context, sluice_text* error);
  /* [control] or [lane], once, before start; of a sink, which is connected first, before its first
   * batch. The pipeline's lane waits for it, so it must not; a first object is given such a state
   * beforehand, off the lane and for 1 s at most, and destroyed.
   * Must refuse what it cannot read; the bytes come from a plugin of perhaps another version. */
  sluice_status (*import_state)(void* stage, sluice_str schema, const uint8_t* data, uint64_t size,
                                sluice_text* error);
  /* [lane] between two batches: new values, of which those of SLUICE_FIELD_LIVE rows alone differ.
   * Required of a plugin with such rows. Not SLUICE_OK: nothing has changed. */
  sluice_status (*reconfigure)(void* stage, const sluice_value* values, uint32_t count,
                               sluice_text* error);
} sluice_swap;

#ifdef __cplusplus
}
#endif
#endif
