// Where messages go: to one Redis, whoever it is just now (link), or to the node of a cluster that
// serves the message's slot (cluster).
#pragma once

#include "publish_buffer.hpp"
#include "session.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redis_sink {

struct link_times {
  duration connect_timeout{}, timeout{}, ping_interval{};
  duration backoff_min{}, backoff_max{}, refused_delay{};
};

/// A connection of ours as its server knows it.
struct connection_mark {
  std::string server;  ///< its address, as the system has it
  client_mark client;
};

/// Never blocks; all calls in the lane, all times the host's.
class route {
 public:
  /// Whom to tell, in the lane, from within poll and on_timer. A call may throw: the route's state
  /// is settled before.
  class listener : public session::listener {
   public:
    /// Messages can go; `at` says more than the URL does, or is empty.
    virtual void up(std::string_view at) = 0;
    /// A connection that was up is gone; so many records had no answer.
    virtual void down(std::uint32_t cause, std::string_view why, std::uint32_t unanswered) = 0;
    /// An attempt failed: SLUICE_CAUSE_REJECTED when credentials or database were refused.
    virtual void attempt_failed(std::uint32_t cause, std::string_view why) = 0;
    /// What an earlier connection left unanswered may come behind what this one will bring.
    virtual void may_disorder(std::string_view why) = 0;
  };

  virtual ~route() = default;

  virtual void start() = 0;
  /// For good, with nothing in flight.
  virtual void close() = 0;
  /// Other times. A step of connecting and a wait that have begun keep theirs.
  virtual void set(const link_times& times) = 0;

  /// After the event loop ran.
  virtual void poll() = 0;
  virtual void on_timer(time_point now) = 0;
  /// When on_timer is due.
  virtual time_point deadline() const = 0;

  /// Whether all that it needs is connected.
  virtual bool up() const = 0;
  virtual bool can_send() const = 0;
  /// Calls.
  virtual std::uint32_t in_flight() const = 0;
  virtual std::uint64_t take_most_receivers() = 0;
  virtual std::uint64_t bytes_written() const = 0;
  virtual std::uint64_t records_sent_again() const { return 0; }

  /// Messages are to be published by SPUBLISH; fixed once it was up.
  virtual bool sharded() const { return false; }

  /// Connections, old ones too, that may still bring what was not answered.
  virtual std::vector<connection_mark> unfinished() const = 0;
  /// Before anything is sent such connections of another, which sent here before, are ended. May be
  /// called on any thread, but not at once with another call; it begins with the next poll.
  virtual void end_first(const std::vector<connection_mark>& others) = 0;

  enum class reach : std::uint8_t {
    now,
    later,  ///< soon, it seems: let it wait
    lost    ///< nobody serves that slot: others should not wait for it
  };
  /// When can_send(): of a message of this slot.
  virtual reach reach_of(std::uint16_t /*slot*/) const { return reach::now; }

  /// When can_send(): a call of one command or more, the slot of each of reach::now. `commands`
  /// stays unchanged until can_send(); it may come back with other content. False: not a byte was
  /// written, nor will be.
  virtual bool send(publish_buffer& commands, std::uint64_t call, time_point now) = 0;
};

}  // namespace sluice::redis_sink
