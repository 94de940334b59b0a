#include "telemetry/log.hpp"
#include "telemetry/status.hpp"
#include "telemetry/summary.hpp"
#include "telemetry/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace sluice::telemetry {
namespace {

std::string per_second(double rate) {
  return grouped(static_cast<std::uint64_t>(std::llround(std::max(rate, 0.0))));
}

std::string drops(const runtime::counters& count) {
  std::string text;
  for (std::uint32_t reason = 1; reason < SLUICE_DROP_REASONS; ++reason)
    if (count.dropped[reason] != 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", runtime::reason_names[reason],
                          grouped(count.dropped[reason]));
  return text.empty() ? "-" : text;
}

std::string state_of(const runtime::stage_state& stage) {
  if (stage.stopped) return "stopped";
  if (stage.bypassed) return "bypassed";
  if (stage.kind == "sink") return level_name(stage.level);
  if (stage.feed_age_ns >= silent_ns) return "silent " + short_time(stage.feed_age_ns);
  return "ok";
}

std::string stage_table(const runtime::snapshot& seen) {
  table out{{"stage", "plugin", "state", "in/s", "out/s", "queue", "oldest", "p95", "busy",
             "faults", "dropped"}};
  for (const runtime::stage_state& stage : seen.stages)
    out.row({stage.name, stage.plugin, state_of(stage), per_second(stage.rate_in_per_s),
             per_second(stage.rate_out_per_s),
             stage.queue.present
                 ? fmt::format("{}/{}", grouped(stage.queue.depth), grouped(stage.queue.capacity))
                 : "-",
             stage.queue.present ? short_time(stage.queue.oldest_ns) : "-",
             stage.kind == "sink" ? short_time(stage.latency.p95_ns) : "-",
             fmt::format("{:.0f}%", stage.busy_share * 100), grouped(stage.faults),
             drops(stage.count)});
  return out.text(3);
}

/// What is asked of each sink and how long a call of it takes.
std::string sink_table(const runtime::snapshot& seen) {
  table out{{"sink", "offered/s", "capacity/s", "ratio", "pending", "mean", "p50", "p95", "p99",
             fmt::format("{:g} s: mean", static_cast<double>(seen.window_ns) / 1e9), "p50", "p95",
             "p99"}};
  for (const runtime::stage_state& stage : seen.stages) {
    if (stage.kind != "sink") continue;
    std::vector<std::string> cells{
        stage.name, per_second(stage.demand.offered_per_s),
        stage.demand.capacity_per_s > 0 ? per_second(stage.demand.capacity_per_s) : "-",
        fmt::format("{:.2f}", stage.demand.ratio), grouped(stage.demand.pending)};
    for (const runtime::latency_state& of : {stage.latency, stage.latency_longer})
      for (const std::int64_t each : {of.mean_ns, of.p50_ns, of.p95_ns, of.p99_ns})
        cells.push_back(short_time(each));
    out.row(std::move(cells));
  }
  return out.text(1);
}

/// What plugins contribute to the level, and how often it changed.
std::string level_lines(const runtime::snapshot& seen) {
  std::string out;
  for (const runtime::stage_state& stage : seen.stages)
    for (const runtime::signal_state& one : stage.signals)
      out += fmt::format("signal {} of {} {}: {}\n", one.name, stage.name, level_name(one.level),
                         one.cause);
  for (const runtime::level_changes& one : seen.changes)
    out +=
        fmt::format("to {} by {}: {} times\n", level_name(one.to), one.cause, grouped(one.count));
  return out;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string short_time(std::int64_t ns) {
  const auto of = static_cast<double>(ns);
  if (ns < 1'000'000) return fmt::format("{:.0f} us", of / 1e3);
  if (ns < 1'000'000'000) return fmt::format("{:.1f} ms", of / 1e6);
  if (ns < 120'000'000'000) return fmt::format("{:.1f} s", of / 1e9);
  const std::int64_t minutes = ns / 60'000'000'000;
  if (minutes < 120) return fmt::format("{} min", minutes);
  return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

std::string status_line(const runtime::snapshot& seen) {
  const summary all = summarize(seen);
  return fmt::format(
      "{} in {}/s out {}/s pending {} dropped {} failed {} unknown {} p95 {} imbalance {}",
      level_name(seen.level), per_second(all.received_per_s), per_second(all.published_per_s),
      grouped(all.pending), grouped(all.dropped), grouped(seen.total.failed),
      grouped(seen.total.unknown), short_time(all.latency.p95_ns), seen.imbalance);
}

std::string balance_text(const runtime::snapshot& seen) {
  const runtime::counters& total = seen.total;
  std::vector<std::pair<std::string, std::uint64_t>> rows{{"published", total.published},
                                                          {"absorbed", total.absorbed}};
  for (std::uint32_t reason = 1; reason < SLUICE_DROP_REASONS; ++reason)
    if (total.dropped[reason] != 0)
      rows.emplace_back(fmt::format("dropped {} ({})", runtime::reason_names[reason],
                                    runtime::intentional(reason) ? "policy" : "fault"),
                        total.dropped[reason]);
  rows.emplace_back("failed", total.failed);
  rows.emplace_back("unknown", total.unknown);
  rows.emplace_back("held", seen.held);

  std::string out =
      fmt::format("balance of {} after {}\n", seen.pipeline, short_time(seen.uptime_ns));
  const auto add = [&](char sign, std::string_view what, std::uint64_t number) {
    out += fmt::format("  {} {:<28}{:>18}\n", sign, what, grouped(number));
  };
  add(' ', "created", total.created - total.copied);
  if (total.copied != 0) add('+', "copied", total.copied);
  for (const auto& [what, number] : rows) add('-', what, number);
  out += fmt::format("  = {:<28}{:>18}{}\n", "imbalance", seen.imbalance,
                     seen.imbalance == 0 ? "" : "  <- must be 0");
  return out;
}

std::string status_text(const runtime::snapshot& seen, const std::vector<runtime::event>& events) {
  std::string out = fmt::format("{}  {}  up {}  {}\n", seen.pipeline, phase_name(seen.phase),
                                short_time(seen.uptime_ns), seen.file);
  out += fmt::format("level {}{}{}\n", level_name(seen.level), seen.level_cause.empty() ? "" : ": ",
                     seen.level_cause);
  out += level_lines(seen);
  if (!seen.stopped_by.empty()) out += fmt::format("STOPPED by stage {}\n", seen.stopped_by);
  if (!seen.hung_stage.empty()) out += fmt::format("HUNG: stage {}\n", seen.hung_stage);
  for (const runtime::stage_state& stage : seen.stages)
    if (stage.queue.priority_lost > 0)
      out += fmt::format("LOST: the queue before {} lost {} records of priority 0\n", stage.name,
                         grouped(stage.queue.priority_lost));
  out += status_line(seen) + "\n\n" + stage_table(seen) + "\n" + sink_table(seen) + "\n" +
         balance_text(seen);
  if (events.empty()) return out;

  constexpr std::size_t newest = 10;
  out += "\nevents\n";
  for (auto it = events.size() > newest ? std::prev(events.end(), newest) : events.begin();
       it != events.end(); ++it)
    out += fmt::format("  {}  {}{}{}: {}\n", utc(it->unix_ns), it->stage,
                       it->stage.empty() ? "" : " ", it->kind, it->message);
  return out;
}

}  // namespace sluice::telemetry
