// The calls in flight whose messages went to several connections. Their ends come in any order and
// are told as the host wants them: each call's in the order of its messages. Pure.
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

  /// One message of an open call. Valid until it was ended.
  struct ticket {
    std::uint16_t call = 0, message = 0;
  };

  explicit call_book(session::listener& owner) : owner_{owner} {}

  std::uint32_t open_calls() const { return open_; }

  /// A new call, whose first byte is written at `written`; fewer than calls_max are open. Takes the
  /// messages and gives another buffer for them. Returns its number in a ticket.
  std::uint16_t open(publish_buffer& messages, std::span<const std::uint16_t> slots,
                     std::uint64_t id, time_point written);

  std::uint16_t slot(ticket of) const { return calls_[of.call].slots[of.message]; }
  std::span<const char> bytes(ticket of) const {
    return calls_[of.call].messages.command(of.message);
  }
  time_point written(ticket of) const { return calls_[of.call].written; }

  /// How a message ended: result, cause, incident, receivers and done_ns of `how`. Tells the owner
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
    publish_buffer messages{0};
    std::vector<std::uint16_t> slots;
    std::vector<ending> endings;
    std::uint32_t told = 0;
  };

  session::listener& owner_;
  std::array<call, calls_max> calls_;
  std::uint32_t open_ = 0;
};

}  // namespace sluice::redis_sink
