// A snapshot for people and for programs.
#pragma once

#include "runtime/snapshot.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::telemetry {

/// The whole snapshot as one JSON document. Times are seconds; times of day are RFC 3339.
std::string status_json(const runtime::snapshot& seen, const std::vector<runtime::event>& events);

/// A page: level and cause, a table of the stages, the ledger as a balance, the newest events.
std::string status_text(const runtime::snapshot& seen, const std::vector<runtime::event>& events);

/// One line: level, rates, pending, drops.
std::string status_line(const runtime::snapshot& seen);

/// The ledger of the whole pipeline as a balance; printed at the end.
std::string balance_text(const runtime::snapshot& seen);

/// {"events": [...]}.
std::string events_json(const std::vector<runtime::event>& events);

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number);
/// "850 us", "12.3 ms", "4.5 s", "2 h 5 min".
std::string short_time(std::int64_t nanoseconds);

/// A source that has received nothing for so long is shown as silent.
inline constexpr std::int64_t silent_ns = 5'000'000'000;

}  // namespace sluice::telemetry
