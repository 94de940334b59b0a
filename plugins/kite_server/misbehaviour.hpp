// How the sandbox can misbehave, for tests of what connects to it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::kite_server {

/// In the order of the key `misbehave`.
enum class misbehaviour : std::uint8_t {
  none,
  refuse_400,  ///< every new client is refused with this HTTP status
  refuse_403,
  refuse_429,
  silence,    ///< connected, and not a byte is sent: no tick, no heartbeat, no pong
  cut,        ///< the connection is reset without a close frame
  malformed,  ///< about every second frame is damaged
  slow_drip   ///< bytes trickle
};

inline constexpr std::array<std::string_view, 8> misbehaviour_names{
    "none", "refuse_400", "refuse_403", "refuse_429", "silence", "cut", "malformed", "slow_drip"};
inline constexpr std::string_view misbehaviour_choices =
    "none|refuse_400|refuse_403|refuse_429|silence|cut|malformed|slow_drip";

constexpr std::string_view name_of(misbehaviour which) {
  return misbehaviour_names[static_cast<std::size_t>(which)];
}
std::optional<misbehaviour> parse_misbehaviour(std::string_view name);

/// The HTTP status that new clients are refused with, 0: they are not.
constexpr unsigned refusal_of(misbehaviour which) {
  switch (which) {
    case misbehaviour::refuse_400: return 400;
    case misbehaviour::refuse_403: return 403;
    case misbehaviour::refuse_429: return 429;
    default: return 0;
  }
}

/// Damages frames in ways a feed has been seen to, or could: cut short, a wrong count, packets of
/// unknown length, bytes behind the end. The same seed damages the same way.
class damager {
 public:
  explicit damager(std::uint64_t seed) : random_{seed} {}

  /// About every second frame comes back as it is. `frame` has two bytes at least. Valid until the
  /// next call.
  std::span<const std::uint8_t> maybe_damage(std::span<const std::uint8_t> frame);

 private:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  void set_count(std::size_t count);

  std::mt19937_64 random_;
  std::vector<std::uint8_t> damaged_;
};

}  // namespace sluice::kite_server
