// The contract's layout, numbers and order on x86-64. What was released must not move: a place, a
// type and a value never change, bytes and members of a struct only grow (sdk/ABI.md). That nothing
// of the headers is missing here is looked after by tests/sdk/abi_is_pinned.py.
#include <sluice/abi.h>
#include <sluice/ext/attributes.h>
#include <sluice/ext/codec.h>
#include <sluice/ext/control.h>
#include <sluice/ext/downstream.h>
#include <sluice/ext/guard.h>
#include <sluice/ext/metrics.h>
#include <sluice/ext/resolver.h>
#include <sluice/ext/settlement.h>
#include <sluice/ext/signals.h>
#include <sluice/ext/swap.h>

#include <doctest/doctest.h>

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace {

/// Stands for a value of any type, to count members.
struct anything {
  template <typename T>
  constexpr operator T() const;
};

template <typename T, typename... Values>
constexpr std::size_t members() {
  if constexpr (requires { T{Values{}..., anything{}}; })
    return members<T, Values..., anything>();
  else
    return sizeof...(Values);
}

}  // namespace

#if defined(__x86_64__)
/// A struct's bytes, and how many members it has: each is pinned below it.
#define PINNED(type, bytes, count)        \
  static_assert(sizeof(type) == (bytes)); \
  static_assert(members<type>() == (count))
/// A member's place and type; of a function, what it takes and answers.
#define PINNED_AT(type, member, at, ...)         \
  static_assert(offsetof(type, member) == (at)); \
  static_assert(std::is_same_v<decltype(type::member), __VA_ARGS__>)
/// A number that is compiled into plugins.
#define VALUE(name, number) static_assert((name) == (number))

// --- abi.h -----------------------------------------------------------------------------

VALUE(SLUICE_ABI_MAGIC, 0x49554C53u);
VALUE(SLUICE_ABI_MAJOR, 1);
VALUE(SLUICE_ABI_MINOR, 0);
VALUE(SLUICE_BATCH_MAX, 256u);
VALUE(SLUICE_NEVER, INT64_MAX);
VALUE(SLUICE_AT_END, UINT32_MAX);
PINNED(sluice_str, 16, 2);
PINNED_AT(sluice_str, data, 0, const char*);
PINNED_AT(sluice_str, size, 8, uint64_t);

PINNED(sluice_text, 24, 3);
PINNED_AT(sluice_text, data, 0, char*);
PINNED_AT(sluice_text, capacity, 8, uint64_t);
PINNED_AT(sluice_text, size, 16, uint64_t);

VALUE(SLUICE_OK, 0);
VALUE(SLUICE_AGAIN, 1);
VALUE(SLUICE_INVALID, 2);
VALUE(SLUICE_FULL, 3);
VALUE(SLUICE_FAILED, 4);
VALUE(SLUICE_FAULT, 5);

VALUE(SLUICE_SOURCE, 0);
VALUE(SLUICE_TRANSFORM, 1);
VALUE(SLUICE_SINK, 2);
VALUE(SLUICE_GUARD, 3);
VALUE(SLUICE_SERVICE, 4);

VALUE(SLUICE_CAN_ABSORB, 1);
VALUE(SLUICE_CAN_HOLD, 2);
VALUE(SLUICE_CAN_EMIT, 4);
VALUE(SLUICE_CAN_IO, 8);
VALUE(SLUICE_NEVER_DELAY, 16);
VALUE(SLUICE_CAN_PRINT, 32);

VALUE(SLUICE_PRIORITY_HIGH, 0);
VALUE(SLUICE_PRIORITY_NORMAL, 1);
VALUE(SLUICE_PRIORITY_LOW, 2);

VALUE(SLUICE_RECORD_SNAPSHOT, 1);

PINNED(sluice_record, 64, 12);
PINNED_AT(sluice_record, key, 0, uint64_t);
PINNED_AT(sluice_record, index, 8, uint32_t);
PINNED_AT(sluice_record, schema, 12, uint16_t);
PINNED_AT(sluice_record, priority, 14, uint8_t);
PINNED_AT(sluice_record, flags, 15, uint8_t);
PINNED_AT(sluice_record, seq, 16, uint64_t);
PINNED_AT(sluice_record, received_ns, 24, int64_t);
PINNED_AT(sluice_record, exchange_ns, 32, int64_t);
PINNED_AT(sluice_record, data, 40, const uint8_t*);
PINNED_AT(sluice_record, size, 48, uint32_t);
PINNED_AT(sluice_record, weight, 52, float);
PINNED_AT(sluice_record, reserved, 56, uint64_t);

VALUE(SLUICE_KEEP, 0);
VALUE(SLUICE_DROP_SAMPLED, 1);
VALUE(SLUICE_DROP_SHED, 2);
VALUE(SLUICE_DROP_CIRCUIT_OPEN, 3);
VALUE(SLUICE_DROP_OVERFLOW, 4);
VALUE(SLUICE_DROP_CONFLATED, 5);
VALUE(SLUICE_DROP_EXPIRED, 6);
VALUE(SLUICE_DROP_OVERSIZE, 7);
VALUE(SLUICE_DROP_MALFORMED, 8);
VALUE(SLUICE_DROP_UNROUTED, 9);
VALUE(SLUICE_DROP_FAULT, 10);
VALUE(SLUICE_DROP_SHUTDOWN, 11);
VALUE(SLUICE_DROP_REASONS, 12);
VALUE(SLUICE_ABSORB, 32);
VALUE(SLUICE_HELD, 33);
VALUE(SLUICE_PENDING, 34);
VALUE(SLUICE_RETURNED, 35);
VALUE(SLUICE_REFUSED, 36);

VALUE(SLUICE_HEALTHY, 0);
VALUE(SLUICE_WARNING, 1);
VALUE(SLUICE_CRITICAL, 2);
VALUE(SLUICE_OVERLOAD, 3);

PINNED(sluice_pressure, 40, 6);
PINNED_AT(sluice_pressure, size, 0, uint32_t);
PINNED_AT(sluice_pressure, level, 4, uint32_t);
PINNED_AT(sluice_pressure, offered_per_s, 8, double);
PINNED_AT(sluice_pressure, capacity_per_s, 16, double);
PINNED_AT(sluice_pressure, pending, 24, uint64_t);
PINNED_AT(sluice_pressure, oldest_ns, 32, int64_t);

PINNED(sluice_batch, 48, 7);
PINNED_AT(sluice_batch, size, 0, uint32_t);
PINNED_AT(sluice_batch, count, 4, uint32_t);
PINNED_AT(sluice_batch, records, 8, sluice_record*);
PINNED_AT(sluice_batch, answers, 16, uint8_t*);
PINNED_AT(sluice_batch, now_ns, 24, int64_t);
PINNED_AT(sluice_batch, call, 32, uint64_t);
PINNED_AT(sluice_batch, pressure, 40, const sluice_pressure*);

VALUE(SLUICE_PUBLISHED, 0);
VALUE(SLUICE_PUBLISH_FAILED, 1);
VALUE(SLUICE_PUBLISH_UNKNOWN, 2);

VALUE(SLUICE_CAUSE_NONE, 0);
VALUE(SLUICE_CAUSE_CONNECTION, 1);
VALUE(SLUICE_CAUSE_TIMEOUT, 2);
VALUE(SLUICE_CAUSE_BUSY, 3);
VALUE(SLUICE_CAUSE_REJECTED, 4);

PINNED(sluice_outcome, 56, 9);
PINNED_AT(sluice_outcome, size, 0, uint32_t);
PINNED_AT(sluice_outcome, result, 4, uint32_t);
PINNED_AT(sluice_outcome, cause, 8, uint32_t);
PINNED_AT(sluice_outcome, count, 12, uint32_t);
PINNED_AT(sluice_outcome, call, 16, uint64_t);
PINNED_AT(sluice_outcome, incident, 24, uint64_t);
PINNED_AT(sluice_outcome, written_ns, 32, int64_t);
PINNED_AT(sluice_outcome, done_ns, 40, int64_t);
PINNED_AT(sluice_outcome, receivers, 48, uint64_t);

VALUE(SLUICE_BOOLEAN, 0);
VALUE(SLUICE_INTEGER, 1);
VALUE(SLUICE_NUMBER, 2);
VALUE(SLUICE_STRING, 3);
VALUE(SLUICE_DURATION, 4);
VALUE(SLUICE_SIZE, 5);
VALUE(SLUICE_CHOICE, 6);
VALUE(SLUICE_STRINGS, 7);

VALUE(SLUICE_FIELD_REQUIRED, 1);
VALUE(SLUICE_FIELD_SECRET, 2);
VALUE(SLUICE_FIELD_LIVE, 4);
VALUE(SLUICE_FIELD_ADVANCED, 8);
VALUE(SLUICE_FIELD_DEPRECATED, 16);
VALUE(SLUICE_FIELD_FILE, 32);

PINNED(sluice_field, 120, 10);
PINNED_AT(sluice_field, kind, 0, uint32_t);
PINNED_AT(sluice_field, flags, 4, uint32_t);
PINNED_AT(sluice_field, key, 8, sluice_str);
PINNED_AT(sluice_field, doc, 24, sluice_str);
PINNED_AT(sluice_field, unit, 40, sluice_str);
PINNED_AT(sluice_field, default_text, 56, sluice_str);
PINNED_AT(sluice_field, choices, 72, sluice_str);
PINNED_AT(sluice_field, environment, 88, sluice_str);
PINNED_AT(sluice_field, minimum, 104, double);
PINNED_AT(sluice_field, maximum, 112, double);

PINNED(sluice_value, 64, 8);
PINNED_AT(sluice_value, kind, 0, uint32_t);
PINNED_AT(sluice_value, set, 4, uint32_t);
PINNED_AT(sluice_value, integer, 8, int64_t);
PINNED_AT(sluice_value, number, 16, double);
PINNED_AT(sluice_value, string, 24, sluice_str);
PINNED_AT(sluice_value, list, 40, const sluice_str*);
PINNED_AT(sluice_value, list_size, 48, uint64_t);
PINNED_AT(sluice_value, secret, 56, uint64_t);

VALUE(SLUICE_DEBUG, 0);
VALUE(SLUICE_INFO, 1);
VALUE(SLUICE_WARN, 2);
VALUE(SLUICE_ERROR, 3);

PINNED(sluice_host, 168, 20);
PINNED_AT(sluice_host, size, 0, uint32_t);
PINNED_AT(sluice_host, minor, 4, uint32_t);
PINNED_AT(sluice_host, pipeline, 8, sluice_str);
PINNED_AT(sluice_host, stage, 24, sluice_str);
PINNED_AT(sluice_host, now, 40, int64_t (*)(const sluice_host* host));
PINNED_AT(sluice_host, unix_time, 48, int64_t (*)(const sluice_host* host));
PINNED_AT(sluice_host, log, 56,
          void (*)(const sluice_host* host, uint32_t severity, sluice_str message));
PINNED_AT(sluice_host, event, 64,
          void (*)(const sluice_host* host, uint32_t severity, sluice_str kind,
                   sluice_str message));
PINNED_AT(sluice_host, schema, 72, uint16_t (*)(const sluice_host* host, sluice_str name));
PINNED_AT(sluice_host, secret, 80,
          sluice_status (*)(const sluice_host* host, uint64_t handle, sluice_text* out));
PINNED_AT(sluice_host, extension, 88, const void* (*)(const sluice_host* host, sluice_str id));
PINNED_AT(sluice_host, wake_at, 96, void (*)(const sluice_host* host, int64_t when_ns));
PINNED_AT(sluice_host, push, 104,
          sluice_status (*)(const sluice_host* host, sluice_record* records, uint64_t count));
PINNED_AT(sluice_host, discard, 112,
          sluice_status (*)(const sluice_host* host, uint32_t reason, uint64_t count));
PINNED_AT(sluice_host, emit, 120,
          sluice_status (*)(const sluice_host* host, const sluice_record* record,
                            uint32_t position));
PINNED_AT(sluice_host, hold, 128,
          sluice_status (*)(const sluice_host* host, uint32_t i, uint64_t* handle));
PINNED_AT(sluice_host, held, 136,
          const sluice_record* (*)(const sluice_host* host, uint64_t handle));
PINNED_AT(sluice_host, release, 144,
          sluice_status (*)(const sluice_host* host, uint64_t handle, uint32_t position,
                            float weight));
PINNED_AT(sluice_host, drop_held, 152,
          sluice_status (*)(const sluice_host* host, uint64_t handle, uint32_t reason));
PINNED_AT(sluice_host, report, 160,
          sluice_status (*)(const sluice_host* host, const sluice_outcome* outcome));

PINNED(sluice_plugin, 184, 25);
PINNED_AT(sluice_plugin, magic, 0, uint32_t);
PINNED_AT(sluice_plugin, abi_major, 4, uint16_t);
PINNED_AT(sluice_plugin, abi_minor, 6, uint16_t);
PINNED_AT(sluice_plugin, size, 8, uint32_t);
PINNED_AT(sluice_plugin, kind, 12, uint32_t);
PINNED_AT(sluice_plugin, capabilities, 16, uint32_t);
PINNED_AT(sluice_plugin, field_count, 20, uint32_t);
PINNED_AT(sluice_plugin, field_size, 24, uint32_t);
PINNED_AT(sluice_plugin, emit_count, 28, uint32_t);
PINNED_AT(sluice_plugin, name, 32, sluice_str);
PINNED_AT(sluice_plugin, version, 48, sluice_str);
PINNED_AT(sluice_plugin, summary, 64, sluice_str);
PINNED_AT(sluice_plugin, fields, 80, const sluice_field*);
PINNED_AT(sluice_plugin, emits, 88, const sluice_str*);
PINNED_AT(sluice_plugin, validate, 96,
          sluice_status (*)(const sluice_value* values, uint32_t count, sluice_text* errors));
PINNED_AT(sluice_plugin, create, 104,
          void* (*)(const sluice_host* host, const sluice_value* values, uint32_t count,
                    sluice_text* error));
PINNED_AT(sluice_plugin, destroy, 112, void (*)(void* stage));
PINNED_AT(sluice_plugin, start, 120, sluice_status (*)(void* stage, sluice_text* error));
PINNED_AT(sluice_plugin, process, 128,
          sluice_status (*)(void* stage, sluice_batch* batch, sluice_text* error));
PINNED_AT(sluice_plugin, ready, 136, uint32_t (*)(void* stage, uint32_t queued, int64_t oldest_ns));
PINNED_AT(sluice_plugin, on_timer, 144,
          sluice_status (*)(void* stage, int64_t now_ns, sluice_text* error));
PINNED_AT(sluice_plugin, poll, 152,
          sluice_status (*)(void* stage, int64_t wait_ns, sluice_text* error));
PINNED_AT(sluice_plugin, wake, 160, void (*)(void* stage));
PINNED_AT(sluice_plugin, drain, 168,
          sluice_status (*)(void* stage, int64_t deadline_ns, sluice_text* error));
PINNED_AT(sluice_plugin, extension, 176, const void* (*)(sluice_str id));

VALUE(std::string_view{SLUICE_ENTRY_SYMBOL}, "sluice_plugin_entry");

// --- ext/attributes.h ------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_ATTRIBUTES}, "sluice.attributes/1");
PINNED(sluice_key_row, 16, 2);
PINNED_AT(sluice_key_row, key, 0, uint64_t);
PINNED_AT(sluice_key_row, values, 8, const sluice_str*);

PINNED(sluice_attributes, 32, 4);
PINNED_AT(sluice_attributes, size, 0, uint32_t);
PINNED_AT(sluice_attributes, publish, 8,
          sluice_status (*)(const sluice_host* host, const sluice_str* names, uint32_t name_count,
                            const sluice_key_row* rows, uint64_t row_count));
PINNED_AT(sluice_attributes, generation, 16, uint64_t (*)(const sluice_host* host));
PINNED_AT(sluice_attributes, get, 24,
          sluice_str (*)(const sluice_host* host, uint32_t index, sluice_str name));

// --- ext/codec.h -----------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_CODEC}, "sluice.codec/1");
VALUE(std::string_view{SLUICE_EXT_CODECS}, "sluice.codecs/1");
VALUE(SLUICE_ABSENT, 0);
VALUE(SLUICE_IS_BOOLEAN, 1);
VALUE(SLUICE_IS_INTEGER, 2);
VALUE(SLUICE_IS_NUMBER, 3);
VALUE(SLUICE_IS_STRING, 4);

PINNED(sluice_scalar, 40, 5);
PINNED_AT(sluice_scalar, kind, 0, uint32_t);
PINNED_AT(sluice_scalar, reserved, 4, uint32_t);
PINNED_AT(sluice_scalar, integer, 8, int64_t);
PINNED_AT(sluice_scalar, number, 16, double);
PINNED_AT(sluice_scalar, string, 24, sluice_str);

PINNED(sluice_codec, 40, 5);
PINNED_AT(sluice_codec, size, 0, uint32_t);
PINNED_AT(sluice_codec, json_max, 4, uint32_t);
PINNED_AT(sluice_codec, schema, 8, sluice_str);
PINNED_AT(sluice_codec, write_json, 24,
          uint64_t (*)(const sluice_record* record, char* out, uint64_t capacity));
PINNED_AT(sluice_codec, read_field, 32,
          sluice_status (*)(const sluice_record* record, sluice_str name, sluice_scalar* out));

PINNED(sluice_codec_list, 16, 3);
PINNED_AT(sluice_codec_list, size, 0, uint32_t);
PINNED_AT(sluice_codec_list, count, 4, uint32_t);
PINNED_AT(sluice_codec_list, codecs, 8, const sluice_codec* const*);

PINNED(sluice_codecs, 24, 3);
PINNED_AT(sluice_codecs, size, 0, uint32_t);
PINNED_AT(sluice_codecs, find, 8,
          const sluice_codec* (*)(const sluice_host* host, uint16_t schema));
PINNED_AT(sluice_codecs, name, 16, sluice_str (*)(const sluice_host* host, uint16_t schema));

// --- ext/control.h ---------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_CONTROL}, "sluice.control/1");
PINNED(sluice_control, 24, 3);
PINNED_AT(sluice_control, size, 0, uint32_t);
PINNED_AT(sluice_control, read, 8,
          sluice_status (*)(const sluice_host* host, sluice_str what, uint64_t after,
                            void (*take)(void* context, sluice_str document), void* context));
PINNED_AT(sluice_control, command, 16,
          sluice_status (*)(const sluice_host* host, sluice_str request, uint64_t* operation,
                            sluice_text* error));

// --- ext/downstream.h ------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_DOWNSTREAM}, "sluice.downstream/1");
PINNED(sluice_waiting, 40, 6);
PINNED_AT(sluice_waiting, size, 0, uint32_t);
PINNED_AT(sluice_waiting, reserved, 4, uint32_t);
PINNED_AT(sluice_waiting, pending, 8, uint64_t);
PINNED_AT(sluice_waiting, fill, 16, double);
PINNED_AT(sluice_waiting, free_records, 24, uint64_t);
PINNED_AT(sluice_waiting, free_bytes, 32, uint64_t);
PINNED(sluice_downstream, 16, 2);
PINNED_AT(sluice_downstream, size, 0, uint32_t);
PINNED_AT(sluice_downstream, read, 8,
          sluice_status (*)(const sluice_host* host, sluice_waiting* out));

// --- ext/guard.h -----------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_GUARD}, "sluice.guard/1");
VALUE(SLUICE_GUARD_ALLOW, 0);
VALUE(SLUICE_GUARD_REFUSE, 1);
VALUE(SLUICE_GUARD_WAIT, 2);
VALUE(SLUICE_GUARD_CONFLATE, 3);

VALUE(SLUICE_GUARD_AUTOMATIC, 0);
VALUE(SLUICE_GUARD_FORCED_OPEN, 1);
VALUE(SLUICE_GUARD_DISABLED, 2);
VALUE(SLUICE_GUARD_METRICS_ONLY, 3);

VALUE(SLUICE_CALL_CANCELLED, 3);

PINNED(sluice_call_result, 48, 8);
PINNED_AT(sluice_call_result, size, 0, uint32_t);
PINNED_AT(sluice_call_result, result, 4, uint32_t);
PINNED_AT(sluice_call_result, cause, 8, uint32_t);
PINNED_AT(sluice_call_result, records, 12, uint32_t);
PINNED_AT(sluice_call_result, permit, 16, uint64_t);
PINNED_AT(sluice_call_result, incident, 24, uint64_t);
PINNED_AT(sluice_call_result, latency_ns, 32, int64_t);
PINNED_AT(sluice_call_result, now_ns, 40, int64_t);

PINNED(sluice_guard, 40, 5);
PINNED_AT(sluice_guard, size, 0, uint32_t);
PINNED_AT(sluice_guard, permit, 8, uint32_t (*)(void* stage, int64_t now_ns, uint64_t* permit));
PINNED_AT(sluice_guard, result, 16, void (*)(void* stage, const sluice_call_result* result));
PINNED_AT(sluice_guard, closed, 24, uint32_t (*)(void* stage));
PINNED_AT(sluice_guard, force, 32, sluice_status (*)(void* stage, uint32_t state));

// --- ext/metrics.h ---------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_METRICS}, "sluice.metrics/1");
VALUE(SLUICE_COUNTER, 0);
VALUE(SLUICE_GAUGE, 1);

VALUE(SLUICE_METRICS_MAX, 64u);
PINNED(sluice_metrics, 24, 3);
PINNED_AT(sluice_metrics, size, 0, uint32_t);
PINNED_AT(sluice_metrics, add, 8,
          uint32_t (*)(const sluice_host* host, uint32_t kind, sluice_str name, sluice_str doc));
PINNED_AT(sluice_metrics, set, 16,
          void (*)(const sluice_host* host, uint32_t metric, double value));

// --- ext/resolver.h --------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_RESOLVER}, "sluice.resolver/1");
PINNED(sluice_resolver, 24, 3);
PINNED_AT(sluice_resolver, size, 0, uint32_t);
PINNED_AT(sluice_resolver, begin, 8, uint64_t (*)(const sluice_host* host, sluice_str name));
PINNED_AT(sluice_resolver, result, 16,
          sluice_status (*)(const sluice_host* host, uint64_t ticket, sluice_text* out));

// --- ext/settlement.h ------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_SETTLEMENT}, "sluice.settlement/1");
PINNED(sluice_settled, 24, 4);
PINNED_AT(sluice_settled, size, 0, uint32_t);
PINNED_AT(sluice_settled, reserved, 4, uint32_t);
PINNED_AT(sluice_settled, lost, 8, uint64_t);
PINNED_AT(sluice_settled, refused, 16, uint64_t);
PINNED(sluice_settlement, 16, 2);
PINNED_AT(sluice_settlement, size, 0, uint32_t);
PINNED_AT(sluice_settlement, read, 8,
          sluice_status (*)(const sluice_host* host, sluice_settled* out));

// --- ext/signals.h ---------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_SIGNALS}, "sluice.signals/1");
VALUE(SLUICE_SIGNALS_MAX, 16u);
PINNED(sluice_signals, 16, 2);
PINNED_AT(sluice_signals, size, 0, uint32_t);
PINNED_AT(sluice_signals, set, 8,
          sluice_status (*)(const sluice_host* host, sluice_str name, uint32_t level,
                            sluice_str cause));

// --- ext/swap.h ------------------------------------------------------------------------

VALUE(std::string_view{SLUICE_EXT_SWAP}, "sluice.swap/1");
PINNED(sluice_swap, 64, 8);
PINNED_AT(sluice_swap, size, 0, uint32_t);
PINNED_AT(sluice_swap, reads_count, 4, uint32_t);
PINNED_AT(sluice_swap, writes, 8, sluice_str);
PINNED_AT(sluice_swap, reads, 24, const sluice_str*);
PINNED_AT(sluice_swap, self_test, 32, sluice_status (*)(void* stage, sluice_text* error));
PINNED_AT(sluice_swap, export_state, 40,
          sluice_status (*)(void* stage,
                            void (*write)(void* context, const uint8_t* data, uint64_t size),
                            void* context, sluice_text* error));
PINNED_AT(sluice_swap, import_state, 48,
          sluice_status (*)(void* stage, sluice_str schema, const uint8_t* data, uint64_t size,
                            sluice_text* error));
PINNED_AT(sluice_swap, reconfigure, 56,
          sluice_status (*)(void* stage, const sluice_value* values, uint32_t count,
                            sluice_text* error));
#endif

TEST_CASE("a descriptor begins with what the loader reads first, whatever the version") {
  sluice_plugin plugin{};
  plugin.magic = SLUICE_ABI_MAGIC;
  plugin.abi_major = 0x0201;
  plugin.abi_minor = 0x0403;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&plugin);
  CHECK(std::string_view{reinterpret_cast<const char*>(bytes), 4} == "SLUI");
  CHECK(bytes[4] == 1);
  CHECK(bytes[7] == 4);
}
