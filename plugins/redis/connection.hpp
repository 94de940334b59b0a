// The connection to the Redis that a URL means: asks a Sentinel where that is (if there are any),
// looks its name up, tries each address, and then moves bytes. What is said to the Redis, and when
// it is tried again, is its user's. Never blocks; all times are the host's.
#pragma once

#include "lookup.hpp"
#include "master_query.hpp"
#include "sentinel_watch.hpp"
#include "tls.hpp"
#include "transport.hpp"
#include "url.hpp"

#include <sluice/stage.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::redis {

struct connection_settings {
  address to;
  std::string sentinel_user;
  secret sentinel_password;  ///< if set; read anew at each attempt
  tls_options tls;
  duration step_limit{};     ///< of each step of connecting
  duration reply_timeout{};  ///< after which its user takes the peer for dead
};

class connection final : transport::listener {
 public:
  /// Whom to tell, in the lane, from within io_context::run, poll and on_timer; `failed` from
  /// within dial too.
  class user {
   public:
    virtual ~user() = default;
    /// Connected, with TLS if it is used: to who a Sentinel calls the master, if there are any.
    virtual void opened() = 0;
    virtual void received(std::span<const char> bytes) = 0;
    /// What was opened is gone.
    virtual void closed(std::string_view why) = 0;
    /// The attempt came to nothing, for a SLUICE_CAUSE_*; `why` says at whom, behind Sentinels.
    virtual void failed(std::uint32_t cause, std::string_view why) = 0;
    /// A Sentinel says, unasked, where the master is now: see moved_to.
    virtual void hinted() = 0;
  };

  connection(boost::asio::io_context& io, host host, connection_settings settings, user& told);

  /// Anew, and whatever there was before is gone. Each attempt asks the Sentinels anew: what one
  /// said before the last may be out of date.
  void dial();
  /// At once, without a word to the user.
  void hang_up();
  /// For good: hears no hints any more.
  void close();

  /// Another server, from the next attempt on; of one Redis or a cluster's node.
  void aim(const place& server) { settings_.to.server = server; }
  /// Other times. A step that has begun keeps its own.
  void set(duration step_limit, duration reply_timeout);

  /// After the event loop ran.
  void poll();
  void on_timer(time_point now);
  /// When on_timer is due.
  time_point deadline() const;

  /// As transport's.
  bool idle() const { return state_ == state::open && transport_.idle(); }
  bool send(std::span<const char> bytes) { return transport_.send(bytes); }
  std::uint64_t bytes_written() const { return transport_.bytes_written(); }

  /// Where a Sentinel said since the last dial, unasked, that the master is, if it is not who is
  /// connected; else null. Only a hint: who is dialled next is what a Sentinel says when it is
  /// asked.
  const place* moved_to() const { return hint_ && *hint_ != target_ ? &*hint_ : nullptr; }
  /// "the master at host:port"; empty without Sentinels, and before it is known.
  std::string master() const;
  /// The address that was opened last, as the system has it.
  std::string address() const;

 private:
  enum class state : std::uint8_t { closed, resolving, connecting, asking, open };

  void opened() override;
  void received(std::span<const char> bytes) override;
  void closed(std::string_view why) override;

  void ask_sentinel(std::size_t which);
  bool ask_another(std::string_view why);
  void told_by_sentinel(master_query::progress result);
  void look_up();
  void connect(std::vector<lookup::endpoint> to);
  void connect_next();
  void fail(std::uint32_t cause, std::string_view why);
  duration step_limit() const;

  host host_;
  connection_settings settings_;
  user& user_;
  transport transport_;
  lookup lookup_;
  state state_ = state::closed;
  time_point due_ = never;  ///< the end of this step
  std::optional<tls_context> tls_;
  place target_;  ///< a Sentinel or the Redis; nobody after hang_up
  std::vector<lookup::endpoint> endpoints_;
  std::size_t next_endpoint_ = 0;

  bool asking_ = false;         ///< the target is a Sentinel
  std::size_t asked_ = 0;       ///< Sentinels, in this attempt
  std::string sentinels_said_;  ///< why those asked in this attempt were of no help
  identity sentinel_identity_;
  master_query query_;
  std::string out_;                        ///< the question that the transport may still be writing
  std::unique_ptr<sentinel_watch> watch_;  ///< null without Sentinels
  std::optional<place> hint_;              ///< of the watch's, since the last dial
};

}  // namespace sluice::redis
