/* sluice/ext/codec.h - what a schema's payload says.
 *
 * A plugin that emits a schema exports its codec; the host takes the first it finds for a schema
 * and keeps that library loaded. A schema id never changes meaning: a new layout is a new id. */
#ifndef SLUICE_EXT_CODEC_H
#define SLUICE_EXT_CODEC_H

#include <sluice/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Plugin side: `extension` returns a sluice_codec_list. */
#define SLUICE_EXT_CODEC "sluice.codec/1"
/* Host side: sluice_host.extension returns a sluice_codecs. */
#define SLUICE_EXT_CODECS "sluice.codecs/1"

/* A field's value. */
enum {
  SLUICE_ABSENT = 0,
  SLUICE_IS_BOOLEAN = 1,
  SLUICE_IS_INTEGER = 2,
  SLUICE_IS_NUMBER = 3,
  SLUICE_IS_STRING = 4
};
typedef struct sluice_scalar {
  uint32_t kind;
  uint32_t reserved;
  int64_t integer;   /* boolean, integer */
  double number;     /* number; for an integer the same value */
  sluice_str string; /* borrowed from the payload */
} sluice_scalar;

typedef struct sluice_codec {
  uint32_t size;
  uint32_t json_max; /* bytes that suffice for most records: a good first capacity */
  sluice_str schema;
  /* [any] stateless: writes the record's JSON members without the braces, returns the bytes. More
   * than `capacity`: nothing usable was written, call again with that much. 0: malformed payload.
   */
  uint64_t (*write_json)(const sluice_record* record, char* out, uint64_t capacity);
  /* [any] stateless: a named field; SLUICE_OK with kind SLUICE_ABSENT if the record has none */
  sluice_status (*read_field)(const sluice_record* record, sluice_str name, sluice_scalar* out);
} sluice_codec;

typedef struct sluice_codec_list {
  uint32_t size;
  uint32_t count;
  const sluice_codec* const* codecs; /* constant data */
} sluice_codec_list;

typedef struct sluice_codecs {
  uint32_t size;
  /* [any] the codec of a schema's number, null if there is none; valid for the host's life */
  const sluice_codec* (*find)(const sluice_host* host, uint16_t schema);
  /* [any] its name; valid for the host's life */
  sluice_str (*name)(const sluice_host* host, uint16_t schema);
} sluice_codecs;

#ifdef __cplusplus
}
#endif
#endif
