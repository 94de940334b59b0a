#include "runtime/change/rearrangement.hpp"

#include "plugin/within_limit.hpp"
#include "runtime/change/lane_job.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::runtime {

namespace {

// A transform that has more to say at its end than one call may.
constexpr int most_drain_calls = 100;

constexpr std::uint32_t none = UINT32_MAX;

std::uint32_t number_of(const config::pipeline_spec& in, const std::string& name) {
  for (std::uint32_t i = 0; i < in.stages.size(); ++i)
    if (in.stages[i].name == name) return i;
  return none;
}

bool begins_lane(const config::stage_spec& one) { return one.inputs.empty() || one.queue; }

/// The stage that begins the lane it runs in.
std::uint32_t leader(const config::pipeline_spec& in, std::uint32_t number) {
  while (!begins_lane(in.stages[number])) number = in.stages[number].inputs.front().from;
  return number;
}

/// What a stage leads to, in the order of its edges.
std::vector<std::pair<std::string, config::where_spec>> successors(const config::pipeline_spec& in,
                                                                   const std::string& name) {
  std::vector<std::pair<std::string, config::where_spec>> made;
  for (const config::stage_spec& each : in.stages)
    for (const config::edge_spec& edge : each.inputs)
      if (in.stages[edge.from].name == name) made.emplace_back(each.name, edge.where);
  return made;
}

std::string label(const config::pipeline_spec& in, std::uint32_t number, std::uint32_t shard) {
  const std::string& name = in.stages[number].name;
  return engine::shards_of(in, number) == 1 ? name : name + "/" + std::to_string(shard);
}

}  // namespace

rearrangement::rearrangement(engine& of, const change_host& by, const config::pipeline_spec& now,
                             const config::pipeline_spec& next)
    : engine_{of}, by_{by}, now_{now}, next_{next} {}

/// What has come into no lane after all. One that hangs keeps what it hangs in.
rearrangement::~rearrangement() {
  if (plugin::left_behind) {
    for (auto& each : lanes_) static_cast<void>(each.release());
    for (auto& each : inline_) static_cast<void>(each.release());
    return;
  }
  for (auto& each : lanes_)
    for (const auto& made : each->stages()) destroy(*made);
  destroy(std::move(inline_));
}

// --- before anything is touched -----------------------------------------------------------------

void rearrangement::refuse_moves() const {
  for (std::uint32_t i = 0; i < next_.stages.size(); ++i) {
    const std::uint32_t before = number_of(now_, next_.stages[i].name);
    if (before == none) continue;
    const std::string& was = now_.stages[leader(now_, before)].name;
    const std::string& is = next_.stages[leader(next_, i)].name;
    if (was != is)
      throw std::runtime_error{next_.stages[i].name + ": from the lane of " + was + " to that of " +
                               is + " needs a restart"};
  }
}

void rearrangement::prepare() {
  refuse_moves();
  for (std::uint32_t i = 0; i < next_.stages.size(); ++i)
    if (number_of(now_, next_.stages[i].name) == none) make(i);
  for (const engine::newcomer& each : added_) {
    const std::string name{each.made->label()};
    stage* const made = each.made;
    by_.guarded(name + ": create", plugin::call_limit.count(), [made] { made->create(); });
    by_.guarded(name + ": self_test", plugin::call_limit.count(), [made] { made->self_test(); });
  }
}

void rearrangement::make(std::uint32_t number) {
  const config::stage_spec& spec = next_.stages[number];
  const bool begins = begins_lane(spec);
  for (std::uint32_t shard = 0; shard < engine::shards_of(next_, number); ++shard) {
    auto made = engine_.make_stage(spec, label(next_, number, shard));
    if (begins) lanes_.push_back(engine_.make_lane(spec));
    lane* const in = begins ? lanes_.back().get()
                            : places(next_.stages[spec.inputs.front().from].name)[shard].in;
    added_.push_back({&spec, made.get(), in, begins});
    const bool new_lane = std::any_of(lanes_.begin(), lanes_.end(),
                                      [&](const auto& each) { return each.get() == in; });
    if (new_lane) {
      in->add(std::move(made));
    } else {
      made->place(*in);
      inline_.push_back(std::move(made));
    }
  }
}

std::vector<engine::place> rearrangement::places(const std::string& name) const {
  std::vector<engine::place> found;
  for (const engine::newcomer& each : added_)
    if (each.spec->name == name) found.push_back({each.made, each.in});
  return found.empty() ? engine_.places(name) : found;
}

/// As they are to be.
std::vector<edge> rearrangement::edges_of(const std::string& name) const {
  std::vector<edge> made;
  for (const config::stage_spec& each : next_.stages) {
    for (const config::edge_spec& input : each.inputs) {
      const config::stage_spec& from = next_.stages[input.from];
      if (from.name != name || from.plugin->kind == SLUICE_GUARD) continue;
      condition when = engine_.condition_of(input.where);
      const std::vector<engine::place> to = places(each.name);
      if (!begins_lane(each)) {
        made.emplace_back(std::move(when), *to.front().made);
        continue;
      }
      std::vector<port> ports;
      for (const engine::place& one : to) ports.push_back({one.in->queue(), one.in});
      made.emplace_back(std::move(when), std::move(ports));
    }
  }
  return made;
}

// --- what comes ---------------------------------------------------------------------------------

void rearrangement::start() {
  for (const engine::newcomer& one : added_) {
    const bool in_new_lane = std::any_of(lanes_.begin(), lanes_.end(),
                                         [&](const auto& each) { return each.get() == one.in; });
    if (in_new_lane)
      for (edge& next : edges_of(one.spec->name)) one.made->connect(std::move(next));
  }
  for (const auto& each : lanes_) {
    each->seal();
    begun_.push_back(each.get());
  }
  // From here on the engine measures them: they are whole.
  engine_.enter(added_, std::exchange(lanes_, {}));
  // From the back: what is in front may push as soon as it started.
  for (auto each = begun_.rbegin(); each != begun_.rend(); ++each) {
    std::string why;
    if (!(*each)->try_start(why)) throw std::runtime_error{why};
  }
  for (auto each = inline_.rbegin(); each != inline_.rend(); ++each) {
    const auto found = std::find_if(added_.begin(), added_.end(), [&](const engine::newcomer& one) {
      return one.made == each->get();
    });
    start_inline(**each, *found->in);
  }
}

void rearrangement::start_inline(stage& made, lane& in) const {
  std::string error;
  in_lane(by_, in, [&] {
    if (!made.try_start())
      error = std::string{made.label()} + ": start: " + std::string{made.error()};
    return true;
  });
  if (!error.empty()) throw std::runtime_error{error};
}

/// Nothing that came has been led to yet.
void rearrangement::abandon() {
  for (lane* each : begun_) each->never_run();
  lanes_ = engine_.arrange(now_);
}

// --- what stays ---------------------------------------------------------------------------------

void rearrangement::apply() {
  try {
    start();
  } catch (...) {
    abandon();
    throw;
  }
  for (lane* each : begun_) by_.begin(*each);
  std::vector<lane*> lanes;
  for (const config::stage_spec& each : now_.stages)
    if (begins_lane(each) && number_of(next_, each.name) != none)
      for (const engine::place& one : engine_.places(each.name)) lanes.push_back(one.in);
  // A queue whose producers all go before others come must not close.
  for (lane* each : lanes)
    if (each->queue() != nullptr) each->queue()->add_producer();
  const auto let_go = [&] {
    for (lane* each : lanes) {
      if (each->queue() == nullptr) continue;
      each->queue()->remove_producer();
      each->interrupt();
    }
  };
  try {
    for (lane* each : lanes)
      if (affected(*each)) rearrange(*each);
    end_lanes();
  } catch (...) {
    // The pipeline ends, or the process does: what still has a place must be there.
    engine_.keep(std::move(inline_));
    engine_.keep(std::move(left_));
    let_go();
    throw;
  }
  let_go();
  std::vector<std::unique_ptr<lane>> ended = engine_.arrange(next_);
  for (auto& each : ended) {
    for (const auto& made : each->stages()) destroy(*made);
    if (plugin::left_behind) static_cast<void>(each.release());
  }
  destroy(std::move(left_));
}

bool rearrangement::affected(const lane& which) const {
  for (const auto& each : inline_)
    if (&each->where() == &which) return true;
  for (const config::stage_spec& each : now_.stages) {
    const std::vector<engine::place> at = engine_.places(each.name);
    const bool here = std::any_of(at.begin(), at.end(),
                                  [&](const engine::place& one) { return one.in == &which; });
    if (here && (number_of(next_, each.name) == none ||
                 successors(now_, each.name) != successors(next_, each.name)))
      return true;
  }
  return false;
}

void rearrangement::rearrange(lane& which) {
  std::vector<stage*> order, leaving;
  std::vector<std::pair<stage*, std::vector<edge>>> edges;
  for (const config::stage_spec& each : next_.stages) {
    for (const engine::place& one : places(each.name)) {
      if (one.in != &which) continue;
      order.push_back(one.made);
      edges.emplace_back(one.made, edges_of(each.name));
    }
  }
  for (const config::stage_spec& each : now_.stages)
    if (number_of(next_, each.name) == none)
      for (const engine::place& one : engine_.places(each.name))
        if (one.in == &which) leaving.push_back(one.made);
  std::vector<std::unique_ptr<stage>> coming;
  for (auto& each : inline_)
    if (&each->where() == &which) coming.push_back(std::move(each));
  std::erase(inline_, nullptr);

  try {
    in_lane(by_, which, [&] {
      const std::int64_t began = which.read_clock();
      for (stage* each : leaving) drain_inline(*each);
      for (auto each = edges.rbegin(); each != edges.rend(); ++each)
        lane::reconnect(*each->first, std::move(each->second));
      for (stage* each : leaving) lane::reconnect(*each, {});
      for (auto& each : which.rearrange(order, std::move(coming))) left_.push_back(std::move(each));
      longest_pause_ = std::max(longest_pause_, which.read_clock() - began);
      return true;
    });
  } catch (...) {
    for (auto& each : coming) inline_.push_back(std::move(each));
    throw;
  }
}

// --- what goes ----------------------------------------------------------------------------------

/// In its lane: it says what it has left to say, and what it holds goes on.
void rearrangement::drain_inline(stage& leaving) {
  const std::int64_t deadline = leaving.where().read_clock() + lane_limit;
  for (int i = 0; i < most_drain_calls && !leaving.drain(deadline); ++i) {
  }
  gone_.push_back({std::string{leaving.label()}, leaving.leave(), 0});
}

/// In the order records meet them, so that each ends with what those before it sent.
void rearrangement::end_lanes() {
  for (const config::stage_spec& each : now_.stages) {
    if (!begins_lane(each) || number_of(next_, each.name) != none) continue;
    for (const engine::place& one : engine_.places(each.name)) {
      one.in->end_by(engine_.now() + now_.drain_limit_ns);
      if (!by_.wait([&] { return one.in->finished(); }, now_.drain_limit_ns + lane_limit))
        throw std::runtime_error{each.name + ": did not end"};
      by_.end(*one.in);
      std::uint64_t lost = 0;
      for (const auto& made : one.in->stages()) lost += made->count.dropped[SLUICE_DROP_SHUTDOWN];
      if (one.in->queue() != nullptr)
        lost += one.in->queue()->read(engine_.now()).dropped[SLUICE_DROP_SHUTDOWN];
      gone_.push_back({each.name, 0, lost});
    }
  }
}

void rearrangement::destroy(std::vector<std::unique_ptr<stage>> stages) const {
  for (auto& each : stages) destroy(*each);
  if (plugin::left_behind)
    for (auto& each : stages) static_cast<void>(each.release());
}

void rearrangement::destroy(stage& one) const {
  const std::string name{one.label()};
  try {
    by_.guarded(name + ": destroy", plugin::call_limit.count(), [&one] { one.destroy(); });
  } catch (const std::exception& why) {
    engine_.tell(SLUICE_ERROR, name, "destroy", why.what());
  }
}

void rearrangement::tell(stage_receipt& into) const {
  using enum config::change;
  if (into.what != add && into.what != remove && into.what != rewire) return;
  into.pause_ns = longest_pause_;
  into.proven = true;
  for (const gone& each : gone_) {
    if (each.name != into.stage) continue;
    into.released += each.released;
    into.lost += each.lost;
  }
}

}  // namespace sluice::runtime
