#include "config/changes.hpp"

#include "config/settings.hpp"
#include "config/text.hpp"
#include "config/value.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::config {

namespace {

std::string arrow(const std::string& key, const std::string& before, const std::string& after) {
  return key + ' ' + before + " -> " + after;
}

std::string plugin_and_version(const stage_spec& of) {
  return std::string{view(of.plugin->name)} + ' ' + std::string{view(of.plugin->version)};
}

const stage_spec* find(const pipeline_spec& in, std::string_view name) {
  for (const stage_spec& each : in.stages)
    if (each.name == name) return &each;
  return nullptr;
}

// --- a stage's values ---------------------------------------------------------------------------

bool same_list(const sluice_value& a, const sluice_value& b) {
  return std::equal(a.list, a.list + a.list_size, b.list, b.list + b.list_size,
                    [](sluice_str one, sluice_str other) { return view(one) == view(other); });
}

bool same_secret(const values& a, std::uint64_t in_a, const values& b, std::uint64_t in_b) {
  const secret_reader *one = a.secret(in_a), *other = b.secret(in_b);
  return (one == nullptr) == (other == nullptr) && (one == nullptr || one->text == other->text);
}

bool same(const values& a, const values& b, std::uint32_t row) {
  const sluice_value &one = a.data()[row], &other = b.data()[row];
  return one.set == other.set && one.integer == other.integer && one.number == other.number &&
         view(one.string) == view(other.string) && same_list(one, other) &&
         same_secret(a, one.secret, b, other.secret);
}

/// A text may hold what came from outside the file, and is not shown.
bool shows(const sluice_field& row) {
  return row.kind != SLUICE_STRING && row.kind != SLUICE_STRINGS &&
         (row.flags & SLUICE_FIELD_SECRET) == 0;
}

std::string shown(const sluice_field& row, const sluice_value& value) {
  checked one;
  one.value = value;
  one.string = view(value.string);
  return show_value(row, one);
}

struct differences {
  std::string text;      ///< "headroom 0.9 -> 0.8, url changed"
  bool all_live = true;  ///< each may change while the stage runs
};

/// Of two stages of the same plugin.
differences compare_values(const stage_spec& now, const stage_spec& next) {
  differences found;
  const std::vector<sluice_field> rows = rows_of(*now.plugin);
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    if (same(*now.settings, *next.settings, i)) continue;
    const std::string key{view(rows[i].key)};
    const std::string what = shows(rows[i]) ? arrow(key, shown(rows[i], now.settings->data()[i]),
                                                    shown(rows[i], next.settings->data()[i]))
                                            : key + " changed";
    found.text += (found.text.empty() ? "" : ", ") + what;
    found.all_live = found.all_live && (rows[i].flags & SLUICE_FIELD_LIVE) != 0;
  }
  return found;
}

// --- where a stage stands -----------------------------------------------------------------------

/// Its inputs by name, each with what passes.
std::vector<std::pair<std::string, const where_spec*>> inputs(const stage_spec& of,
                                                              const pipeline_spec& in) {
  std::vector<std::pair<std::string, const where_spec*>> made;
  for (const edge_spec& each : of.inputs) made.emplace_back(in.stages[each.from].name, &each.where);
  return made;
}

std::string names(const std::vector<std::pair<std::string, const where_spec*>>& of) {
  std::string text;
  for (const auto& each : of) text += (text.empty() ? "" : ", ") + each.first;
  return "[" + text + "]";
}

/// The guard before a sink; empty if there is none.
std::string guard_of(const stage_spec& sink, const pipeline_spec& in) {
  for (const edge_spec& each : sink.inputs)
    if (in.stages[each.from].plugin->kind == SLUICE_GUARD) return in.stages[each.from].name;
  return {};
}

std::string sink_of(const stage_spec& guard, const pipeline_spec& in) {
  for (const stage_spec& each : in.stages)
    if (guard_of(each, in) == guard.name) return each.name;
  return {};
}

/// A sink's queue stands before its guard.
const std::optional<queue_spec>& queue_of(const stage_spec& of, const pipeline_spec& in) {
  const std::string guard = of.plugin->kind == SLUICE_SINK ? guard_of(of, in) : std::string{};
  return guard.empty() ? of.queue : find(in, guard)->queue;
}

std::string codecs_of(const pipeline_spec& in) {
  std::string text;
  for (const codecs_spec& each : in.codecs) text += (text.empty() ? "" : ", ") + each.plugin;
  return "[" + text + "]";
}

// --- the whole ----------------------------------------------------------------------------------

class comparer {
 public:
  comparer(const pipeline_spec& now, const pipeline_spec& next) : now_{now}, next_{next} {}

  comparison run() {
    compare_pipeline();
    for (auto each = now_.stages.rbegin(); each != now_.stages.rend(); ++each)
      if (find(next_, each->name) == nullptr) remove(*each);
    for (const stage_spec& each : next_.stages) {
      const stage_spec* before = find(now_, each.name);
      if (before == nullptr)
        add(each);
      else
        compare_stage(*before, each);
    }
    return std::move(found_);
  }

 private:
  void restart(const std::string& what) { found_.restarts.push_back(what + " needs a restart"); }
  void restart(const std::string& key, const std::string& before, const std::string& after) {
    if (before != after) restart(key + ": " + before + " -> " + after);
  }
  void tell(change what, const stage_spec& of, std::string text) {
    found_.changes.push_back({what, of.name, std::move(text)});
  }

  void compare_pipeline() {
    restart("pipeline.name", now_.name, next_.name);
    restart("pipeline.metrics_prefix", now_.metrics_prefix, next_.metrics_prefix);
    restart("pipeline.max_keys", std::to_string(now_.max_keys), std::to_string(next_.max_keys));
    restart("pipeline.codecs", codecs_of(now_), codecs_of(next_));
    changed("pipeline.drain_limit", now_.drain_limit_ns, next_.drain_limit_ns);
    const level_spec &a = now_.level, &b = next_.level;
    changed("level.mode", a.mode, b.mode);
    constexpr std::array levels{"warning", "critical", "overload"};
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const std::string level = levels[i];
      changed("level.ratio_" + level, a.ratio[i], b.ratio[i]);
      changed("level.latency_" + level, a.latency_ns[i], b.latency_ns[i]);
      changed("level.pending_" + level, a.pending[i], b.pending[i]);
      changed("level.ratio_exit_" + level, a.ratio_exit[i], b.ratio_exit[i]);
    }
    changed("level.exit_share", a.exit_share, b.exit_share);
    changed("level.hold", a.hold_ns, b.hold_ns);
    changed("level.hold_max", a.hold_max_ns, b.hold_max_ns);
    changed("level.relapse", a.relapse_ns, b.relapse_ns);
  }

  template <typename Value>
  void changed(const std::string& key, const Value& before, const Value& after) {
    if (before != after) found_.pipeline.push_back(key);
  }

  void add(const stage_spec& one) {
    if (one.plugin->kind == SLUICE_GUARD && find(now_, sink_of(one, next_)) != nullptr)
      return restart(one.name + ": a guard that is added");
    tell(change::add, one, plugin_and_version(one));
  }

  void remove(const stage_spec& one) {
    if (one.plugin->kind == SLUICE_GUARD && find(next_, sink_of(one, now_)) != nullptr)
      return restart(one.name + ": a guard that is removed");
    tell(change::remove, one, plugin_and_version(one));
  }

  void compare_stage(const stage_spec& before, const stage_spec& after) {
    if (before.plugin->kind != after.plugin->kind)
      return restart(before.name + ": " + kind_name(before.plugin->kind) + " -> " +
                     kind_name(after.plugin->kind));
    compare_place(before, after);
    compare_plugin(before, after);
    if (before.fault_policy != after.fault_policy)
      tell(change::keys, after,
           after.fault_policy == on_fault::stop ? "on_fault bypass -> stop"
                                                : "on_fault stop -> bypass");
    compare_inputs(before, after);
  }

  /// What is fixed when its lane is made.
  void compare_place(const stage_spec& before, const stage_spec& after) {
    const std::string key = after.name + '.';
    const auto &old = queue_of(before, now_), &fresh = queue_of(after, next_);
    if (after.plugin->kind != SLUICE_GUARD && old.has_value() != fresh.has_value()) {
      restart(key + "queue: " + (old ? "taken away" : "given"));
    } else if (after.plugin->kind != SLUICE_GUARD && old) {
      restart(key + "queue.records", std::to_string(old->records), std::to_string(fresh->records));
      restart(key + "queue.bytes", show_size(static_cast<std::int64_t>(old->bytes)),
              show_size(static_cast<std::int64_t>(fresh->bytes)));
      restart(key + "queue.when_full", policy_name(old->policy), policy_name(fresh->policy));
      restart(key + "queue.max_delay", show_duration(old->max_delay_ns),
              show_duration(fresh->max_delay_ns));
    }
    if (after.plugin->kind != SLUICE_GUARD)
      restart(key + "shards", std::to_string(before.shards), std::to_string(after.shards));
    restart(key + "hold", std::to_string(before.hold), std::to_string(after.hold));
  }

  void compare_plugin(const stage_spec& before, const stage_spec& after) {
    const bool same_plugin = before.plugin == after.plugin;
    std::string text;
    bool all_live = same_plugin;
    if (same_plugin) {
      const differences values = compare_values(before, after);
      text = values.text;
      all_live = values.all_live;
    } else {
      text = plugin_and_version(before) == plugin_and_version(after)
                 ? plugin_and_version(after) + " was built anew"
                 : "plugin " + plugin_and_version(before) + " -> " + plugin_and_version(after);
    }
    if (before.bypassed && !after.bypassed)
      tell(change::switch_on, after, text);
    else if (!before.bypassed && after.bypassed)
      tell(change::switch_off, after, text);
    else if (!text.empty())
      tell(all_live && !after.bypassed ? change::reconfigure : change::swap, after, text);
  }

  void compare_inputs(const stage_spec& before, const stage_spec& after) {
    const auto old = inputs(before, now_), fresh = inputs(after, next_);
    const auto equal = [](const auto& one, const auto& other) {
      return one.first == other.first && *one.second == *other.second;
    };
    if (std::equal(old.begin(), old.end(), fresh.begin(), fresh.end(), equal)) return;
    const std::string guard = guard_of(before, now_);
    if (guard != guard_of(after, next_)) {
      // A guard that comes or goes is told of by itself.
      if (find(now_, guard_of(after, next_)) != nullptr || find(next_, guard) != nullptr)
        restart(after.name + ": another guard before it");
      return;
    }
    const bool moved = names(old) != names(fresh);
    tell(change::rewire, after, moved ? arrow("from", names(old), names(fresh)) : "where changed");
  }

  const pipeline_spec &now_, &next_;
  comparison found_;
};

}  // namespace

const char* change_name(change what) {
  constexpr std::array names{"add",        "remove",    "swap",   "reconfigure",
                             "switch_off", "switch_on", "rewire", "keys"};
  return names[static_cast<std::size_t>(what)];
}

comparison compare(const pipeline_spec& now, const pipeline_spec& next) {
  return comparer{now, next}.run();
}

}  // namespace sluice::config
