// One connection to a Redis that is asked one command at a time: dial, greet, ask, notice its end,
// wait, begin anew, for ever. In a cluster it is to the node that serves the stream's slot,
// wherever that is just now. Never blocks; all times are the host's.
#pragma once

#include "slot_search.hpp"

#include <redis/backoff.hpp>
#include <redis/connection.hpp>
#include <redis/identity.hpp>
#include <redis/tls.hpp>
#include <redis/url.hpp>
#include <sluice/stage.hpp>

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redis_stream_source {

struct client_settings {
  redis::address to;
  std::uint16_t slot = 0;  ///< of the stream, in a cluster
  secret password;         ///< if set, instead of the URL's; read anew at each connection
  std::string sentinel_user;
  secret sentinel_password;  ///< if set; read anew at each connection
  std::string name;
  redis::tls_options tls;
  duration timeout{}, backoff_min{}, backoff_max{};
};

class client final : redis::connection::user {
 public:
  /// Whom to tell; from within io_context::run, poll and on_timer; `down` from within start and ask
  /// too.
  class owner {
   public:
    virtual ~owner() = default;
    /// Connected and greeted; `at` says more of where than the URL does, or is empty.
    virtual void up(std::string_view at) = 0;
    virtual void answered(const redisReply& reply) = 0;
    virtual void down(std::string_view why) = 0;
  };

  client(boost::asio::io_context& io, host host, client_settings settings, owner& told);

  void start() { dial(); }
  void close();
  /// After the event loop ran.
  void poll() { connection_.poll(); }
  void on_timer(time_point now);
  time_point deadline() const { return std::min(due_, connection_.deadline()); }

  /// Or on its way from one node of a cluster to another.
  bool up() const { return up_; }
  /// Nothing is unanswered.
  bool idle() const { return state_ == state::live && !waiting_ && connection_.idle(); }
  /// When idle(). The peer may take `longest` beyond the usual time to answer.
  void ask(const std::vector<std::string>& words, duration longest, time_point now);
  /// The peer is of no use now: hangs up and tries again later.
  void give_up(std::string_view why);

 private:
  enum class state : std::uint8_t { closed, waiting, dialing, greeting, live };
  struct free_reply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  struct free_reader {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
  };

  void opened() override;
  void received(std::span<const char> bytes) override;
  void closed(std::string_view why) override;
  void failed(std::uint32_t /*cause*/, std::string_view why) override { give_up(why); }
  void hinted() override;

  void dial();
  void go_to(const redis::place& node);
  void hop(const redis::place& node);
  void follow_hint();
  void append_greeting();
  void greeted();
  void send(time_point now);
  bool redirected(const redisReply& reply);
  void told_of_nodes(const redisReply& reply);
  void take(const redisReply& reply);
  void greeting_answered(const redisReply& reply);

  host host_;
  const client_settings settings_;
  owner& owner_;
  redis::connection connection_;
  redis::backoff backoff_;
  std::unique_ptr<redisReader, free_reader> reader_;
  std::uint64_t reply_bytes_ = 0;  ///< of the replies under way

  state state_ = state::closed;
  time_point due_ = never;          ///< of the next attempt, or of the answer that is waited for
  bool up_ = false;                 ///< the owner was told so
  bool waiting_ = false;            ///< for an answer
  std::vector<std::string> asked_;  ///< the last command, which another node may be for
  duration longest_{};              ///< of its answer
  std::vector<std::string_view> greeting_;  ///< the commands of it that are unanswered
  std::string out_;

  // Of a cluster.
  std::optional<slot_search> search_;
  redis::place node_;      ///< who is dialled or connected
  redis::place home_;      ///< who served the slot last
  bool visiting_ = false;  ///< at a node that is to serve the slot: for one command
  bool asking_ = false;    ///< an ASKING is unanswered
  int hops_ = 0;           ///< from node to node, without an answer
};

}  // namespace sluice::redis_stream_source
