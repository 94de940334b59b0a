// sluice/record.hpp - records, batches and answers with types. Part of stage.hpp.
#pragma once

#include <sluice/abi.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

namespace sluice {

/// The host's clock. It has no now(): a stage is told the time (batch::now, host::now).
struct host_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<host_clock>;
  static constexpr bool is_steady = true;
};
using duration = host_clock::duration;
using time_point = host_clock::time_point;

/// "Never": a deadline or wake-up time that does not come.
inline constexpr time_point never{duration{SLUICE_NEVER}};

using record = sluice_record;

enum class priority : std::uint8_t {
  high = SLUICE_PRIORITY_HIGH,
  normal = SLUICE_PRIORITY_NORMAL,
  low = SLUICE_PRIORITY_LOW
};

/// Why a record is dropped. A closed list; plugins use the first three and `malformed` mostly.
enum class reason : std::uint8_t {
  sampled = SLUICE_DROP_SAMPLED,
  shed = SLUICE_DROP_SHED,
  circuit_open = SLUICE_DROP_CIRCUIT_OPEN,
  overflow = SLUICE_DROP_OVERFLOW,
  conflated = SLUICE_DROP_CONFLATED,
  expired = SLUICE_DROP_EXPIRED,
  oversize = SLUICE_DROP_OVERSIZE,
  malformed = SLUICE_DROP_MALFORMED,
  unrouted = SLUICE_DROP_UNROUTED,
  fault = SLUICE_DROP_FAULT,
  shutdown = SLUICE_DROP_SHUTDOWN
};

enum class level : std::uint32_t {
  healthy = SLUICE_HEALTHY,
  warning = SLUICE_WARNING,
  critical = SLUICE_CRITICAL,
  overload = SLUICE_OVERLOAD
};

inline std::string_view view(sluice_str text) {
  return text.data == nullptr ? std::string_view{} : std::string_view{text.data, text.size};
}

constexpr sluice_str borrow(std::string_view text) { return {text.data(), text.size()}; }

/// A record's payload; valid as long as the record is.
inline std::span<const std::uint8_t> payload(const record& of) { return {of.data, of.size}; }

inline time_point received(const record& of) { return time_point{duration{of.received_ns}}; }

/// A record the stage gave to the host to keep; see batch::hold.
struct held_record {
  std::uint64_t handle = 0;
  explicit operator bool() const { return handle != 0; }
};

/// Up to SLUICE_BATCH_MAX records to answer. Unanswered means keep (a sink: published).
/// Valid until process() returns; [lane].
class batch {
 public:
  batch(sluice_batch& raw, const sluice_host& host) : raw_{raw}, host_{host} {}

  record* begin() { return raw_.records; }
  record* end() { return raw_.records + raw_.count; }
  std::uint32_t size() const { return raw_.count; }
  record& operator[](std::uint32_t i) { return raw_.records[i]; }
  std::span<record> records() { return {raw_.records, raw_.count}; }

  /// The time, read once for the whole batch.
  time_point now() const { return time_point{duration{raw_.now_ns}}; }
  /// The worst sink this stage can reach, as of the last 100 ms.
  const sluice_pressure& pressure() const { return *raw_.pressure; }
  /// A sink's name for this batch, for outcomes.
  std::uint64_t call() const { return raw_.call; }

  void drop(const record& which, reason why) { answer(which, static_cast<std::uint8_t>(why)); }
  /// Its content now lives in the stage's state. Needs SLUICE_CAN_ABSORB.
  void absorb(const record& which) { answer(which, SLUICE_ABSORB); }
  /// The host copies it into the stage's store; release or drop it later through the host. Needs
  /// SLUICE_CAN_HOLD. An empty handle: the store is full, and the record is still unanswered. If
  /// the call then throws, the record is dropped with the batch, and the handle stands for nothing.
  [[nodiscard]] held_record hold(const record& which) {
    held_record held;
    const sluice_status status = host_.hold(&host_, number(which), &held.handle);
    if (status == SLUICE_INVALID) throw std::logic_error{"hold: the record was answered already"};
    return status == SLUICE_OK ? held : held_record{};
  }

  /// Sinks: sent, its outcome is reported later.
  void pending(const record& which) { answer(which, SLUICE_PENDING); }
  /// Sinks: not a byte was sent; the host keeps it and offers it again.
  void give_back(const record& which) { answer(which, SLUICE_RETURNED); }
  /// Sinks: the attempt failed.
  void fail(const record& which) { answer(which, SLUICE_REFUSED); }

  /// The record's place in the batch: for host::emit and host::release, "before this one".
  std::uint32_t number(const record& which) const {
    return static_cast<std::uint32_t>(&which - raw_.records);
  }

 private:
  void answer(const record& which, std::uint8_t value) {
    std::uint8_t& slot = raw_.answers[number(which)];
    if (slot != SLUICE_KEEP) throw std::logic_error{"a record was answered twice"};
    slot = value;
  }

  sluice_batch& raw_;
  const sluice_host& host_;
};

}  // namespace sluice
