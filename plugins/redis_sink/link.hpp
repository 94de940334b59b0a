// The one connection to a Redis over its life: dial, greet, keep alive, notice its end, wait, begin
// anew, for ever. Never blocks; all times are the host's.
#pragma once

#include "route.hpp"
#include "session.hpp"

#include <redis/backoff.hpp>
#include <redis/connection.hpp>
#include <redis/tls.hpp>
#include <redis/url.hpp>

#include <sluice/stage.hpp>

#include <cstdint>
#include <initializer_list>
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
using redis::transport_kind;

struct link_settings {
  address to;
  session::peer peer = session::peer::single;
  secret password;  ///< if set, instead of the URL's; read anew at each connection
  std::string client_name;
  std::string sentinel_user;
  secret sentinel_password;  ///< if set; read anew at each connection
  tls_options tls;
  link_times times;
};

class link final : public route, redis::connection::user {
 public:
  link(boost::asio::io_context& io, host host, link_settings settings, route::listener& owner);

  void start() override { dial(); }
  void close() override;
  void set(const link_times& times) override;

  void poll() override;
  void on_timer(time_point now) override;
  time_point deadline() const override;

  bool up() const override { return state_ == state::live; }
  bool can_send() const override {
    return up() && connection_.moved_to() == nullptr && predecessors_.empty() && connection_.idle();
  }
  std::uint32_t in_flight() const override { return session_.in_flight(); }
  std::uint64_t take_most_receivers() override { return session_.take_most_receivers(); }
  std::uint64_t bytes_written() const override { return connection_.bytes_written(); }
  std::vector<connection_mark> unfinished() const override;
  void end_first(const std::vector<connection_mark>& others) override {
    predecessors_.insert(predecessors_.end(), others.begin(), others.end());
  }

  bool send(publish_buffer& commands, std::uint64_t call, time_point now) override {
    return send(commands.bytes(), commands.labels(), call, now, false);
  }

  // Of a cluster's node.

  /// Another server; only while closed.
  void aim(const place& server) { connection_.aim(server); }
  /// As route::send; an ASKING goes before each command if `asking`.
  bool send(std::span<const char> bytes, std::span<const command_label> commands,
            std::uint64_t call, time_point now, bool asking);
  /// When can_send(): a command whose answer is to be told.
  void ask(std::initializer_list<std::string_view> words, time_point now);
  std::uint32_t major_version() const { return session_.major_version(); }

 private:
  enum class state : std::uint8_t { closed, waiting, dialing, greeting, live };

  void opened() override;
  void received(std::span<const char> bytes) override;
  void closed(std::string_view why) override;
  void failed(std::uint32_t cause, std::string_view why) override { fail_attempt(cause, why); }
  void hinted() override;

  void dial();
  void follow_hint();
  time_point step_deadline() const;
  void begin_greeting();
  void greeted(time_point now);
  void end_inherited(time_point now);
  bool end_predecessors(time_point now);
  void fail_attempt(std::uint32_t cause, std::string_view why);
  void lose(std::uint32_t cause, std::string_view why);
  void wait(duration delay, time_point now);

  host host_;
  link_settings settings_;
  route::listener& owner_;
  session session_;
  redis::connection connection_;
  /// Connections that ended with calls unanswered, and inherited ones: their bytes may still be on
  /// their way, and would come behind those of this one. Until they are known to be ended.
  std::vector<connection_mark> predecessors_;
  bool ending_ = false;    ///< asked on this connection to end the first
  bool resuming_ = false;  ///< it was live before that was asked
  time_point live_since_{};
  backoff backoff_;

  state state_ = state::closed;
  time_point due_{};  ///< waiting: of the next attempt; greeting: the end of it
  time_point last_heard_{};
  std::uint64_t incident_;
  identity identity_;
  std::string control_;  ///< commands of ours that the connection may still be writing
};

}  // namespace sluice::redis_sink
