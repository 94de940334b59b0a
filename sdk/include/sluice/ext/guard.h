/* sluice/ext/guard.h - a guard: the stage that permits or refuses each call of the sink behind it.
 *
 * It runs in the sink's lane, behind the sink's queue: nothing is sent after the call that closed
 * the way. Every change away from "closed" is a CRITICAL signal to the level. */
#ifndef SLUICE_EXT_GUARD_H
#define SLUICE_EXT_GUARD_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Plugin side: `extension` returns a sluice_guard. */
#define SLUICE_EXT_GUARD "sluice.guard/1"

enum {
  SLUICE_GUARD_ALLOW = 0,   /* one call may be made */
  SLUICE_GUARD_REFUSE = 1,  /* drop what would have been sent, as SLUICE_DROP_CIRCUIT_OPEN */
  SLUICE_GUARD_WAIT = 2,    /* leave it in the queue */
  SLUICE_GUARD_CONFLATE = 3 /* leave it in the queue, but only the newest of each key and schema */
};

/* What an operator may force a guard to. */
enum {
  SLUICE_GUARD_AUTOMATIC = 0,   /* decide again by results, beginning closed */
  SLUICE_GUARD_FORCED_OPEN = 1, /* permit nothing */
  SLUICE_GUARD_DISABLED = 2,    /* permit everything, count nothing */
  SLUICE_GUARD_METRICS_ONLY = 3 /* permit everything, count */
};

/* sluice_call_result.result, beside SLUICE_PUBLISHED ...: nothing was sent, the permit is back. */
enum { SLUICE_CALL_CANCELLED = 3 };

/* How one call ended: a batch whose every record was reported, or a failed attempt to connect. */
typedef struct sluice_call_result {
  uint32_t size;
  uint32_t result; /* SLUICE_PUBLISHED if all were, else the worst of the records' */
  uint32_t cause;  /* SLUICE_CAUSE_* */
  uint32_t records;
  uint64_t permit;    /* what permit() gave for it; 0: none (a failed attempt to connect) */
  uint64_t incident;  /* sluice_outcome.incident */
  int64_t latency_ns; /* first byte written to reply */
  int64_t now_ns;
} sluice_call_result;

typedef struct sluice_guard {
  uint32_t size;
  /* [lane] may one call be made now? SLUICE_GUARD_*; `permit` names it in its result */
  uint32_t (*permit)(void* stage, int64_t now_ns, uint64_t* permit);
  /* [lane] */
  void (*result)(void* stage, const sluice_call_result* result);
  /* [any] 1 while every call is allowed */
  uint32_t (*closed)(void* stage);
  /* [lane] SLUICE_GUARD_AUTOMATIC ...; SLUICE_INVALID: it has no such state */
  sluice_status (*force)(void* stage, uint32_t state);
} sluice_guard;

#ifdef __cplusplus
}
#endif
#endif
