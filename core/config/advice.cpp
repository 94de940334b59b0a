#include "config/advice.hpp"

#include "config/routes.hpp"
#include "config/text.hpp"

#include <unistd.h>
#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string_view>

namespace sluice::config {

namespace {

constexpr std::uint32_t many_records = 100'000;
constexpr std::uint64_t many_bytes = 256u << 20;
constexpr std::string_view protected_sink = "redis_sink";
constexpr std::array<std::string_view, 2> no_samplers{"deduplicator", "load_shedder"};

/// The requirement's variables, and the plugin each is for. BACKPRESSURE_MONITORING_ENABLED is not
/// among them: it is the host's, and always heard.
struct plugin_variable {
  std::string_view name, plugin;
};
constexpr std::array<plugin_variable, 11> plugin_variables{{
    {"BACKPRESSURE_WINDOW_SECONDS", "backpressure_monitor"},
    {"CIRCUIT_BREAKER_FAILURE_THRESHOLD", "circuit_breaker"},
    {"CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "circuit_breaker"},
    {"REDIS_PUBLISH_TIMEOUT", "redis_sink"},
    {"REDIS_BUFFER_SIZE", "redis_sink"},
    {"REDIS_BATCH_SIZE", "redis_sink"},
    {"REDIS_BATCH_INTERVAL", "redis_sink"},
    {"ENABLE_ADAPTIVE_SAMPLING", "adaptive_sampler"},
    {"ENABLE_LOAD_SHEDDING", "load_shedder"},
    {"PROMETHEUS_PORT", "http_admin"},
    {"USE_RESILIENT_PUBLISHER", ""},  // what a file makes of it
}};

bool is_plugin(const stage_draft& draft, std::string_view name) {
  return draft.known() && view(draft.found.plugin->name) == name;
}

/// Most bytes this process may have: the machine's, or those of its container if they are less.
std::uint64_t memory_limit() {
  std::uint64_t least = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const char* file :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (std::uint64_t limit = 0; std::ifstream{file} >> limit) least = std::min(least, limit);
  return least;
}

class adviser {
 public:
  adviser(const std::vector<stage_draft>& drafts, const pipeline_spec& spec, report& out)
      : drafts_{drafts}, spec_{spec}, out_{out} {}

  void run() {
    check_mode();
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (!drafts_[i].off_by.empty()) warn_of_off(drafts_[i]);
      check_queue(i);
      if (is_redis(i)) check_protection(i);
      check_schemas(i);
      check_routes(i);
    }
    if (const auto text = too_much_memory(spec_, memory_limit())) out_.warn({}, *text);
  }

 private:
  const stage_spec& spec(std::size_t i) const { return spec_.stages[i]; }

  void check_queue(std::size_t i) {
    const auto& queue = drafts_[i].queue;
    if (!queue) return;
    const place at = drafts_[i].place_of("queue");
    if (queue->records > many_records || queue->bytes > many_bytes)
      out_.warn(at, "queue: " + std::to_string(queue->records) + " records or " +
                        show_size(static_cast<std::int64_t>(queue->bytes)) +
                        " may wait: what waits long is stale when it leaves, and all of it is "
                        "memory; over " +
                        std::to_string(many_records) + " records or 256MiB is seldom meant");
    if (queue->policy != when_full::block) return;
    const auto sources = blocked_sources(i);
    for (const std::size_t source : sources)
      out_.warn(at, "queue.when_full: \"block\" makes " + in_quotes(drafts_[source].name) +
                        " wait, which cannot be delayed: its data is then lost where it comes "
                        "from; prefer drop_oldest or conflate");
  }

  /// Sources that cannot be delayed and that a full queue before `i` would block: those reached
  /// without passing another queue that drops.
  std::set<std::size_t> blocked_sources(std::size_t i) const {
    std::set<std::size_t> found, seen;
    std::vector<std::size_t> open = inputs_of_tail(i);
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      if (!seen.insert(at).second) continue;
      if (drafts_[at].can(SLUICE_NEVER_DELAY)) found.insert(at);
      if (spec(at).queue && spec(at).queue->policy != when_full::block) continue;
      for (const edge_spec& input : spec(at).inputs) open.push_back(input.from);
    }
    return found;
  }

  /// What feeds the queue of `i`: a sink's queue stands before its guard.
  std::vector<std::size_t> inputs_of_tail(std::size_t i) const {
    std::vector<std::size_t> from;
    for (const edge_spec& input : spec(i).inputs) from.push_back(input.from);
    if (from.size() != 1 || !drafts_[from.front()].is(SLUICE_GUARD)) return from;
    return inputs_of_tail(from.front());
  }

  void check_mode() {
    if (spec_.level.mode == level_mode::never)
      out_.warn({},
                "level.mode: never: no backpressure is detected, and nothing degrades by "
                "plan");
    if (spec_.level.mode == level_mode::monitor)
      out_.warn({}, "level.mode: monitor: the level is shown, but no stage acts on it");
  }

  void warn_of_off(const stage_draft& draft) {
    out_.warn(draft.place_of("enabled"),
              in_quotes(draft.name) + " is switched off by " + draft.off_by +
                  (draft.is(SLUICE_GUARD)
                       ? ": nothing stops calls to a sink that fails"
                       : ": records pass it by; not for production, where over capacity only the "
                         "other stages and the queues' policies decide what is lost"));
  }

  bool is_redis(std::size_t i) const { return is_plugin(drafts_[i], protected_sink); }

  /// What stands before a Redis sink: a guard, and behind a feed that cannot be delayed a sampler.
  /// A branch that `where` chose is meant as it is; what is switched off has its own warning.
  void check_protection(std::size_t sink) {
    bool guarded = false, sampled = false, chosen = false, urgent = false;
    std::set<std::size_t> seen;
    std::vector<std::size_t> open{sink};
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      if (!seen.insert(at).second) continue;
      guarded |= drafts_[at].is(SLUICE_GUARD);
      sampled |= may_sample(at);
      urgent |= drafts_[at].can(SLUICE_NEVER_DELAY);
      for (const edge_spec& input : spec(at).inputs) {
        chosen |= !input.where.empty();
        open.push_back(input.from);
      }
    }
    if (chosen) return;
    const std::string name = in_quotes(drafts_[sink].name);
    if (!guarded)
      out_.warn(drafts_[sink].at,
                name +
                    " has no guard before it: while Redis fails, every batch waits for its "
                    "timeout; put a circuit_breaker before it");
    if (urgent && !sampled && spec_.level.mode == level_mode::enforce)
      out_.warn(drafts_[sink].at,
                name +
                    " has no sampler before it, and its feed cannot be delayed: over capacity "
                    "the queue alone decides what is lost; put an adaptive_sampler before it");
  }

  /// A transform of somebody's own is taken for a sampler.
  bool may_sample(std::size_t i) const {
    if (!drafts_[i].is(SLUICE_TRANSFORM)) return false;
    const std::string_view name = view(drafts_[i].found.plugin->name);
    return std::find(no_samplers.begin(), no_samplers.end(), name) == no_samplers.end();
  }

  void check_schemas(std::size_t i) {
    std::vector<std::string> emitted;
    for (const stage_draft& draft : drafts_)
      for (std::uint32_t n = 0; draft.known() && n < draft.found.plugin->emit_count; ++n)
        emitted.emplace_back(view(draft.found.plugin->emits[n]));
    for (const std::string& schema : drafts_[i].where.schemas)
      if (std::find(emitted.begin(), emitted.end(), schema) == emitted.end())
        out_.warn(drafts_[i].place_of("where"), "where.schema: no stage says that it makes " +
                                                    in_quotes(schema) + "; " +
                                                    suggestion(schema, emitted));
  }

  /// If each edge behind a stage is chosen by `where`: what none of them takes.
  void check_routes(std::size_t i) {
    std::vector<const where_spec*> edges;
    std::size_t last = 0;
    for (std::size_t to = 0; to < drafts_.size(); ++to)
      for (const edge_spec& input : spec(to).inputs)
        if (input.from == i) {
          edges.push_back(&input.where);
          last = to;
        }
    if (edges.empty()) return;
    if (const auto missed = not_taken(edges, made_before(i)))
      out_.warn(drafts_[last].place_of("where"),
                "where: no stage behind " + in_quotes(drafts_[i].name) + " takes records of " +
                    *missed +
                    ": should such come, they are dropped as unrouted, which is a fault; let a "
                    "stage take what the others leave");
  }

  /// The schemas that a stage, and those before it, say they make.
  std::vector<std::string> made_before(std::size_t i) const {
    std::vector<std::string> made;
    std::set<std::size_t> seen;
    std::vector<std::size_t> open{i};
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      if (!seen.insert(at).second) continue;
      for (std::uint32_t n = 0; drafts_[at].known() && n < drafts_[at].found.plugin->emit_count;
           ++n)
        made.emplace_back(view(drafts_[at].found.plugin->emits[n]));
      for (const edge_spec& input : spec(at).inputs) open.push_back(input.from);
    }
    return made;
  }

  const std::vector<stage_draft>& drafts_;
  const pipeline_spec& spec_;
  report& out_;
};

}  // namespace

std::optional<std::string> too_much_memory(const pipeline_spec& spec, std::uint64_t memory) {
  std::uint64_t queued = 0;
  for (const stage_spec& stage : spec.stages)
    if (stage.queue) queued += stage.queue->bytes * stage.shards;
  if (queued <= memory / 4) return std::nullopt;
  return "queues: they may take " + show_size(static_cast<std::int64_t>(queued)) +
         " in all, more than a quarter of the memory there is, " +
         show_size(static_cast<std::int64_t>(memory)) +
         ": when all are full the process may be killed; lower their bytes";
}

void advise(const std::vector<stage_draft>& drafts, const pipeline_spec& spec, report& out) {
  adviser{drafts, spec, out}.run();
}

void advise_of_variables(const std::vector<stage_draft>& drafts, reading& state) {
  for (const plugin_variable& each : plugin_variables) {
    const auto given = state.variables(each.name);
    if (!given || trimmed(given->text).empty()) continue;
    const bool heard =
        std::any_of(drafts.begin(), drafts.end(),
                    [&](const stage_draft& draft) { return is_plugin(draft, each.plugin); }) ||
        std::any_of(state.effective.begin(), state.effective.end(),
                    [&](const effective_value& one) {
                      return one.origin.find(each.name) != std::string::npos;
                    });
    if (heard) continue;
    state.out.environment_warning(
        each.name, each.plugin.empty()
                       ? "is set and changes nothing: the file does not refer to it"
                       : "is set and changes nothing: it is for " + in_quotes(each.plugin) +
                             ", and no stage or service is one");
  }
}

}  // namespace sluice::config
