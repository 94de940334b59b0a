// redis_sink's way of sending, without Redis: what is there goes at once if nothing is in flight, a
// full batch always, the rest when its oldest has waited for the interval; an overdue reply cuts
// the connection, and all in flight is unknown.
#include "scenario/models.hpp"

#include <algorithm>

namespace sluice::scenario {

namespace {

/// A sharded sink's stages are called name/0, name/1 and so on.
std::string base_name(std::string_view stage) {
  return std::string{stage.substr(0, stage.find('/'))};
}

const sink_spec& spec_of(const world& in, std::string_view stage) {
  const std::string name = base_name(stage);
  return *std::find_if(in.from.sinks.begin(), in.from.sinks.end(),
                       [&](const sink_spec& each) { return each.stage == name; });
}

std::uint64_t seed_by_name(const world& in, std::string_view stage) {
  std::uint64_t mixed = in.seed;
  for (const char c : stage) mixed = mixed * 31 + static_cast<unsigned char>(c);
  return mixed;
}

}  // namespace

model_sink::model_sink(const config&, host given)
    : host_{given},
      world_{within::current()},
      pace_{world_.paces.find(base_name(given.stage()))->second},
      server_{spec_of(world_, given.stage()), world_.from.faults,
              1.0 / world_.shards.find(base_name(given.stage()))->second,
              seed_by_name(world_, given.stage())},
      random_{seed_by_name(world_, given.stage()) + 1},
      ceiling_ns_{pace_.backoff_min} {}

void model_sink::start() {
  world_.seen.begin(host_.now().time_since_epoch().count());
  dial(0);
  arm();
}

std::uint32_t model_sink::ready(std::uint32_t queued, duration oldest) {
  if (state_ != state::live || static_cast<std::int64_t>(calls_.size()) >= pace_.window) return 0;
  if (queued >= pace_.batch) return static_cast<std::uint32_t>(pace_.batch);
  if (calls_.empty() || oldest.count() >= pace_.interval) return queued;
  look_ns_ = rel(host_.now()) + pace_.interval - oldest.count();
  arm();
  return 0;
}

void model_sink::process(batch& records) {
  const std::int64_t now = rel(records.now());
  call& made = calls_.emplace_back();
  made.id = records.call();
  made.written_ns = now;
  made.count = records.size();
  made.reply = server_.call(now, records.size());
  for (const record& each : records) {
    made.records[records.number(each)] = {each.received_ns, each.seq, tally::number_of(each.key),
                                          each.priority};
    records.pending(each);
  }
  arm();
}

void model_sink::on_timer(time_point when) {
  const std::int64_t now = rel(when);
  if (look_ns_ <= now) look_ns_ = SLUICE_NEVER;
  switch (state_) {
    case state::live: answer(now); break;
    case state::dialling: connect(now); break;
    case state::waiting:
      if (due_ns_ <= now) dial(now);
      break;
  }
  arm();
}

// --- replies ------------------------------------------------------------------------------------

void model_sink::answer(std::int64_t now) {
  if (cut_ns_ <= now) return lose(SLUICE_CAUSE_CONNECTION, now);
  for (; !calls_.empty() && calls_.front().reply.at_ns <= now; calls_.pop_front()) {
    const call& done = calls_.front();
    if (done.reply.busy) {
      report(done, SLUICE_PUBLISH_FAILED, SLUICE_CAUSE_BUSY, 0);
    } else {
      world_.seen.published({done.records.data(), done.count},
                            host_.now().time_since_epoch().count());
      report(done, SLUICE_PUBLISHED, SLUICE_CAUSE_NONE, 0);
    }
  }
  if (!calls_.empty() && calls_.front().written_ns + pace_.timeout <= now)
    lose(SLUICE_CAUSE_TIMEOUT, now);
}

void model_sink::report(const call& of, std::uint32_t result, std::uint32_t cause,
                        std::uint64_t incident) {
  const std::int64_t now = host_.now().time_since_epoch().count();
  const std::int64_t written = now - (rel(host_.now()) - of.written_ns);
  host_.report({0, result, cause, of.count, of.id, incident, written, now, 1});
}

/// The end of an attempt to connect.
void model_sink::told(std::uint32_t result, std::uint32_t cause) {
  const std::int64_t now = host_.now().time_since_epoch().count();
  host_.report({0, result, cause, 0, 0, 0, now, now, 0});
}

// --- the connection -----------------------------------------------------------------------------

void model_sink::dial(std::int64_t now) {
  if (server_.refuses(now)) {
    wait(now);
    return told(SLUICE_PUBLISH_FAILED, SLUICE_CAUSE_CONNECTION);
  }
  state_ = state::dialling;
  answer_ns_ = server_.greet(now);
  due_ns_ = std::min(now + pace_.connect_timeout, server_.next_cut(now));
}

void model_sink::connect(std::int64_t now) {
  if (answer_ns_ <= now) {
    state_ = state::live;
    live_since_ns_ = now;
    cut_ns_ = server_.next_cut(now);
    told(SLUICE_PUBLISHED, SLUICE_CAUSE_NONE);
  } else if (due_ns_ <= now) {
    wait(now);
    told(SLUICE_PUBLISH_FAILED, SLUICE_CAUSE_CONNECTION);
  }
}

void model_sink::lose(std::uint32_t cause, std::int64_t now) {
  if (now - live_since_ns_ >= 2 * pace_.backoff_max) ceiling_ns_ = pace_.backoff_min;
  wait(now);
  ++incident_;
  for (; !calls_.empty(); calls_.pop_front())
    report(calls_.front(), SLUICE_PUBLISH_UNKNOWN, cause, incident_);
}

/// Exponential backoff with full jitter.
void model_sink::wait(std::int64_t now) {
  state_ = state::waiting;
  due_ns_ = now + random_.up_to(ceiling_ns_);
  ceiling_ns_ = std::min(2 * ceiling_ns_, pace_.backoff_max);
}

bool model_sink::drain(time_point) { return calls_.empty(); }

std::int64_t model_sink::due() const {
  switch (state_) {
    case state::waiting: return due_ns_;
    case state::dialling: return std::min(answer_ns_, due_ns_);
    case state::live: break;
  }
  std::int64_t next = std::min(cut_ns_, look_ns_);
  if (!calls_.empty())
    next = std::min({next, calls_.front().reply.at_ns, calls_.front().written_ns + pace_.timeout});
  return next;
}

void model_sink::arm() {
  const std::int64_t next = due();
  const time_point now = host_.now();
  host_.wake_at(next == SLUICE_NEVER ? never
                                     : now + duration{std::max<std::int64_t>(0, next - rel(now))});
}

}  // namespace sluice::scenario
