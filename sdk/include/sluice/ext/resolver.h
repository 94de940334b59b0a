/* sluice/ext/resolver.h - host names to addresses, without a thread of the plugin's own. */
#ifndef SLUICE_EXT_RESOLVER_H
#define SLUICE_EXT_RESOLVER_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Host side: sluice_host.extension returns a sluice_resolver. */
#define SLUICE_EXT_RESOLVER "sluice.resolver/1"

typedef struct sluice_resolver {
  uint32_t size;
  /* [lane] begin to look a name up; the stage is woken (sluice_plugin.wake) when it is done.
   * Returns a ticket, never 0. */
  uint64_t (*begin)(const sluice_host* host, sluice_str name);
  /* [lane] SLUICE_AGAIN while under way. SLUICE_OK: numeric addresses, one a line, in `out`.
   * SLUICE_FAILED: the reason in `out`. Either of these ends the ticket. */
  sluice_status (*result)(const sluice_host* host, uint64_t ticket, sluice_text* out);
} sluice_resolver;

#ifdef __cplusplus
}
#endif
#endif
