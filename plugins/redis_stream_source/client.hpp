// One connection to a Redis that is asked one command at a time: look up, dial, greet, ask, notice
// its end, wait, begin anew, for ever. Never blocks; all times are the host's.
#pragma once

#include <sluice/ext/resolver.h>
#include <redis/backoff.hpp>
#include <redis/tls.hpp>
#include <redis/transport.hpp>
#include <redis/url.hpp>
#include <sluice/stage.hpp>

#include <hiredis/hiredis.h>

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
  secret password;  ///< if set, instead of the URL's; read anew at each connection
  std::string name;
  redis::tls_options tls;
  duration timeout{}, backoff_min{}, backoff_max{};
};

class client final : redis::transport::listener {
 public:
  /// Whom to tell; from within poll() and on_timer().
  class owner {
   public:
    virtual ~owner() = default;
    virtual void up() = 0;
    virtual void answered(const redisReply& reply) = 0;
    virtual void down(std::string_view why) = 0;
  };

  client(boost::asio::io_context& io, host host, client_settings settings, owner& told);

  void start() { dial(); }
  void close();
  /// After the event loop ran.
  void poll();
  void on_timer(time_point now);
  time_point deadline() const { return due_; }

  bool up() const { return state_ == state::live; }
  /// Nothing is unanswered.
  bool idle() const { return up() && !waiting_ && transport_.idle(); }
  /// When idle(). The peer may take `longest` beyond the usual time to answer.
  void ask(const std::vector<std::string>& words, duration longest, time_point now);
  /// The peer is of no use now: hangs up and tries again later.
  void give_up(std::string_view why);

 private:
  enum class state : std::uint8_t { closed, waiting, resolving, connecting, greeting, live };
  struct free_reply {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
  };
  struct free_reader {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
  };

  void opened() override;
  void received(std::span<const char> bytes) override;
  void closed(std::string_view why) override;

  void dial();
  void connect_next();
  void take(const redisReply& reply);
  void greeting_answered(const redisReply& reply);

  host host_;
  const client_settings settings_;
  owner& owner_;
  redis::transport transport_;
  redis::backoff backoff_;
  const sluice_resolver* resolver_;
  std::optional<redis::tls_context> tls_;
  std::unique_ptr<redisReader, free_reader> reader_;
  std::uint64_t reply_bytes_ = 0;  ///< of the replies under way

  state state_ = state::closed;
  time_point due_ = never;
  std::uint64_t lookup_ = 0;  ///< its ticket; 0: none
  std::vector<redis::transport::protocol::endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;
  bool waiting_ = false;                    ///< for an answer
  std::vector<std::string_view> greeting_;  ///< the commands of it that are unanswered
  std::string out_;
};

}  // namespace sluice::redis_stream_source
