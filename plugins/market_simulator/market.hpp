// market_simulator/market.hpp - a market made up from a seed: which instrument ticks next, and what
// its packet says. No time, no host: the same seed gives the same bytes.
#pragma once

#include "random.hpp"

#include <kite/instruments.hpp>
#include <kite/packet.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace sluice::market_simulator {

/// In what mode ticks come; `mixed`: each instrument in one of the three, by chance.
enum class tick_mode : std::uint32_t { ltp, quote, full, mixed };

/// Made-up instruments of all segments: equities, an index in twenty, options, futures, currencies
/// and commodities. The same count gives the same ones.
std::vector<kite::instrument> make_instruments(std::size_t count);

class market {
 public:
  /// `instruments` is not empty. `skew`: the exponent of Zipf's law, 0: all alike.
  market(std::span<const kite::instrument> instruments, tick_mode mode, double skew,
         std::uint64_t seed);

  std::size_t size() const { return books_.size(); }
  /// The instrument that ticks next.
  std::uint32_t pick() { return draw_(random_); }
  /// Something happens to it; its packet in wire form into `out`. Returns the packet's size.
  std::size_t tick(std::uint32_t which, std::uint32_t unix_seconds, std::span<std::uint8_t> out);
  /// Its packet as it is.
  std::size_t snapshot(std::uint32_t which, std::span<std::uint8_t> out) const {
    return kite::encode(books_[which].now, out);
  }
  const kite::packet& packet(std::uint32_t which) const { return books_[which].now; }

 private:
  struct book {
    kite::packet now;
    std::int32_t price_step = 5;
    std::int32_t lowest = 5, highest = 5;  ///< the day's price band
    bool derivative = false;
  };
  book open(const kite::instrument& of, tick_mode mode);
  void move(book& of, std::uint64_t chance);
  void trade(book& of, std::uint32_t unix_seconds);
  void quote(book& of);

  random_source random_;
  weighted_draw draw_;
  std::vector<book> books_;
};

}  // namespace sluice::market_simulator
