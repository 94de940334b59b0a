#include "runtime/snapshot.hpp"

#include <numeric>

namespace sluice::runtime {

const std::array<const char*, SLUICE_DROP_REASONS> reason_names = {
    "",        "sampled",  "shed",      "circuit_open", "overflow", "conflated",
    "expired", "oversize", "malformed", "unrouted",     "fault",    "shutdown"};

bool intentional(std::uint32_t reason) {
  switch (reason) {
    case SLUICE_DROP_SAMPLED:
    case SLUICE_DROP_SHED:
    case SLUICE_DROP_CIRCUIT_OPEN:
    case SLUICE_DROP_OVERFLOW:
    case SLUICE_DROP_CONFLATED:
    case SLUICE_DROP_EXPIRED: return true;
    default: return false;
  }
}

std::uint64_t counters::dropped_total() const {
  return std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0});
}

std::int64_t counters::balance() const {
  return static_cast<std::int64_t>(created + in) -
         static_cast<std::int64_t>(out + published + absorbed + dropped_total() + failed + unknown);
}

counters& counters::operator+=(const counters& other) {
  created += other.created;
  copied += other.copied;
  in += other.in;
  out += other.out;
  published += other.published;
  absorbed += other.absorbed;
  failed += other.failed;
  unknown += other.unknown;
  for (std::size_t i = 0; i < dropped.size(); ++i) dropped[i] += other.dropped[i];
  return *this;
}

}  // namespace sluice::runtime
