#include "config/advice.hpp"

#include "config/text.hpp"

#include <algorithm>
#include <set>

namespace sluice::config {

namespace {

constexpr std::uint32_t many_records = 100'000;
constexpr std::uint64_t many_bytes = 256u << 20;

class adviser {
 public:
  adviser(const std::vector<stage_draft>& drafts, const pipeline_spec& spec, report& out)
      : drafts_{drafts}, spec_{spec}, out_{out} {}

  void run() {
    if (spec_.level.mode == level_mode::never)
      out_.warn({}, "level.mode: never: no backpressure is detected, and nothing degrades by plan");
    for (std::size_t i = 0; i < drafts_.size(); ++i) {
      if (drafts_[i].bypassed)
        out_.warn(drafts_[i].at, in_quotes(drafts_[i].name) +
                                     " is switched off by an environment variable: over "
                                     "capacity only the queues' policies are left");
      check_queue(i);
      if (drafts_[i].is(SLUICE_SINK)) check_unlimited(i);
      check_schemas(i);
    }
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

  /// A feed that cannot be delayed and goes to a sink with no stage between that could thin it.
  void check_unlimited(std::size_t sink) {
    if (spec_.level.mode != level_mode::enforce) return;
    for (const std::size_t from : inputs_of_tail(sink))
      if (drafts_[from].can(SLUICE_NEVER_DELAY))
        out_.warn(drafts_[sink].at,
                  in_quotes(drafts_[from].name) + " goes to " + in_quotes(drafts_[sink].name) +
                      " without a stage that samples or sheds: over capacity the queue alone "
                      "decides what is lost");
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

  const std::vector<stage_draft>& drafts_;
  const pipeline_spec& spec_;
  report& out_;
};

}  // namespace

void advise(const std::vector<stage_draft>& drafts, const pipeline_spec& spec, report& out) {
  adviser{drafts, spec, out}.run();
}

}  // namespace sluice::config
