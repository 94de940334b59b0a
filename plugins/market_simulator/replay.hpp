// market_simulator/replay.hpp - a recorded session at N times its speed: what is due when.
#pragma once

#include <kite/session.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::market_simulator {

class replay {
 public:
  /// Throws std::runtime_error if the file is no session.
  replay(const std::string& path, double speed) : reader_{path}, speed_{speed} {
    entry_ = reader_.next();
  }

  /// The next record, empty at the end; valid until `pop`.
  const std::optional<kite::session_reader::entry>& front() const { return entry_; }
  const std::string& schema_name() const { return reader_.schema_name(entry_->schema); }
  /// When it is due, in nanoseconds after the first record.
  std::int64_t due_ns() {
    const std::int64_t received = entry_->record.received_ns;
    if (!first_) first_ = received;
    return static_cast<std::int64_t>(static_cast<double>(received - *first_) / speed_);
  }
  /// From now on, `elapsed_ns` after the first record was due; due_ns is then after now.
  void change_speed(std::int64_t elapsed_ns, double speed) {
    if (first_) *first_ += static_cast<std::int64_t>(static_cast<double>(elapsed_ns) * speed_);
    speed_ = speed;
  }
  void pop() { entry_ = reader_.next(); }

  kite::session_end end() const { return reader_.end(); }
  std::uint64_t offset() const { return reader_.offset(); }

 private:
  kite::session_reader reader_;
  double speed_;
  std::optional<kite::session_reader::entry> entry_;
  std::optional<std::int64_t> first_;
};

}  // namespace sluice::market_simulator
