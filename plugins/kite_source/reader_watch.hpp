// kite_source/reader_watch.hpp - how late the reader comes back to its sockets.
//
// While the lane is busy with inline stages, or may not push into a full `block` queue, what the
// server sends waits in the kernel; a broker cuts a socket whose buffer stays full.
#pragma once

#include <sluice/record.hpp>

#include <algorithm>
#include <optional>

namespace sluice::kite_source {

/// Pure: the times of one lane go in, a level comes out when it is another.
class reader_watch {
 public:
  static constexpr duration warning = std::chrono::milliseconds{250};
  static constexpr duration critical = std::chrono::seconds{1};
  static constexpr duration hold = std::chrono::seconds{5};  ///< without lateness: healthy

  /// The reader took a message and is busy with it, or went to do something else.
  void away(time_point now) {
    if (away_since_ == never) away_since_ = now;
  }
  /// It is back at the sockets, and waits there as long as nothing comes.
  std::optional<level> back(time_point now) {
    const duration late = away_since_ == never ? duration{} : now - away_since_;
    away_since_ = never;
    const level before = level_;
    if (late >= warning) {
      latest_ = late;
      until_ = now + hold;
      level_ = std::max(level_, late >= critical ? level::critical : level::warning);
    } else if (now >= until_) {
      level_ = level::healthy;
    }
    return level_ == before ? std::nullopt : std::optional{level_};
  }
  /// How late it was when it last was.
  duration latest() const { return latest_; }

 private:
  time_point away_since_ = never;  // at the sockets
  time_point until_{};
  duration latest_{};
  level level_ = level::healthy;
};

}  // namespace sluice::kite_source
