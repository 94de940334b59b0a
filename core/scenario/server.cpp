#include "scenario/server.hpp"

#include <algorithm>

namespace sluice::scenario {

namespace {

std::vector<fault_spec> faults_of(const sink_spec& sink, const std::vector<fault_spec>& faults) {
  std::vector<fault_spec> own;
  for (const fault_spec& each : faults)
    if (each.stage == sink.stage && each.kind != fault_kind::silence) own.push_back(each);
  return own;
}

}  // namespace

curve speed_curve(const sink_spec& sink, const std::vector<fault_spec>& faults) {
  curve speed{{{0, sink.capacity}}};
  for (const fault_spec& each : faults_of(sink, faults)) {
    const std::int64_t from = each.at.count(), to = (each.at + each.lasts).count();
    if (each.kind == fault_kind::slow) speed.scale(from, to, 1 / each.factor);
    if (each.kind == fault_kind::stop) speed.scale(from, to, 0);
  }
  return speed;
}

server::server(const sink_spec& sink, const std::vector<fault_spec>& faults, double share,
               std::uint64_t seed)
    : latency_{sink.latency},
      jitter_{sink.jitter},
      faults_{faults_of(sink, faults)},
      speed_{speed_curve(sink, faults)},
      random_{seed} {
  speed_.scale(0, SLUICE_NEVER, share);
}

server::reply server::call(std::int64_t now_ns, std::uint32_t records) {
  if (free_ns_ != SLUICE_NEVER) free_ns_ = speed_.reach(std::max(now_ns, free_ns_), records);
  if (free_ns_ == SLUICE_NEVER) return {};
  reply made{free_ns_ + latency_.count() + random_.up_to(jitter_.count()), false};
  for (const fault_spec& each : faults_) {
    if (!during(each, now_ns)) continue;
    if (each.kind == fault_kind::jitter) made.at_ns += random_.up_to(each.amount.count());
    if (each.kind == fault_kind::errors) made.busy = random_.uniform() < each.share;
  }
  // Answers keep the order of the calls.
  answered_ns_ = made.at_ns = std::max(made.at_ns, answered_ns_);
  return made;
}

std::int64_t server::greet(std::int64_t now_ns) {
  free_ns_ = answered_ns_ = now_ns;
  const std::int64_t works = speed_.reach(now_ns, 1);
  return works == SLUICE_NEVER ? SLUICE_NEVER : works + latency_.count();
}

bool server::refuses(std::int64_t now_ns) const {
  return std::any_of(faults_.begin(), faults_.end(), [&](const fault_spec& each) {
    return each.kind == fault_kind::cut && during(each, now_ns);
  });
}

std::int64_t server::next_cut(std::int64_t now_ns) const {
  std::int64_t next = SLUICE_NEVER;
  for (const fault_spec& each : faults_)
    if (each.kind == fault_kind::cut && each.at.count() >= now_ns)
      next = std::min(next, each.at.count());
  return next;
}

}  // namespace sluice::scenario
