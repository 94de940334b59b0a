// The one connection to a Redis over its life: ask a Sentinel where it is (if it has any), look up,
// dial, greet, keep alive, notice its end, wait, begin anew, for ever. Never blocks; all times are
// the host's.
#pragma once

#include "master_query.hpp"
#include "route.hpp"
#include "sentinel_watch.hpp"
#include "session.hpp"

#include <redis/backoff.hpp>
#include <redis/tls.hpp>
#include <redis/transport.hpp>
#include <redis/url.hpp>

#include <sluice/ext/resolver.h>
#include <sluice/stage.hpp>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
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

class link final : public route, transport::listener {
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
    return up() && !moved_to_ && predecessors_.empty() && transport_.idle();
  }
  std::uint32_t in_flight() const override { return session_.in_flight(); }
  std::uint64_t take_most_receivers() override { return session_.take_most_receivers(); }
  std::uint64_t bytes_written() const override { return transport_.bytes_written(); }
  std::vector<connection_mark> unfinished() const override;
  void end_first(const std::vector<connection_mark>& others) override {
    predecessors_.insert(predecessors_.end(), others.begin(), others.end());
  }

  bool send(publish_buffer& commands, std::uint64_t call, time_point now) override {
    return send(commands.bytes(), commands.labels(), call, now, false);
  }

  // Of a cluster's node.

  /// Another server; only while closed.
  void aim(const place& server) { settings_.to.server = server; }
  /// As route::send; an ASKING goes before each command if `asking`.
  bool send(std::span<const char> bytes, std::span<const command_label> commands,
            std::uint64_t call, time_point now, bool asking);
  /// When can_send(): a command whose answer is to be told.
  void ask(std::initializer_list<std::string_view> words, time_point now);
  std::uint32_t major_version() const { return session_.major_version(); }

 private:
  enum class state : std::uint8_t { closed, waiting, resolving, connecting, greeting, live };

  void opened() override;
  void received(std::span<const char> bytes) override;
  void closed(std::string_view why) override;

  void dial();
  void ask_sentinel(std::size_t which);
  bool ask_another(std::string_view why);
  void told_by_sentinel(master_query::progress result);
  void hinted(const place& master);
  void follow_hint();
  time_point step_deadline() const;
  void look_up();
  bool find_numeric();
  void take_addresses();
  duration step_limit() const;
  void connect_next();
  void greeted(time_point now);
  void end_inherited(time_point now);
  std::string server_address() const;
  bool end_predecessors(time_point now);
  void fail_attempt(std::uint32_t cause, std::string_view why);
  void lose(std::uint32_t cause, std::string_view why);
  void wait(duration delay, time_point now);

  host host_;
  link_settings settings_;
  route::listener& owner_;
  session session_;
  transport transport_;
  /// Connections that ended with calls unanswered, and inherited ones: their bytes may still be on
  /// their way, and would come behind those of this one. Until they are known to be ended.
  std::vector<connection_mark> predecessors_;
  bool ending_ = false;    ///< asked on this connection to end the first
  bool resuming_ = false;  ///< it was live before that was asked
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
  std::unique_ptr<sentinel_watch> watch_;  ///< null without Sentinels
  /// Where a Sentinel says the master is now. Nothing more is sent to another, which is left when
  /// it has answered all.
  std::optional<place> moved_to_;
  identity sentinel_identity_;
  identity identity_;
  std::string control_;  ///< commands of ours that the transport may still be writing
};

}  // namespace sluice::redis_sink
