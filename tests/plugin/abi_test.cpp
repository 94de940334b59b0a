// The contract's layout on x86-64: what was released must not move.
#include <sluice/abi.h>
#include <sluice/ext/attributes.h>
#include <sluice/ext/codec.h>
#include <sluice/ext/guard.h>
#include <sluice/ext/metrics.h>
#include <sluice/ext/resolver.h>

#include <doctest/doctest.h>

#include <cstddef>

#if defined(__x86_64__)
#define PINNED(type, bytes) static_assert(sizeof(type) == (bytes))
#define PINNED_AT(type, member, at) static_assert(offsetof(type, member) == (at))
PINNED(sluice_str, 16);
PINNED(sluice_text, 24);
PINNED(sluice_record, 64);
PINNED_AT(sluice_record, index, 8);
PINNED_AT(sluice_record, schema, 12);
PINNED_AT(sluice_record, priority, 14);
PINNED_AT(sluice_record, flags, 15);
PINNED_AT(sluice_record, seq, 16);
PINNED_AT(sluice_record, received_ns, 24);
PINNED_AT(sluice_record, exchange_ns, 32);
PINNED_AT(sluice_record, data, 40);
PINNED_AT(sluice_record, size, 48);
PINNED_AT(sluice_record, weight, 52);
PINNED(sluice_pressure, 40);
PINNED_AT(sluice_pressure, offered_per_s, 8);
PINNED_AT(sluice_pressure, oldest_ns, 32);
PINNED(sluice_batch, 48);
PINNED_AT(sluice_batch, records, 8);
PINNED_AT(sluice_batch, answers, 16);
PINNED_AT(sluice_batch, now_ns, 24);
PINNED_AT(sluice_batch, call, 32);
PINNED_AT(sluice_batch, pressure, 40);
PINNED(sluice_outcome, 56);
PINNED_AT(sluice_outcome, call, 16);
PINNED_AT(sluice_outcome, receivers, 48);
PINNED(sluice_field, 120);
PINNED_AT(sluice_field, key, 8);
PINNED_AT(sluice_field, default_text, 56);
PINNED_AT(sluice_field, environment, 88);
PINNED_AT(sluice_field, minimum, 104);
PINNED_AT(sluice_field, maximum, 112);
PINNED(sluice_value, 64);
PINNED_AT(sluice_value, integer, 8);
PINNED_AT(sluice_value, number, 16);
PINNED_AT(sluice_value, string, 24);
PINNED_AT(sluice_value, list, 40);
PINNED_AT(sluice_value, secret, 56);
PINNED(sluice_host, 168);
PINNED_AT(sluice_host, pipeline, 8);
PINNED_AT(sluice_host, now, 40);
PINNED_AT(sluice_host, extension, 88);
PINNED_AT(sluice_host, wake_at, 96);
PINNED_AT(sluice_host, push, 104);
PINNED_AT(sluice_host, emit, 120);
PINNED_AT(sluice_host, hold, 128);
PINNED_AT(sluice_host, report, 160);
PINNED(sluice_plugin, 184);
PINNED_AT(sluice_plugin, abi_major, 4);
PINNED_AT(sluice_plugin, size, 8);
PINNED_AT(sluice_plugin, kind, 12);
PINNED_AT(sluice_plugin, field_count, 20);
PINNED_AT(sluice_plugin, name, 32);
PINNED_AT(sluice_plugin, fields, 80);
PINNED_AT(sluice_plugin, emits, 88);
PINNED_AT(sluice_plugin, validate, 96);
PINNED_AT(sluice_plugin, create, 104);
PINNED_AT(sluice_plugin, process, 128);
PINNED_AT(sluice_plugin, poll, 152);
PINNED_AT(sluice_plugin, extension, 176);
PINNED(sluice_key_row, 16);
PINNED(sluice_attributes, 32);
PINNED(sluice_scalar, 40);
PINNED_AT(sluice_scalar, string, 24);
PINNED(sluice_codec, 40);
PINNED_AT(sluice_codec, write_json, 24);
PINNED(sluice_codec_list, 16);
PINNED(sluice_codecs, 24);
PINNED(sluice_call_result, 48);
PINNED_AT(sluice_call_result, permit, 16);
PINNED_AT(sluice_call_result, now_ns, 40);
PINNED(sluice_guard, 40);
PINNED(sluice_metrics, 24);
PINNED(sluice_resolver, 24);
#endif

TEST_CASE("numbers that are written down elsewhere") {
  CHECK(SLUICE_DROP_REASONS == 12);
  CHECK(SLUICE_KEEP == 0);
  CHECK(SLUICE_REFUSED == 36);
  CHECK(SLUICE_ABI_MAJOR == 1);
}
