// kite_source/session.hpp - when a socket dials, waits, is taken for dead, or gives up.
//
// Pure: what happened and the time go in, what to do comes out. No sockets, no clock.
#pragma once

#include <sluice/record.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::kite_source {

enum class state : std::uint8_t {
  idle,        ///< not started
  connecting,  ///< a dial is under way
  live,        ///< open; heartbeats or ticks come
  stale,       ///< open and beating, but no ticks in market hours, even after a redial
  backoff,     ///< waits for its next dial
  auth_wait,   ///< the token was refused or is missing: waits for a new one
  stopped      ///< ended, by drain or because the server calls our request malformed
};
std::string_view name_of(state which);

/// How long things may take. All positive, but for those where 0 means never.
struct policy {
  duration connect_timeout = std::chrono::seconds{10};
  duration silence = std::chrono::seconds{5};  ///< nothing of the server's own: dead
  duration stall = std::chrono::seconds{120};  ///< heartbeats only, in market hours; 0: never
  duration backoff_first = std::chrono::seconds{1};
  duration backoff_max = std::chrono::seconds{60};
  duration rate_limit_wait = std::chrono::seconds{60};  ///< after a 429, doubled up to 8 times it
  duration token_poll = std::chrono::seconds{2};
  duration token_retry = std::chrono::seconds{300};  ///< one dial with a refused token; 0: never
  duration settled = std::chrono::seconds{10};       ///< a life this long starts the backoff anew
};

/// A small generator for jitter: the same seed, the same delays.
class jitter {
 public:
  explicit jitter(std::uint64_t seed) : state_{seed} {}
  /// Uniform in [0, most].
  duration up_to(duration most);

 private:
  std::uint64_t state_;
};

/// What the sockets of one API key share: one dial at a time, the pause after a 429, and which
/// token was refused last.
class dial_gate {
 public:
  dial_gate(const policy& rules, std::uint64_t seed) : rules_{rules}, jitter_{seed} {}

  /// True: the caller dials, and must leave() when that dial is decided.
  bool try_enter(time_point now);
  void leave() { busy_ = false; }
  /// When try_enter may next say yes; `never` while a dial is under way: its leave() comes first.
  time_point free_at(time_point now) const;

  /// A 429: no socket dials before what it returns.
  time_point hold(time_point now);
  /// The server let one in.
  void admitted() { holds_ = 0; }

  /// `token` is a fingerprint, not the token.
  void refuse(std::uint64_t token, time_point now);
  bool may_try(std::uint64_t token, time_point now) const;

  jitter& random() { return jitter_; }

 private:
  const policy& rules_;
  jitter jitter_;
  bool busy_ = false;
  std::uint32_t holds_ = 0;
  time_point held_until_{};
  std::optional<std::uint64_t> refused_;
  time_point refused_at_{};
};

/// What the owner of a session has to do now.
enum class step : std::uint8_t {
  none,
  read_token,     ///< read it, then call token() or wait_for_token()
  dial_timeout,   ///< abort the dial: it took too long
  ping,           ///< nothing came for half of `silence`: ask the network whether it still stands
  silent,         ///< abort the connection: nothing came
  stalled,        ///< abort the connection: only heartbeats came
  stalled_again,  ///< tell people: a redial did not help
};

/// Time during which nothing was received.
struct gap {
  time_point from, to;
};

class session {
 public:
  session(const policy& rules, dial_gate& gate) : rules_{rules}, gate_{gate} {}

  state now_in() const { return state_; }
  bool open() const { return state_ == state::live || state_ == state::stale; }

  /// The first dial is due.
  void start(time_point now);
  /// Time went on. `market_open`: ticks are to be expected.
  step tick(time_point now, bool market_open);
  /// When tick() has something to do, at the latest.
  time_point deadline(time_point now) const;

  /// After read_token. True: dial with it. False: it was refused before.
  bool token(time_point now, std::uint64_t fingerprint);
  /// After read_token: there is none, or none to try.
  void wait_for_token(time_point now);

  /// The server accepted.
  void opened(time_point now);
  /// The server answered the dial with this HTTP status.
  void refused(time_point now, unsigned status);
  /// The dial failed or the connection ended.
  void lost(time_point now);
  /// The server sent something of its own: ticks, a heartbeat, a text, a ping. A pong is none: it
  /// answers us, and a server that sends no heartbeats any more may go on answering.
  void frame(time_point now) {
    frame_at_ = now;
    pinged_ = false;
  }
  /// Ticks came; `fresh`: not only cached ones. True: it was stale until now.
  bool ticks(time_point now, bool fresh);
  /// No more dials.
  void stop();

  /// Something was missed and its end is not told yet.
  bool gap_open() const { return gap_from_.has_value(); }
  /// The gap, once, when data is back, or nothing came for `silence` after the socket was.
  std::optional<gap> take_gap(time_point now);
  /// The gap as it is, without an end.
  std::optional<time_point> gap_from() const { return gap_from_; }

 private:
  step dial_when_free(time_point now);
  step watch(time_point now, bool market_open);
  void back_off(time_point now);
  void leave_connection();

  const policy& rules_;
  dial_gate& gate_;
  state state_ = state::idle;
  time_point due_{};       ///< of the next dial, token read, or of the dial's timeout
  bool dialling_ = false;  ///< this session is in the gate
  std::uint32_t attempts_ = 0;
  std::uint64_t token_ = 0;
  time_point opened_at_{}, frame_at_{}, data_at_{};
  bool data_since_open_ = false;
  bool pinged_ = false;  ///< since the last frame
  bool redialled_for_stall_ = false;
  std::optional<time_point> gap_from_;
};

}  // namespace sluice::kite_source
