#include "world.hpp"

#include <sluice/ext/attributes.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace sluice::sim {

using namespace runtime::test;
using config::when_full;

world::world(std::uint64_t seed, temper of) : temper_{of}, random_{seed} { build(); }

// --- the graph ----------------------------------------------------------------------------------

void world::build() {
  const std::uint32_t sources = 1 + up_to(1), transforms = up_to(6), sinks = 1 + up_to(2);
  for (std::uint32_t i = 0; i < sources; ++i) {
    const std::string name = "source" + std::to_string(i);
    on_.add(name, source);
    open_.push_back(name);
    from_[name] = {name};
    lane_[name] = name;
    play_source(name, 1000 * i);
  }
  for (std::uint32_t i = 0; i < transforms; ++i) add_transform(i);
  for (std::uint32_t i = 0; i < sinks; ++i) add_sink(i);
  on_.spec.max_keys = one_in(5) ? 40 : 1000;
  on_.spec.drain_limit_ns = 1000 * ms;  // a stage that stops may begin it
  on_.build(random_());
}

/// One or two stages; in order-keeping worlds not two that carry the same source's records.
std::vector<std::string> world::choose_inputs() {
  std::vector<std::string> chosen{open_[up_to(static_cast<std::uint32_t>(open_.size()) - 1)]};
  const std::string& other = open_[up_to(static_cast<std::uint32_t>(open_.size()) - 1)];
  const auto& had = from_[chosen.front()];
  const bool apart = std::none_of(from_[other].begin(), from_[other].end(),
                                  [&](const std::string& each) { return had.count(each) > 0; });
  if (other != chosen.front() && (temper_.reorder || apart)) chosen.push_back(other);
  return chosen;
}

void world::link(config::stage_spec& made, const std::vector<std::string>& inputs) {
  for (const std::string& each : inputs) {
    const auto number = std::find_if(on_.spec.stages.begin(), on_.spec.stages.end(),
                                     [&](const auto& stage) { return stage.name == each; });
    config::edge_spec edge{static_cast<std::uint32_t>(number - on_.spec.stages.begin()), {}};
    if (one_in(3)) some_condition(edge.where);
    made.inputs.push_back(edge);
    from_[made.name].insert(from_[each].begin(), from_[each].end());
  }
  std::sort(made.inputs.begin(), made.inputs.end(),
            [](const auto& a, const auto& b) { return a.from < b.from; });
}

config::queue_spec world::some_queue() {
  static constexpr when_full policies[] = {when_full::drop_oldest, when_full::drop_newest,
                                           when_full::conflate, when_full::block};
  config::queue_spec made;
  made.records = one_in(2) ? 2 + up_to(50) : 10'000;
  made.bytes = one_in(3) ? 4096 + up_to(100'000) : 1 << 20;
  made.policy = policies[up_to(3)];
  made.max_delay_ns = one_in(3) ? 20 * ms : 0;
  return made;
}

void world::some_condition(config::where_spec& where) {
  switch (up_to(2)) {
    case 0: where.priorities = {static_cast<std::uint8_t>(up_to(2)), 1}; break;
    case 1: where.schemas = {"test/1"}; break;
    default: where.attributes = {{"parity", {"odd"}}}; break;
  }
}

void world::add_transform(std::uint32_t number) {
  const auto inputs = choose_inputs();
  config::stage_spec& made = on_.add("transform" + std::to_string(number), transform);
  link(made, inputs);
  const bool apart = std::any_of(inputs.begin(), inputs.end(), [&](const std::string& each) {
    return lane_[each] != lane_[inputs.front()];
  });
  if (one_in(3) || apart) made.queue = some_queue();
  lane_[made.name] = made.queue ? made.name : lane_[inputs.front()];
  made.hold = 1 + up_to(300);
  made.bypassed = one_in(10);
  made.fault_policy = one_in(4) ? config::on_fault::stop : config::on_fault::bypass;
  open_.push_back(made.name);
  play_transform(made.name);
}

void world::add_sink(std::uint32_t number) {
  const auto inputs = choose_inputs();
  const std::string name = "sink" + std::to_string(number),
                    before = "guard" + std::to_string(number);
  const std::uint32_t shards = 1 + up_to(2);
  const bool guarded = one_in(2);
  if (guarded) {
    config::stage_spec& made = on_.add(before, guard);
    link(made, inputs);
    made.queue = some_queue();
  }
  config::stage_spec& made = guarded ? on_.add(name, sink, {before}) : on_.add(name, sink);
  if (!guarded) {
    link(made, inputs);
    made.queue = some_queue();
  }
  made.shards = shards;
  for (std::uint32_t i = 0; i < shards; ++i) {
    const std::string suffix = shards == 1 ? "" : "/" + std::to_string(i);
    if (guarded) play_guard(before + suffix);
    play_sink(name + suffix);
    sinks_.push_back(name + suffix);
  }
}

// --- behaviours ---------------------------------------------------------------------------------

void world::play_source(const std::string& name, std::uint64_t first_key) {
  script& play = on_[name];
  play.start = [this, &play, first_key] {
    const sluice_str parity = borrow("parity"), values[] = {borrow("even"), borrow("odd")};
    std::vector<sluice_key_row> rows;
    for (std::uint64_t i = 0; i < 30; ++i) rows.push_back({first_key + i, &values[i % 2]});
    const auto* table = play.host->extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES);
    table->publish(play.host->raw(), &parity, 1, rows.data(), rows.size());
    play.host->wake_at(play.host->now());
  };
  play.timer = [this, &play, first_key](time_point now) {
    play.host->wake_at(now + duration{(1 + up_to(20)) * ms});
    for (std::uint32_t left = one_in(4) ? up_to(600) : up_to(20); left > 0; --left) {
      const std::uint32_t size = one_in(20) ? up_to(3000) : up_to(100);
      play.waiting.push_back({first_key + up_to(29), std::string(size, 'x'),
                              static_cast<std::uint8_t>(one_in(20) ? 0 : 1 + up_to(1)), 1,
                              one_in(4) ? "other/1" : "test/1"});
    }
    play.push_waiting();
    if (one_in(10)) play.host->discard(reason::malformed, up_to(3));
    if (temper_.faults && one_in(2000)) throw std::runtime_error{"the source threw"};
  };
}

void world::play_transform(const std::string& name) {
  auto held = std::make_shared<std::deque<held_record>>();
  script& play = on_[name];
  const auto let_go = [this, &play, held](std::size_t most) {
    for (; most > 0 && !held->empty(); --most) {
      const held_record next = held->front();
      held->pop_front();
      if (play.host->held(next) == nullptr) continue;  // a fault took it
      if (one_in(5))
        play.host->drop(next, reason::sampled);
      else
        play.host->release(next);
    }
  };
  play.process = [this, name, held](batch& records) { transform_batch(name, records, *held); };
  play.timer = [this, let_go](time_point) { let_go(up_to(100)); };
  const bool stuck = one_in(10);
  play.drain = [this, held, let_go, stuck](time_point) {
    let_go(1 + up_to(50));
    return held->empty() && !stuck;
  };
}

void world::transform_batch(const std::string& name, batch& records,
                            std::deque<held_record>& held) {
  host by = *on_[name].host;
  const std::uint32_t mood = up_to(9);
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    record& each = records[i];
    if (mood < 3) continue;
    if (one_in(10)) {
      record made{};
      made.key = 5000 + up_to(9);
      made.schema = by.schema("own/1");
      made.priority = SLUICE_PRIORITY_LOW;
      made.weight = 1;
      made.data = each.data;
      made.size = each.size;
      by.emit(made, i);
    }
    if (one_in(5)) {
      records.drop(each, reason::sampled);
    } else if (one_in(20)) {
      records.absorb(each);
    } else if (temper_.reorder && one_in(4)) {
      if (const held_record handle = records.hold(each)) held.push_back(handle);
    } else {
      each.weight *= 2;
      if (temper_.reorder && one_in(10)) each.priority = static_cast<std::uint8_t>(up_to(2));
    }
    if (each.weight > 1e6F) each.weight = 1;
  }
  if (!held.empty()) by.wake_at(records.now() + duration{(1 + up_to(50)) * ms});
  if (temper_.faults && one_in(400)) misbehave(name, records);
}

void world::misbehave(const std::string& name, batch& records) {
  const sluice_host* raw = on_[name].host->raw();
  switch (up_to(5)) {
    case 0: throw std::runtime_error{"threw"};
    case 1: throw 42;
    case 2: records[0].priority = 99; break;
    case 3: records[records.size() - 1].weight = 0; break;
    case 4: raw->release(raw, 12345, SLUICE_AT_END, 0); break;
    default: on_[name].host->release(held_record{54321}); break;
  }
}

void world::play_guard(const std::string& name) {
  script& play = on_[name];
  play.closed = [this] { return !one_in(4); };
  play.permit = [this](std::uint64_t& permit) {
    switch (up_to(9)) {
      case 0: return +SLUICE_GUARD_REFUSE;
      case 1: return +SLUICE_GUARD_WAIT;
      case 2: return +SLUICE_GUARD_CONFLATE;
      default: break;
    }
    permit = ++permits_;
    return +SLUICE_GUARD_ALLOW;
  };
  play.result = [this](const sluice_call_result& of) {
    if (of.permit != 0) ++permits_ended_;
  };
}

void world::play_sink(const std::string& name) {
  auto calls = std::make_shared<std::deque<std::pair<std::uint64_t, std::uint32_t>>>();
  script& play = on_[name];
  const bool slow = one_in(3), pushes_back = temper_.faults || one_in(2);
  play.ready = [this, slow](std::uint32_t, duration) {
    return slow && !one_in(5) ? 0u : up_to(64);
  };
  play.process = [this, &play, calls, pushes_back](batch& records) {
    if (temper_.faults && one_in(3000)) throw std::runtime_error{"the sink threw"};
    const bool sends = one_in(2);
    const std::uint32_t keep = pushes_back && one_in(5) ? up_to(records.size()) : records.size();
    std::uint32_t sent = 0;
    for (std::uint32_t i = 0; i < records.size(); ++i) {
      const record& each = records[i];
      if (i >= keep) {
        records.give_back(each);
        continue;
      }
      play.take(each);
      if (sends && ++sent > 0)
        records.pending(each);
      else if (one_in(50))
        records.fail(each);
      else if (one_in(50))
        records.drop(each, reason::oversize);
    }
    if (sent > 0) calls->push_back({records.call(), sent});
    play.host->wake_at(records.now() + duration{(1 + up_to(30)) * ms});
  };
  play.timer = [this, name, calls, &play](time_point now) {
    report_some(name, *calls);
    play.host->wake_at(now + duration{(1 + up_to(30)) * ms});
  };
  const bool stuck = one_in(8);
  play.drain = [this, name, calls, stuck](time_point) {
    report_some(name, *calls);
    return calls->empty() && !stuck;
  };
}

void world::report_some(const std::string& name,
                        std::deque<std::pair<std::uint64_t, std::uint32_t>>& calls) {
  const host by = *on_[name].host;
  while (!calls.empty() && !one_in(4)) {
    auto& [call, left] = calls.front();
    const std::uint32_t count = 1 + up_to(left - 1);
    const std::int64_t now = by.now().time_since_epoch().count();
    by.report({0, one_in(10) ? up_to(2) : +SLUICE_PUBLISHED, SLUICE_CAUSE_NONE, count, call, 0,
               now - up_to(5) * ms, now, 1});
    left -= count;
    if (left == 0) calls.pop_front();
  }
}

// --- the run ------------------------------------------------------------------------------------

void world::check(const char* when) const {
  const runtime::snapshot now = on_.run->read();
  INFO(when);
  REQUIRE(now.imbalance == 0);
  for (const runtime::stage_state& each : now.stages) {
    INFO(each.name);
    REQUIRE(each.imbalance == 0);
    REQUIRE(each.count.balance() == static_cast<std::int64_t>(each.held));
  }
  REQUIRE(permits_ended_ <= permits_);
}

void world::run() {
  for (int i = 0; i < 200; ++i) {
    on_.run->advance(10 * ms);
    check("running");
  }
  on_.run->running().begin_drain();
  for (int i = 0; i < 101 && !on_.run->running().stopped(); ++i) {
    on_.run->advance(10 * ms);
    check("draining");
  }
  REQUIRE(on_.run->running().stopped());
  check("stopped");
  REQUIRE(on_.run->read().held == 0);
}

std::string world::digest() {
  std::ostringstream text;
  const runtime::snapshot now = on_.run->read();
  for (const runtime::stage_state& each : now.stages) {
    const auto& count = each.count;
    text << each.name << ' ' << each.lane << ' ' << count.created << ' ' << count.in << ' '
         << count.out << ' ' << count.published << ' ' << count.absorbed << ' ' << count.failed
         << ' ' << count.unknown << ' ' << each.faults << ' ' << each.held << ' '
         << each.latency.p50_ns << ' ' << each.age.max_ns;
    for (const std::uint64_t dropped : count.dropped) text << ' ' << dropped;
    text << '\n';
  }
  for (const runtime::event& each : on_.run->running().events(0))
    text << each.number << ' ' << each.unix_ns << ' ' << each.stage << ' ' << each.kind << ' '
         << each.message << '\n';
  for (const std::string& name : sinks_)
    for (const taken& each : on_.plays.at(name).got) text << each.key << ':' << each.seq << ' ';
  return text.str();
}

void world::check_order() const {
  for (const std::string& name : sinks_) {
    std::map<std::pair<std::uint32_t, std::uint8_t>, std::uint64_t> last;
    for (const taken& each : on_.plays.at(name).got) {
      if (each.key >= 5000) continue;  // emitted: every stage numbers its own
      std::uint64_t& before = last[{each.index, each.priority}];
      INFO(name, " key ", each.key, " seq ", each.seq, " after ", before);
      REQUIRE(each.seq > before);
      before = each.seq;
    }
  }
}

}  // namespace sluice::sim
