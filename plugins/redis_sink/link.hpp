// The one connection to a Redis over its life: ask a Sentinel where it is (if it has any), look up,
// dial, greet, keep alive, notice its end, wait, begin anew, for ever. Never blocks; all times are
// the host's.
#pragma once

#include "master_query.hpp"
#include "session.hpp"

#include <redis/backoff.hpp>
#include <redis/tls.hpp>
#include <redis/transport.hpp>
#include <redis/url.hpp>

#include <sluice/ext/resolver.h>
#include <sluice/stage.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redis_sink {
using redis::address;
using redis::backoff;
using redis::place;
using redis::tls_context;
using redis::tls_options;
using redis::transport;
using redis::transport_kind;

struct link_times {
  duration connect_timeout{}, timeout{}, ping_interval{};
  duration backoff_min{}, backoff_max{}, refused_delay{};
};

struct link_settings {
  address to;
  reply_kind success = reply_kind::integer;  ///< how Redis answers a message it took
  secret password;  ///< if set, instead of the URL's; read anew at each connection
  std::string client_name;
  std::string sentinel_user;
  secret sentinel_password;  ///< if set; read anew at each connection
  tls_options tls;
  link_times times;
};

class link final : transport::listener {
 public:
  /// Whom to tell, in the lane, from within poll and on_timer. A call may throw: the link's state
  /// is settled before.
  class listener : public session::listener {
   public:
    virtual void up() = 0;
    /// A connection that was up is gone; `unknown` records had no answer.
    virtual void down(std::uint32_t cause, std::string_view why, std::uint32_t unknown) = 0;
    /// An attempt failed: SLUICE_CAUSE_REJECTED when credentials or database were refused.
    virtual void attempt_failed(std::uint32_t cause, std::string_view why) = 0;
    /// What an earlier connection left unanswered may come behind what this one will bring.
    virtual void may_disorder(std::string_view why) = 0;
  };

  link(boost::asio::io_context& io, host host, link_settings settings, listener& owner);

  void start() { dial(); }
  /// For good.
  void close();
  /// Other times. A step of connecting and a wait that have begun keep theirs.
  void set(const link_times& times);

  /// After the event loop ran: looks whether a name was resolved.
  void poll();
  void on_timer(time_point now);
  /// When on_timer is due.
  time_point deadline() const;

  bool up() const { return state_ == state::live; }
  /// Whom it is connected to, while up and found by a Sentinel: host:port; else empty.
  std::string master() const {
    return settings_.to.sentinels.empty() ? std::string{} : text_of(target_);
  }
  bool can_send() const { return up() && transport_.idle(); }
  std::uint32_t in_flight() const { return session_.in_flight(); }
  std::uint64_t take_most_receivers() { return session_.take_most_receivers(); }
  std::uint64_t bytes_written() const { return transport_.bytes_written(); }

  /// When can_send(): a call of `count` commands, a message each. `bytes` stays unchanged until
  /// can_send(). False: not a byte of it was written, nor will be.
  bool send(std::span<const char> bytes, std::uint64_t call, std::uint32_t count, time_point now);

 private:
  enum class state : std::uint8_t { closed, waiting, resolving, connecting, greeting, live };

  void opened() override;
  void received(std::span<const char> bytes) override;
  void closed(std::string_view why) override;

  void dial();
  void ask_sentinel(std::size_t which);
  bool ask_another(std::string_view why);
  void told_by_sentinel(master_query::progress result);
  void look_up();
  bool find_numeric();
  duration step_limit() const;
  void connect_next();
  void greeted(time_point now);
  bool end_predecessor(time_point now);
  void fail_attempt(std::uint32_t cause, std::string_view why);
  void lose(std::uint32_t cause, std::string_view why);
  void wait(duration delay, time_point now);

  host host_;
  link_settings settings_;
  listener& owner_;
  session session_;
  transport transport_;
  /// The last connection that ended with calls unanswered: its bytes may still be on their way, and
  /// would come behind those of the next one. None once it is known to be ended.
  struct predecessor {
    transport::protocol::endpoint server;
    client_mark mark;
  };
  std::optional<predecessor> predecessor_;
  bool ending_ = false;  ///< asked on this connection to end it
  time_point live_since_{};
  backoff backoff_;
  const sluice_resolver* resolver_;

  state state_ = state::closed;
  time_point due_{};  ///< waiting: of the next attempt; on the way to live: end of this step
  time_point last_heard_{};
  std::uint64_t incident_;
  place target_;                                  ///< who is being dialled: a Sentinel or the Redis
  std::map<std::string, std::uint64_t> lookups_;  ///< under way, by name: their tickets
  std::vector<transport::protocol::endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;
  std::optional<tls_context> tls_;
  bool asking_ = false;         ///< the target is a Sentinel
  std::size_t asked_ = 0;       ///< sentinels, in this attempt
  std::string sentinels_said_;  ///< why those asked in this attempt were of no help
  master_query query_;
  identity sentinel_identity_;
  identity identity_;
  std::string control_;  ///< commands of ours that the transport may still be writing
};

}  // namespace sluice::redis_sink
