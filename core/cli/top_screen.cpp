#include "cli/top_screen.hpp"

#include "telemetry/status.hpp"
#include "telemetry/table.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

namespace sluice::cli {

namespace json = boost::json;

namespace {

constexpr std::size_t events_max = 10;
constexpr std::string_view bad = "1;31";

std::string text_at(const json::object& of, const char* key) {
  return std::string{std::string_view{of.at(key).as_string()}};
}
double number_at(const json::object& of, const char* key) { return of.at(key).to_number<double>(); }
std::string whole(double number) {
  return telemetry::grouped(static_cast<std::uint64_t>(std::llround(std::max(number, 0.0))));
}
std::string count_at(const json::object& of, const char* key) { return whole(number_at(of, key)); }
std::string time_at(const json::object& of, const char* key) {
  return telemetry::short_time(std::llround(number_at(of, key) * 1e9));
}

std::string_view style_of(std::string_view level) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> styles{
      {{"WARNING", "33"}, {"CRITICAL", "31"}, {"OVERLOAD", bad}}};
  for (const auto& [name, style] : styles)
    if (name == level) return style;
  return "32";
}

double dropped(const json::object& ledger) {
  double sum = 0;
  for (const auto& [reason, count] : ledger.at("dropped").as_object())
    sum += count.to_number<double>();
  return sum;
}

std::string state_of(const json::object& stage) {
  if (stage.at("stopped").as_bool()) return "stopped";
  if (stage.at("bypassed").as_bool()) return "bypassed";
  if (stage.contains("level")) return text_at(stage, "level");
  const bool silent =
      stage.contains("feed_age_s") && number_at(stage, "feed_age_s") * 1e9 >= telemetry::silent_ns;
  return silent ? "silent " + time_at(stage, "feed_age_s") : "ok";
}

/// What came in is on one side, where it went on the other.
screen_line balance(const json::object& status) {
  const json::object& total = status.at("total").as_object();
  std::string text = "balance: created " + count_at(total, "created") + " = published " +
                     count_at(total, "published");
  const auto add = [&](std::string_view what, double number) {
    if (number != 0) text += fmt::format(" + {} {}", what, whole(number));
  };
  add("absorbed", number_at(total, "absorbed"));
  for (const auto& [reason, count] : total.at("dropped").as_object())
    add(reason, count.to_number<double>());
  for (const char* each : {"failed", "unknown"}) add(each, number_at(total, each));
  add("held", number_at(status, "held"));
  const auto imbalance = status.at("imbalance").to_number<std::int64_t>();
  if (imbalance == 0) return {text + "; it balances"};
  return {fmt::format("{}; IMBALANCE {}", text, imbalance), bad};
}

void keep(std::deque<double>& history, double value, std::size_t most) {
  history.push_back(value);
  if (history.size() > most) history.pop_front();
}

/// At most `columns` characters of it. What a message holds must not move the cursor.
std::string fitted(const std::string& text, std::size_t columns) {
  std::string made;
  std::size_t used = 0;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    const bool continues = (byte & 0xC0) == 0x80;  // of one character in UTF-8
    if (!continues && used++ == columns) break;
    made += byte < 0x20 || byte == 0x7F ? '?' : each;
  }
  return made;
}

}  // namespace

std::string sparkline(const std::deque<double>& values) {
  constexpr std::array steps{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const double most =
      values.empty() ? 0 : std::max(*std::max_element(values.begin(), values.end()), 1e-9);
  std::string made;
  for (const double each : values) {
    const double share = std::clamp(each / most, 0.0, 1.0);
    made += steps[static_cast<std::size_t>(std::lround(share * (steps.size() - 1)))];
  }
  return made;
}

void top_screen::add(const json::object& status) {
  status_ = status;
  unanswered_.reset();
  keep(received_, number_at(status, "received_per_s"), history_max);
  keep(published_, number_at(status, "published_per_s"), history_max);
  keep(pending_, number_at(status, "pending"), history_max);
  for (const json::value& each : status.at("events").as_array()) {
    const json::object& event = each.as_object();
    last_event_ = event.at("number").to_number<std::uint64_t>();
    const std::string stage = text_at(event, "stage");
    events_.push_back(fmt::format("{}  {}{}{}: {}", text_at(event, "time"), stage,
                                  stage.empty() ? "" : " ", text_at(event, "kind"),
                                  text_at(event, "message")));
    if (events_.size() > events_max) events_.pop_front();
  }
}

std::vector<screen_line> top_screen::stages(std::size_t columns) const {
  telemetry::table made{{"stage", "state", "in/s", "out/s", "queue", "held", "dropped", "p95",
                         "oldest", "busy", "faults"}};
  for (const json::value& each : status_.at("stages").as_array()) {
    const json::object& stage = each.as_object();
    const json::object* const queue =
        stage.contains("queue") ? &stage.at("queue").as_object() : nullptr;
    made.row({text_at(stage, "name"), state_of(stage), count_at(stage, "in_per_s"),
              count_at(stage, "out_per_s"),
              queue != nullptr ? count_at(*queue, "records") + "/" + count_at(*queue, "records_max")
                               : "-",
              count_at(stage, "held"), whole(dropped(stage.at("count").as_object())),
              stage.contains("latency") ? time_at(stage.at("latency").as_object(), "p95_s") : "-",
              queue != nullptr ? time_at(*queue, "oldest_s") : "-",
              fmt::format("{:.0f}%", number_at(stage, "lane_busy") * 100),
              count_at(stage, "faults")});
  }
  std::vector<screen_line> lines;
  for (std::string& line : made.lines(2, columns)) {
    const auto number = lines.size();  // 0: the titles
    const json::object* const stage =
        number == 0 ? nullptr : &status_.at("stages").at(number - 1).as_object();
    lines.push_back({std::move(line), number == 0 ? "1"
                                      : stage->contains("level")
                                          ? style_of(stage->at("level").as_string())
                                          : ""});
  }
  return lines;
}

std::vector<screen_line> top_screen::lines(std::size_t columns, std::size_t rows) const {
  const std::string level = text_at(status_, "level"), cause = text_at(status_, "level_cause");
  std::vector<screen_line> made{
      {fmt::format("{}  {}  up {}  {}", text_at(status_, "pipeline"), text_at(status_, "phase"),
                   time_at(status_, "uptime_s"), text_at(status_, "file"))},
      {fmt::format("level {}{}{}", level, cause.empty() ? "" : ": ", cause), style_of(level)}};
  if (unanswered_)
    made.push_back(
        {fmt::format("NO ANSWER for {} s; this is what it was", unanswered_->count()), bad});
  for (const auto& [key, what] : {std::pair{"stopped_by", "STOPPED by"}, {"hung_stage", "HUNG:"}})
    if (const std::string stage = text_at(status_, key); !stage.empty())
      made.push_back({fmt::format("{} stage {}", what, stage), bad});
  const auto add_history = [&](std::string_view name, const std::deque<double>& of,
                               std::string_view unit) {
    made.push_back(
        {fmt::format("{:<8}{:>12}{:<3} {}", name, whole(of.back()), unit, sparkline(of))});
  };
  add_history("in", received_, "/s");
  add_history("out", published_, "/s");
  add_history("pending", pending_, "");
  made.push_back({});
  for (screen_line& line : stages(columns)) made.push_back(std::move(line));
  made.push_back({});
  made.push_back(balance(status_));
  if (!events_.empty()) made.push_back({});
  // The newest of them, as many as there is room for.
  const std::size_t room = rows > made.size() ? rows - made.size() : 0;
  for (std::size_t i = events_.size() - std::min(events_.size(), room); i < events_.size(); ++i)
    made.push_back({events_[i]});
  if (made.size() > rows) made.resize(rows);
  for (screen_line& line : made) line.text = fitted(line.text, columns);
  return made;
}

}  // namespace sluice::cli
