// The calls in flight whose commands went to several connections. Their answers come in any order
// and are told as the host wants them: each call's records in their order. Pure.
#pragma once

#include "publish_buffer.hpp"
#include "session.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::redis_sink {

class call_book {
 public:
  static constexpr std::uint32_t calls_max = session::window_max;

  /// One command of an open call. Valid until it was answered.
  struct ticket {
    std::uint16_t call = 0, command = 0;
  };

  explicit call_book(session::listener& owner) : owner_{owner} {}

  std::uint32_t open_calls() const { return open_; }

  /// A new call, whose first byte is written at `written`; fewer than calls_max are open. Takes the
  /// commands and gives another buffer for them. Returns its number in a ticket.
  std::uint16_t open(publish_buffer& commands, std::uint64_t id, time_point written);

  command_label label(ticket of) const { return calls_[of.call].commands.labels()[of.command]; }
  std::span<const char> bytes(ticket of) const {
    return calls_[of.call].commands.command(of.command);
  }
  time_point written(ticket of) const { return calls_[of.call].written; }

  /// How a command ended: result, cause, incident, receivers and done_ns of `how`. Tells the owner
  /// what can be told.
  void end(ticket of, const sluice_outcome& how);

 private:
  struct ending {
    sluice_outcome how{};
    bool known = false;
  };
  struct call {
    std::uint64_t id = 0;  ///< 0: not open
    time_point written{};
    publish_buffer commands{0};
    std::vector<ending> endings;  ///< of each command
    std::uint32_t told = 0;       ///< commands
  };
  static sluice_outcome next_records(call& of);

  session::listener& owner_;
  std::array<call, calls_max> calls_;
  std::uint32_t open_ = 0;
};

}  // namespace sluice::redis_sink
