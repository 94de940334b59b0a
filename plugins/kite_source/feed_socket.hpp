// kite_source/feed_socket.hpp - one of a source's connections: what its session decides is done
// here, what its server sends is told here.
#pragma once

#include "endpoint.hpp"
#include "intake.hpp"
#include "market_hours.hpp"
#include "meters.hpp"
#include "network.hpp"
#include "plan.hpp"
#include "reader_watch.hpp"
#include "session.hpp"
#include "snapshot_filter.hpp"

#include <sluice/ext/resolver.h>
#include <sluice/stage.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kite_source {

/// At most so many events of what a server says in a while: it may say a lot.
class event_budget {
 public:
  bool take(time_point now) {
    if (now >= refill_at_) {
      left_ = most;
      refill_at_ = now + std::chrono::seconds{10};
    }
    return left_ != 0 && left_-- != 0;
  }

 private:
  static constexpr std::uint32_t most = 10;
  std::uint32_t left_ = 0;
  time_point refill_at_{};
};

struct feed_settings {
  secret api_key, access_token;
  endpoint server;
  policy rules;
  market_hours hours;
  bool orders = true;
  network_options transport;
};

/// What a source's sockets share.
struct feed {
  host to;
  feed_settings settings;
  meters count;
  dial_gate gate;
  network net;
  intake records;
  mask hide{};
  event_budget server_events{};
  std::string instruments_meta{};
  bool changed = false;  ///< some session is in another state: deadlines are to be read anew
  reader_watch reader{};
  std::string refusal{};  ///< what the server answered to a dial that is not tried again

  /// `seed`: of the backoff's jitter.
  feed(host of, feed_settings with, std::span<const std::uint32_t> watch, std::uint64_t seed);
  const sluice_resolver* resolver() const {
    return to.extension<sluice_resolver>(SLUICE_EXT_RESOLVER);
  }
};

class feed_socket final : public connection_listener {
 public:
  /// `number`: from 1, for messages. `sample`: names of a few of its instruments.
  feed_socket(feed& shared, std::size_t number, const std::vector<wanted>& instruments,
              std::string sample);

  void start(time_point now) { session_.start(now); }
  /// Does what is due.
  void advance(time_point now);
  /// Asks for the name's addresses if they were asked for.
  void check_lookup(time_point now);
  time_point deadline(time_point now) const { return session_.deadline(now); }
  state now_in() const { return session_.now_in(); }
  bool open() const { return session_.open(); }

  /// No more dials; what is open is closed politely.
  void close(time_point now);
  bool closed() const { return connection_ == nullptr; }
  /// Gives up on a polite end.
  void drop() { connection_.reset(); }

  void on_open() override;
  void on_message(std::span<const std::uint8_t> message, bool text) override;
  void on_ping() override { session_.frame(shared_.to.now()); }
  void on_end(const ending& how) override;

 private:
  void event(std::string_view kind, std::string_view what) const;
  void alert(std::string_view kind, std::string_view what) const;
  /// What came from outside, as it may be shown.
  std::string safe(std::string_view text) const;
  void read_token_and_dial(time_point now);
  void wait_for_token(time_point now, state before, const std::string& why);
  void dial_now(std::vector<std::string> addresses);
  void abort(time_point now, meter of, const std::string& why);
  void dial_ended(time_point now, const ending& how);
  void on_text(std::string_view text, time_point now);
  void tell_gap(time_point now);
  std::string missed(time_point from, time_point to, time_point now) const;
  std::string retry_text(time_point now) const;

  feed& shared_;
  std::size_t number_;
  std::size_t instruments_;
  std::string sample_;
  std::vector<std::string> subscribe_;
  snapshot_filter snapshots_;
  session session_;
  std::unique_ptr<connection> connection_;
  std::string target_;        ///< of a dial that waits for addresses; secret
  std::uint64_t lookup_ = 0;  ///< the resolver's ticket; 0: none
  std::uint64_t dials_ = 0;
  std::optional<time_point> lost_at_;  ///< set while a connection that was open is to come back
};

}  // namespace sluice::kite_source
