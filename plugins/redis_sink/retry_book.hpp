// The calls of one connection that are not answered yet, with their commands: for at_least_once,
// where what a lost connection left unanswered goes again over the next one. No socket, no clock.
#pragma once

#include "publish_buffer.hpp"
#include "session.hpp"

#include <array>
#include <cstdint>
#include <span>

namespace sluice::redis_sink {

class retry_book {
 public:
  static constexpr std::uint32_t calls_max = session::window_max;
  /// Connections in a row that were lost without any answer to the oldest call. Then it may be the
  /// call that ends them, and it goes no more.
  static constexpr std::uint32_t tries_max = 5;

  std::uint32_t open_calls() const { return count_; }
  /// Some are to be sent again, before any new one.
  bool waiting() const { return sent_ < count_; }

  /// A new call that was sent at `written`, with nothing waiting; fewer than calls_max are open.
  /// Takes the commands and gives another buffer for them.
  void sent(publish_buffer& commands, std::uint64_t id, time_point written);

  /// The next that is waiting, from the first command of its first record that did not end.
  struct call {
    std::uint64_t id = 0;
    std::span<const char> bytes;
    std::span<const command_label> commands;
  };
  call next() const;
  /// How many records that is.
  std::uint32_t sent_again();

  /// What the session told of the oldest calls' records. True if it is their end, told as since the
  /// first byte of the first time; else they wait to be sent again.
  bool ended(sluice_outcome& outcome);

 private:
  struct kept {
    std::uint64_t id = 0;
    time_point written{};  ///< the first time
    publish_buffer commands{0};
    std::uint32_t done = 0;   ///< commands of records that ended
    std::uint32_t tries = 0;  ///< that were lost while it was the oldest, without an answer
  };
  kept& at(std::uint32_t i) { return calls_[(first_ + i) % calls_max]; }
  const kept& at(std::uint32_t i) const { return calls_[(first_ + i) % calls_max]; }
  void forget_oldest();

  std::array<kept, calls_max> calls_;
  std::uint32_t first_ = 0, count_ = 0;
  std::uint32_t sent_ = 0;  ///< of them, over the present connection
};

}  // namespace sluice::redis_sink
