// What `sluice top` shows: lines made of a pipeline's status documents.
#pragma once

#include <boost/json/object.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// `style`: what ANSI's "select graphic rendition" takes, "31"; empty: plain.
struct screen_line {
  std::string text;
  std::string_view style{};
};

class top_screen {
 public:
  /// The next document, with the events above `last_event()`.
  void add(const boost::json::object& status);
  /// There is no next one: the last came so long ago.
  void unanswered(std::chrono::seconds since) { unanswered_ = since; }
  std::uint64_t last_event() const { return last_event_; }

  /// At most `rows` lines of at most `columns` characters: level, rates as they were, stages, the
  /// balance, the newest events. What has no room is left out from the end.
  std::vector<screen_line> lines(std::size_t columns, std::size_t rows) const;

 private:
  std::vector<screen_line> stages(std::size_t columns) const;

  static constexpr std::size_t history_max = 60;

  boost::json::object status_;
  std::deque<double> received_, published_, pending_;  // of each document, the newest last
  std::deque<std::string> events_;
  std::uint64_t last_event_ = 0;
  std::optional<std::chrono::seconds> unanswered_;
};

/// A character for each value, as high as it is beside the largest.
std::string sparkline(const std::deque<double>& values);

}  // namespace sluice::cli
