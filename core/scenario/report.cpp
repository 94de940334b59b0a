#include "scenario/report.hpp"

#include "config/json.hpp"
#include "config/text.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>

namespace sluice::scenario {

namespace {

namespace json = boost::json;

std::string command(const report& of) {
  return fmt::format("sluice test {} --seed {}", of.of->file, of.seen.seed);
}

std::size_t failures(const report& of) {
  return static_cast<std::size_t>(std::count_if(of.verdicts.begin(), of.verdicts.end(),
                                                [](const verdict& each) { return !each.passed; }));
}

/// Words broken into lines of at most `width`, each behind `indent`.
std::string wrapped(std::string_view words, std::size_t width, const std::string& indent) {
  std::string made, line;
  for (const std::string& word : config::split(words, ' ')) {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      made += indent + line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return made + indent + line + '\n';
}

std::string losses(const outcome& seen) {
  std::string made;
  for (std::size_t way = 1; way < loss_ways; ++way) {
    std::uint64_t count = 0;
    for (const slot& each : seen.slots) count += each.lost[way];
    if (count > 0) made += fmt::format("{}{} {}", made.empty() ? "" : ", ", loss_name(way), count);
  }
  return made.empty() ? "none" : made;
}

/// When the level changed and why.
std::string changes(const outcome& seen) {
  constexpr std::size_t most = 12;
  std::string made;
  std::size_t count = 0;
  std::uint32_t level = SLUICE_HEALTHY;
  for (std::size_t i = 0; i < seen.slots.size(); ++i) {
    const slot& each = seen.slots[i];
    if (each.level == level) continue;
    level = each.level;
    if (++count > most) continue;
    made += fmt::format("  {:>8}  {:<9}{}\n", show_slot(i + 1), level_name(level), each.cause);
  }
  if (count > most) made += fmt::format("  and {} changes more\n", count - most);
  return made;
}

std::string sum_of(const figures& all) {
  return fmt::format(
      "goodput {:.3f} of capacity, {:.3f} of what was received; p99 age {}; {} level changes",
      all.goodput_of_capacity, all.goodput_of_received,
      all.age_p99_ms ? fmt::format("{:.1f}ms", *all.age_p99_ms) : "-", all.level_changes);
}

std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    switch (c) {
      case '&': made += "&amp;"; break;
      case '<': made += "&lt;"; break;
      case '>': made += "&gt;"; break;
      case '"': made += "&quot;"; break;
      default: made += c;
    }
  }
  return made;
}

json::object to_object(const figures& all) {
  return {{"goodput_of_capacity", all.goodput_of_capacity},
          {"goodput_of_received", all.goodput_of_received},
          {"age_p99_ms", all.age_p99_ms ? json::value(*all.age_p99_ms) : json::value(nullptr)},
          {"level_changes", all.level_changes}};
}

json::object to_object(const report& of) {
  json::array checks;
  for (const verdict& each : of.verdicts)
    checks.push_back({{"wanted", each.wanted}, {"got", each.got}, {"passed", each.passed}});
  json::array levels;
  for (const slot& each : of.seen.slots) levels.push_back(each.level);
  return {{"file", of.of->file},
          {"name", of.of->name},
          {"seed", of.seen.seed},
          {"passed", of.passed()},
          {"digest", of.seen.digest},
          {"received", of.seen.end.total.created},
          {"published", of.seen.end.total.published},
          {"figures", to_object(of.came_to)},
          {"checks", std::move(checks)},
          {"levels_each_100ms", std::move(levels)}};
}

}  // namespace

bool report::passed() const { return failures(*this) == 0; }

void report::finish() {
  came_to = figures_of(seen);
  told = text(*this);
  seen.seen = tally{0};
}

std::string headline(const report& of) {
  const std::size_t failed = failures(of);
  return fmt::format(
      "{} {} (seed {}, {}, {} records): {}\n", of.passed() ? "ok  " : "FAIL", of.of->name,
      of.seen.seed, show_slot(of.seen.slots.size()), of.seen.end.total.created,
      failed == 0 ? fmt::format("{} checks", of.verdicts.size())
                  : fmt::format("{} of {} checks failed", failed, of.verdicts.size()));
}

std::string text(const report& of) {
  std::string made = headline(of) + wrapped(of.of->doc, 76, "  ") + plot(of.seen) +
                     changes(of.seen) + "  " + sum_of(of.came_to) + "\n  lost: " + losses(of.seen) +
                     "\n";
  for (const verdict& each : of.verdicts)
    made += fmt::format("  {} {}: {}\n", each.passed ? "ok  " : "FAIL", each.wanted, each.got);
  made += fmt::format("  digest {}, took {:.2f} s\n", of.seen.digest, of.took_s);
  if (!of.passed()) made += fmt::format("  again: {}\n", command(of));
  return made;
}

std::string to_json(const std::vector<report>& all) {
  json::array made;
  for (const report& each : all) made.push_back(to_object(each));
  return config::pretty(made);
}

std::string to_junit(const std::vector<report>& all) {
  const auto failed =
      std::count_if(all.begin(), all.end(), [](const report& each) { return !each.passed(); });
  std::string made = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"sluice test\" tests=\"{}\" failures=\"{}\">\n",
      all.size(), failed);
  for (const report& each : all) {
    made +=
        fmt::format("  <testcase classname=\"{}\" name=\"{} seed {}\" time=\"{:.3f}\"",
                    escaped(each.of->file), escaped(each.of->name), each.seen.seed, each.took_s);
    if (each.passed()) {
      made += "/>\n";
      continue;
    }
    std::string first;
    for (const verdict& one : each.verdicts)
      if (!one.passed && first.empty()) first = one.wanted + ": " + one.got;
    made += fmt::format(">\n    <failure message=\"{}\">{}</failure>\n  </testcase>\n",
                        escaped(first), escaped(each.told));
  }
  return made + "</testsuite>\n";
}

}  // namespace sluice::scenario
