/* sluice/ext/attributes.h - what a key is: symbol, exchange, segment, type, ...
 *
 * A source publishes one table for all its keys; channel templates and routing read it. It changes
 * only as a whole, at a batch boundary. */
#ifndef SLUICE_EXT_ATTRIBUTES_H
#define SLUICE_EXT_ATTRIBUTES_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Host side: sluice_host.extension returns a sluice_attributes. */
#define SLUICE_EXT_ATTRIBUTES "sluice.attributes/1"

typedef struct sluice_key_row {
  uint64_t key;
  const sluice_str* values; /* borrowed; one per name, empty: unknown */
} sluice_key_row;

typedef struct sluice_attributes {
  uint32_t size;
  /* [lane][control] source: replaces its whole table. The host copies it. SLUICE_FULL: rows of keys
   * beyond max_keys were left out, the others are published */
  sluice_status (*publish)(const sluice_host* host, const sluice_str* names, uint32_t name_count,
                           const sluice_key_row* rows, uint64_t row_count);
  /* [lane] grows whenever any table changed: what was cached from `get` is then stale */
  uint64_t (*generation)(const sluice_host* host);
  /* [lane] an attribute of a record's key by sluice_record.index, empty if unknown; valid until
   * the call of the stage returns */
  sluice_str (*get)(const sluice_host* host, uint32_t index, sluice_str name);
} sluice_attributes;

#ifdef __cplusplus
}
#endif
#endif
