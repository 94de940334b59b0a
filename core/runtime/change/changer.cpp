#include "runtime/change/changer.hpp"

#include "runtime/change/exchange.hpp"
#include "runtime/change/lane_job.hpp"
#include "runtime/change/rearrangement.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::runtime {

namespace {

constexpr std::int64_t ms = 1'000'000, second = 1'000 * ms;
constexpr std::int64_t first_batch_limit = second;

bool makes_object(config::change what) {
  return what == config::change::swap || what == config::change::switch_on;
}

std::string title(const config::stage_spec& of) {
  return std::string{sluice::view(of.plugin->name)} + " " +
         std::string{sluice::view(of.plugin->version)};
}

const config::stage_spec& find(const config::pipeline_spec& in, const std::string& stage) {
  return *std::find_if(in.stages.begin(), in.stages.end(),
                       [&](const config::stage_spec& each) { return each.name == stage; });
}

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error{why}; }

/// What differs of one stage alone; a swap of it even if nothing does.
config::comparison only(config::comparison found, const std::string& stage,
                        const config::pipeline_spec& next) {
  std::erase_if(found.changes, [&](const auto& each) { return each.stage != stage; });
  std::erase_if(found.restarts, [&](const auto& each) {
    return each.rfind(stage + ".", 0) != 0 && each.rfind(stage + ":", 0) != 0;
  });
  found.pipeline.clear();
  if (found.changes.empty() && found.restarts.empty())
    found.changes.push_back({config::change::swap, stage, title(find(next, stage)) + " anew"});
  return found;
}

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& each : all) text += (text.empty() ? "" : "; ") + each;
  return text;
}

}  // namespace

changer::changer(engine& of, change_host by) : engine_{of}, by_{std::move(by)} {}

receipt changer::change(const config_maker& make, const change_options& with) {
  const config::pipeline_spec now = engine_.spec();
  receipt made;
  made.operation = ++operations_;
  made.dry_run = with.dry_run;
  made.hash = now.hash;
  std::vector<step> steps;
  try {
    if (engine_.draining()) refuse("the pipeline ends");
    if (trial_) refuse("another change is on trial: confirm it, or wait for its end");
    const config::pipeline_spec next = make(now);
    config::comparison found = config::compare(now, next);
    if (!with.only.empty()) found = only(std::move(found), with.only, next);
    if (!found.restarts.empty()) refuse(joined(found.restarts));
    steps = plan(found, now, next, with);
    const config::pipeline_spec then = with.only.empty() ? next : with_one(steps, now, next);
    rearrangement moves{engine_, by_, now, then};
    for (step& each : steps) prepare(each, with);
    moves.prepare();
    made.pipeline = found.pipeline;
    if (!with.dry_run) {
      for (step& each : steps) apply(each, with.lose_state);
      await_first_batches(steps);
      moves.apply();
      for (step& each : steps) moves.tell(each.told);
      remember_unproven(steps, now.hash);
      if (with.trial_ns > 0) begin_trial(steps, now, with.trial_ns);
      made.trial_ns = with.trial_ns;
      made.hash = next.hash;
    }
    made.done = true;
  } catch (const std::exception& why) {
    made.error = why.what();
    undo(steps);
  }
  for (step& each : steps) {
    each.told.done = made.done && !with.dry_run;
    made.stages.push_back(each.told);
  }
  if (!with.dry_run) engine_.count_change(made.done);
  tell(made);
  return made;
}

// --- before anything is touched -----------------------------------------------------------------

std::vector<changer::step> changer::plan(const config::comparison& found,
                                         const config::pipeline_spec& now,
                                         const config::pipeline_spec& next,
                                         const change_options& with) const {
  std::vector<step> steps;
  for (const config::stage_change& each : found.changes) {
    using enum config::change;
    step one;
    one.what = each;
    one.told.stage = each.stage;
    one.told.what = each.what;
    one.told.text = each.text;
    if (each.what != add) one.before = find(now, each.stage);
    if (each.what != remove) one.after = find(next, each.stage);
    if (each.what != add) one.told.from = title(one.before);
    if (each.what != remove) one.told.to = title(one.after);
    if (each.what == add || each.what == remove || each.what == rewire) {
      steps.push_back(std::move(one));  // where it stands is the rearrangement's
      continue;
    }
    one.places = engine_.places(each.stage);
    one.changed.resize(one.places.size());
    if (one.before.plugin->kind == SLUICE_SOURCE && makes_object(each.what) && !with.allow_gap)
      refuse(each.stage +
             ": a source stops before the new one starts, which leaves a gap: "
             "--allow-gap lets it");
    steps.push_back(std::move(one));
  }
  return steps;
}

void changer::prepare(step& one, const change_options& with) const {
  if (!makes_object(one.what.what)) return;
  make(one, one.after);
  const plugin_object& old = one.places.front().made->object();
  const std::string schema{one.before.bypassed ? std::string_view{} : old.state_schema()};
  const plugin_object& fresh = *one.made.front()->object();
  if (!schema.empty() && !fresh.reads(schema) && !with.lose_state)
    refuse(one.what.stage + ": " + fresh.title() + " cannot read the state " + schema + " of " +
           old.title() + ": --lose-state lets it go");
  if (!schema.empty() && fresh.reads(schema)) rehearse(one, schema);
}

/// In the lane nothing may hang: what is to read the state there has read it once before.
void changer::rehearse(step& one, const std::string& schema) const {
  const engine::place& at = one.places.front();
  std::vector<std::uint8_t> state;
  bool saved = false;
  in_lane(by_, *at.in, [&] { return saved = at.made->save_state(state), true; });
  if (!saved) return;  // the exchange will say why, unless it may do without
  candidate tried{*at.made, one.after, by_};
  tried.create();
  tried.rehearse(schema, state);
}

void changer::make(step& one, const config::stage_spec& spec) const {
  one.made.clear();
  engine_.know(spec);
  for (const engine::place& each : one.places) {
    one.made.push_back(std::make_unique<candidate>(*each.made, spec, by_));
    one.made.back()->create();
    if (each.made->is(SLUICE_SINK)) one.made.back()->connect();
  }
}

// --- in the lanes -------------------------------------------------------------------------------

void changer::apply(step& one, bool lose_state) const {
  for (std::size_t shard = 0; shard < one.places.size(); ++shard) apply_at(one, shard, lose_state);
}

void changer::apply_at(step& one, std::size_t shard, bool lose_state) const {
  const engine::place& at = one.places[shard];
  std::string error;
  switch (one.what.what) {
    case config::change::reconfigure:
      in_lane(by_, *at.in, [&] {
        if (!at.made->reconfigure(one.after))
          error = at.made->object().title() + ": reconfigure: " + std::string{at.made->error()};
        return true;
      });
      if (!error.empty()) refuse(error);
      break;
    case config::change::switch_off:
      in_lane(by_, *at.in, [&] { return one.told.released += at.made->switch_off(), true; });
      break;
    case config::change::keys:
      in_lane(by_, *at.in, [&] { return at.made->set_fault_policy(one.after.fault_policy), true; });
      break;
    default: {
      bool touched = false;
      try {
        exchange(by_, at, *one.made[shard], one.told, lose_state, engine_.spec().drain_limit_ns,
                 touched);
      } catch (const std::runtime_error&) {
        one.changed[shard] = touched;
        throw;
      }
    }
  }
  one.changed[shard] = true;
}

/// Throws what the first batch of one of them failed with.
void changer::await_first_batches(std::vector<step>& steps) const {
  using enum trial::verdict;
  std::string why;
  const auto verdict = [&](const candidate& of) {
    return of.on_trial() == nullptr ? proven : of.on_trial()->read(why);
  };
  const auto all = [&](const auto& holds) {
    return std::all_of(steps.begin(), steps.end(), [&](const step& each) {
      return std::all_of(each.made.begin(), each.made.end(),
                         [&](const auto& made) { return holds(verdict(*made)); });
    });
  };
  by_.wait([&] { return all([](auto is) { return is != open; }); }, first_batch_limit);
  for (step& each : steps) {
    each.told.proven = true;
    for (std::size_t i = 0; i < each.made.size(); ++i) {
      const auto is = verdict(*each.made[i]);
      each.told.proven = each.told.proven && is == proven;
      if (is != reverted) continue;
      each.changed[i] = false;  // the stage has put the old one back by itself
      each.told.error = each.told.to + ": first batch: " + why;
    }
  }
  for (const step& each : steps)
    if (!each.told.error.empty()) refuse(each.told.error);
}

// --- back again ---------------------------------------------------------------------------------

void changer::undo(std::vector<step>& steps) const {
  for (auto one = steps.rbegin(); one != steps.rend(); ++one) {
    for (std::size_t shard = 0; shard < one->places.size(); ++shard) {
      if (!one->changed[shard]) continue;
      try {
        put_back(*one, shard);
      } catch (const std::exception& why) {
        engine_.tell(SLUICE_ERROR, one->what.stage, "change_not_undone", why.what());
      }
    }
  }
}

/// The old object is gone: one like it takes the state over.
void changer::put_back(step& one, std::size_t shard) const {
  step back;
  back.what = one.what;
  back.before = one.after;
  back.after = one.before;
  back.places = {one.places[shard]};
  back.changed = {false};
  if (one.what.what == config::change::swap || one.what.what == config::change::switch_off) {
    back.what.what = config::change::swap;
    make(back, back.after);
  } else if (one.what.what == config::change::switch_on) {
    back.what.what = config::change::switch_off;
  }
  apply(back, true);
}

// --- what runs now ------------------------------------------------------------------------------

/// What runs, with one stage as it is to be.
config::pipeline_spec changer::with_one(const std::vector<step>& steps,
                                        const config::pipeline_spec& now,
                                        const config::pipeline_spec& next) {
  config::pipeline_spec made = now;
  for (const step& each : steps)
    for (config::stage_spec& stage : made.stages)
      if (stage.name == each.what.stage) stage = each.after;
  made.hash = next.hash;
  made.document = next.document;
  return made;
}

void changer::remember_unproven(const std::vector<step>& steps, const std::string& hash) {
  for (const step& each : steps)
    for (const auto& made : each.made)
      if (made->on_trial() != nullptr && !each.told.proven)
        unproven_.push_back({each.before, hash, made->on_trial()});
}

/// A stage that put its old object back after the receipt was given: what is said of it is true
/// again.
void changer::look_at_unproven() {
  std::string why;
  std::erase_if(unproven_, [&](const unproven& each) {
    const auto is = each.first_batch->read(why);
    if (is != trial::verdict::reverted) return is == trial::verdict::proven;
    config::pipeline_spec now = engine_.spec();
    for (config::stage_spec& stage : now.stages)
      if (stage.name == each.before.name) stage = each.before;
    now.hash = each.hash;
    engine_.arrange(std::move(now));
    return true;
  });
}

// --- trial --------------------------------------------------------------------------------------

void changer::begin_trial(const std::vector<step>& steps, const config::pipeline_spec& before,
                          std::int64_t length_ns) {
  trial_run begun;
  begun.before = before;
  for (const step& each : steps) begun.stages.push_back(each.what.stage);
  begun.until = engine_.now() + length_ns;
  begun.level = engine_.level();
  begun.faults = faults(begun.stages);
  trial_ = std::move(begun);
}

std::uint64_t changer::faults(const std::vector<std::string>& stages) const {
  std::uint64_t all = 0;
  for (const std::string& each : stages) all += engine_.faults(each);
  return all;
}

bool changer::confirm() {
  if (!trial_) return false;
  trial_.reset();
  engine_.tell(SLUICE_INFO, "pipeline", "trial", "confirmed: what was changed stays");
  return true;
}

/// Why it ends now; empty: it does not.
std::string changer::failed_trial() const {
  if (faults(trial_->stages) > trial_->faults) return "a stage on trial faulted";
  if (engine_.level() > trial_->level) return "the level got worse";
  if (engine_.now() >= trial_->until) return "nobody confirmed it";
  return {};
}

void changer::look() {
  look_at_unproven();
  if (!trial_ || engine_.draining()) return;
  const std::string why = failed_trial();
  if (why.empty()) return;
  const auto before = [spec = std::move(trial_->before)](const auto&) { return spec; };
  trial_.reset();
  engine_.tell(SLUICE_WARN, "pipeline", "trial", "ends, all is put back: " + why);
  change_options back;
  back.allow_gap = back.lose_state = true;
  const receipt put_back = change(before, back);
  if (!put_back.done) engine_.tell(SLUICE_WARN, "pipeline", "change_refused", put_back.error);
}

/// A refusal is told by who asked for the change.
void changer::tell(const receipt& made) const {
  if (made.dry_run || !made.done) return;
  for (const stage_receipt& each : made.stages)
    engine_.tell(SLUICE_INFO, each.stage, config::change_name(each.what), each.text);
  if (!made.pipeline.empty())
    engine_.tell(SLUICE_INFO, "pipeline", "change", joined(made.pipeline));
}

}  // namespace sluice::runtime
