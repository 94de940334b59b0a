#include "config/wiring.hpp"

#include "config/text.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::config {

namespace {

using stage_index = std::uint32_t;

class wirer {
 public:
  wirer(const std::vector<stage_draft>& drafts, report& out)
      : drafts_{drafts},
        out_{out},
        inputs_(drafts.size()),
        takers_(drafts.size()),
        unresolved_(drafts.size()) {}

  std::vector<stage_spec> run() {
    check_names();
    for (stage_index i = 0; i < drafts_.size(); ++i)
      if (!drafts_[i].service) connect(i);
    check_ends();
    for (stage_index i = 0; i < drafts_.size(); ++i) {
      if (drafts_[i].is(SLUICE_GUARD)) check_guard(i);
      if (drafts_[i].is(SLUICE_SINK)) check_guarded(i);
    }
    return specs();
  }

 private:
  void check_names() {
    std::map<std::string, stage_index, std::less<>> first;
    for (stage_index i = 0; i < drafts_.size(); ++i) {
      const stage_draft& draft = drafts_[i];
      if (draft.name.empty()) continue;
      const auto [taken, added] = first.emplace(draft.name, i);
      if (!added)
        out_.error(draft.name_at, "name: " + in_quotes(draft.name) +
                                      " is taken by the stage in line " +
                                      std::to_string(drafts_[taken->second].at.line) +
                                      "; give this one a name of its own");
    }
  }

  /// The stage in the file before `i`.
  std::optional<stage_index> before(stage_index i) const {
    while (i-- > 0)
      if (!drafts_[i].service) return i;
    return std::nullopt;
  }

  void join(stage_index from, stage_index to) {
    inputs_[to].push_back({from, drafts_[to].where});
    takers_[from].push_back(to);
  }

  void connect(stage_index i) {
    const stage_draft& draft = drafts_[i];
    if (draft.is(SLUICE_SOURCE) || draft.bad_from) return;
    if (draft.keys.from) return connect_named(i, *draft.keys.from);
    const auto previous = before(i);
    if (!previous) {
      if (draft.known())
        out_.error(draft.at, "the first stage must be a source, " + in_quotes(draft.name) + " is " +
                                 kind_of(draft));
      return;
    }
    if (drafts_[*previous].is(SLUICE_SINK)) {
      out_.error(draft.at, in_quotes(draft.name) + " has no input: the stage before it, " +
                               in_quotes(drafts_[*previous].name) +
                               ", is a sink; say which stages it takes from: from = [\"...\"]");
      return;
    }
    join(*previous, i);
  }

  void connect_named(stage_index i, const std::vector<std::string>& names) {
    const stage_draft& draft = drafts_[i];
    const entry& given = *draft.table->find("from");
    if (names.empty())
      return out_.error(given.value.at, "from: is empty; name at least one stage, or leave it out");
    for (std::size_t n = 0; n < names.size(); ++n) {
      const place at = n < given.value.items.size() ? given.value.items[n].at : given.value.at;
      if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(n), names[n]) !=
          names.begin() + static_cast<std::ptrdiff_t>(n))
        out_.error(at, "from: names " + in_quotes(names[n]) + " twice");
      else
        connect_one(i, names[n], at);
    }
  }

  void connect_one(stage_index i, const std::string& name, place at) {
    const auto fail = [&](const std::string& why) {
      unresolved_[i] = true;
      out_.error(at, "from: " + why);
    };
    std::vector<std::string> earlier;
    for (stage_index k = 0; k < i; ++k)
      if (!drafts_[k].service && !drafts_[k].is(SLUICE_SINK) &&
          std::find(earlier.begin(), earlier.end(), drafts_[k].name) == earlier.end())
        earlier.push_back(drafts_[k].name);
    for (stage_index k = 0; k < drafts_.size(); ++k) {
      if (drafts_[k].name != name) continue;
      if (drafts_[k].service) return fail(in_quotes(name) + " is a service and has no records");
      if (k >= i)
        return fail("must name a stage earlier in the file, " + in_quotes(name) +
                    (k == i ? " is this stage itself"
                            : " stands in line " + std::to_string(drafts_[k].at.line)));
      if (drafts_[k].is(SLUICE_SINK))
        return fail(in_quotes(name) + " is a sink and gives nothing on");
      return join(k, i);
    }
    fail("no stage is called " + in_quotes(name) + "; " + suggestion(name, earlier));
  }

  static std::string kind_of(const stage_draft& draft) {
    return std::string{"a "} + kind_name(draft.found.plugin->kind);
  }

  void check_ends() {
    const auto any = [&](std::uint32_t kind) {
      return std::any_of(drafts_.begin(), drafts_.end(), [&](const stage_draft& draft) {
        return !draft.service && (!draft.known() || draft.is(kind));
      });
    };
    if (!any(SLUICE_SOURCE)) out_.error({}, "the pipeline has no source: add a [[stage]] with one");
    if (!any(SLUICE_SINK))
      return out_.error({}, "the pipeline has no sink: add a [[stage]] with one");
    for (stage_index i = 0; i < drafts_.size(); ++i) {
      const stage_draft& draft = drafts_[i];
      if ((draft.is(SLUICE_SOURCE) || draft.is(SLUICE_TRANSFORM)) && takers_[i].empty() &&
          !lost_takers(i))
        out_.error(draft.at, in_quotes(draft.name) + " is " + kind_of(draft) +
                                 " whose records nobody takes; a later stage must name it in its "
                                 "from");
    }
  }

  /// A later stage whose inputs are not all known might have been the taker.
  bool lost_takers(stage_index i) const {
    for (stage_index k = i + 1; k < drafts_.size(); ++k)
      if (drafts_[k].bad_from || unresolved_[k]) return true;
    return false;
  }

  void check_guard(stage_index i) {
    const stage_draft& draft = drafts_[i];
    const auto& takers = takers_[i];
    if (takers.empty() && lost_takers(i)) return;
    if (takers.size() == 1 &&
        (drafts_[takers.front()].is(SLUICE_SINK) || !drafts_[takers.front()].known()))
      return;
    std::vector<std::string> names;
    for (const stage_index taker : takers) names.push_back(in_quotes(drafts_[taker].name));
    out_.error(
        draft.at,
        in_quotes(draft.name) + " is a guard and must stand directly before exactly one sink; " +
            (names.empty()
                 ? "nothing takes from it"
                 : joined(names, ", ") + (names.size() == 1 ? " is none" : " take from it")));
  }

  /// The guard directly before a sink, if there is one.
  std::optional<stage_index> guard_of(stage_index sink) const {
    for (const edge_spec& input : inputs_[sink])
      if (drafts_[input.from].is(SLUICE_GUARD)) return input.from;
    return std::nullopt;
  }

  void check_guarded(stage_index sink) {
    const auto guard = guard_of(sink);
    if (!guard) return;
    const std::string name = in_quotes(drafts_[*guard].name);
    if (inputs_[sink].size() > 1)
      out_.error(drafts_[sink].place_of("from"),
                 "from: a sink with a guard takes records from its guard " + name +
                     " alone; let the guard take from the others");
    if (!drafts_[sink].where.empty())
      out_.error(drafts_[sink].place_of("where"),
                 "where: stands behind the guard " + name + "; write it in the guard's table");
  }

  std::vector<stage_spec> specs() {
    std::vector<stage_spec> made;
    for (stage_index i = 0; i < drafts_.size(); ++i) {
      const stage_draft& draft = drafts_[i];
      stage_spec spec;
      spec.name = draft.name;
      spec.plugin = draft.found.plugin;
      spec.library = draft.found.library;
      spec.settings = draft.settings;
      spec.inputs = inputs_[i];
      spec.queue = draft.queue;
      spec.shards = draft.keys.shards;
      spec.hold = draft.keys.hold;
      spec.fault_policy = draft.keys.fault_policy.value_or(
          draft.is(SLUICE_TRANSFORM) || draft.is(SLUICE_GUARD) ? on_fault::bypass : on_fault::stop);
      spec.bypassed = !draft.off_by.empty();
      made.push_back(std::move(spec));
    }
    // A guard stands in its sink's lanes, behind the sink's queue.
    for (stage_index i = 0; i < drafts_.size(); ++i) {
      if (!drafts_[i].is(SLUICE_SINK)) continue;
      const auto guard = guard_of(i);
      if (!guard) continue;
      made[*guard].queue = std::exchange(made[i].queue, std::nullopt);
      made[*guard].shards = made[i].shards;
    }
    const std::vector<stage_index> lanes = assign_lanes(made);
    check_waiting(lanes);
    return made;
  }

  /// By stage: the one that begins the lane it runs in. Where several lanes lead to one stage there
  /// must be a queue.
  std::vector<stage_index> assign_lanes(std::vector<stage_spec>& made) {
    std::vector<stage_index> lanes(made.size());
    for (stage_index i = 0; i < made.size(); ++i) {
      stage_spec& spec = made[i];
      lanes[i] = i;
      if (spec.inputs.empty() || spec.queue) continue;
      const stage_index first = lanes[spec.inputs.front().from];
      const bool in_one =
          !drafts_[i].is(SLUICE_TRANSFORM) ||  // a guarded sink; any other has a queue
          std::all_of(spec.inputs.begin(), spec.inputs.end(),
                      [&](const edge_spec& input) { return lanes[input.from] == first; });
      if (in_one) {
        lanes[i] = first;
        continue;
      }
      spec.queue = queue_spec{};
      std::vector<std::string> names;
      for (const edge_spec& input : spec.inputs)
        names.push_back(in_quotes(drafts_[input.from].name));
      out_.warn(drafts_[i].at, in_quotes(spec.name) + " takes from " + joined(names, ", ") +
                                   ", which run in different lanes: it got a queue, with the "
                                   "default bounds; write queue = { } to choose them");
    }
    return lanes;
  }

  /// A lane's thread can wait in one event loop.
  void check_waiting(const std::vector<stage_index>& lanes) {
    std::map<stage_index, stage_index> waits;  // by lane: the stage of it that does
    for (stage_index i = 0; i < drafts_.size(); ++i) {
      if (!drafts_[i].can(SLUICE_CAN_IO) || drafts_[i].is(SLUICE_SERVICE)) continue;
      const auto [other, first] = waits.emplace(lanes[i], i);
      if (first) continue;
      const std::string name = in_quotes(drafts_[i].name);
      out_.error(drafts_[i].at, name + " and " + in_quotes(drafts_[other->second].name) +
                                    " before it each wait for I/O, and would share one thread, "
                                    "which can wait for one of them: give " +
                                    name + " a queue = { }");
    }
  }

  const std::vector<stage_draft>& drafts_;
  report& out_;
  std::vector<std::vector<edge_spec>> inputs_;
  std::vector<std::vector<stage_index>> takers_;
  std::vector<bool> unresolved_;  // has a `from` that names nothing it could take from
};

}  // namespace

std::vector<stage_spec> wire(const std::vector<stage_draft>& drafts, report& out) {
  return wirer{drafts, out}.run();
}

}  // namespace sluice::config
