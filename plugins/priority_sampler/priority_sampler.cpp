#include "priority_sampler.hpp"

#include <algorithm>
#include <stdexcept>

namespace sluice::priority_sampler {

namespace {

/// Parses what it can and adds a problem for what it cannot.
std::vector<selector> selectors(std::string_view key, const std::vector<std::string>& texts,
                                problems& found) {
  std::vector<selector> made;
  for (const std::string& text : texts) try {
      made.push_back(parse_selector(text));
    } catch (const std::invalid_argument& wrong) {
      found.add(key, wrong.what());
    }
  return made;
}

}  // namespace

void priority_sampler::validate(const config& given, problems& found) {
  sampling::level_table{given}.check(found);
  if (given.watch.size() > watch_limit)
    found.add("watch", std::to_string(given.watch.size()) + " entries: allowed are at most " +
                           std::to_string(watch_limit));
  const auto watch = selectors("watch", given.watch, found);
  for (const selector& each : selectors("best_effort", given.best_effort, found)) {
    if (std::find(watch.begin(), watch.end(), each) == watch.end()) continue;
    const std::string text =
        each.by_key() ? std::to_string(each.key) : each.attribute + "=" + each.value;
    found.add("best_effort", text + " is in watch too, and what is watched is never sampled");
  }
}

priority_sampler::priority_sampler(const config& given, host of)
    : host_{of},
      meters_{of},
      table_{given},
      best_effort_share_{given.best_effort_share},
      classes_{of, given.watch, given.best_effort},
      phases_{given.seed} {
  take_level(SLUICE_HEALTHY);
}

void priority_sampler::take_level(std::uint32_t level) {
  level_ = level;
  const double normal = table_[level];
  normal_ = sampling::share{normal};
  low_ = normal < 1 ? sampling::share{normal * best_effort_share_} : normal_;
}

void priority_sampler::process(batch& records) {
  const std::uint32_t level = records.pressure().level;
  const bool changed = level != level_;
  if (changed) take_level(level);
  classes_.refresh();

  for (record& each : records) {
    if (each.priority == SLUICE_PRIORITY_HIGH) continue;
    const classes::name its = classes_.of(each);
    if (its == classes::name::watched) {
      each.priority = SLUICE_PRIORITY_HIGH;
      continue;
    }
    if (its == classes::name::best_effort) each.priority = SLUICE_PRIORITY_LOW;
    const sampling::share kept = each.priority == SLUICE_PRIORITY_LOW ? low_ : normal_;
    if (kept.whole()) continue;
    if (phases_.of(each.index).keep(kept))
      each.weight *= kept.weight();
    else
      records.drop(each, reason::sampled);
  }
  if (changed || classes_.watched() != told_watched_) publish();
}

// --- changes while it runs ----------------------------------------------------------------------

/// Phases go on; who is watched is found anew.
void priority_sampler::reconfigure(const config& given) {
  table_ = sampling::level_table{given};
  best_effort_share_ = given.best_effort_share;
  classes_.name_anew(given.watch, given.best_effort);
  take_level(level_);
  publish();
}

void priority_sampler::save(state_writer& out) const {
  using sampling::section;
  sampling::put_section(out, section::phases, [&](state_writer& to) { phases_.save(to); });
  sampling::put_section(out, section::ratio, [&](state_writer& to) { to.put(table_[level_]); });
  sampling::end_sections(out);
}

/// The share is the level's, and who is watched its own list's: of another's state it takes the
/// phases.
void priority_sampler::load(state_reader& in) {
  sampling::read_sections(in, [&](sampling::section which, state_reader& from) {
    if (which != sampling::section::phases) return false;
    phases_.load(from);
    return true;
  });
}

void priority_sampler::publish() {
  told_watched_ = classes_.watched();
  meters_[meter::keep_ratio] = table_[level_];
  meters_[meter::watched_instruments] = static_cast<double>(told_watched_);
  meters_.publish();
}

}  // namespace sluice::priority_sampler

SLUICE_PLUGIN(sluice::priority_sampler::priority_sampler);
