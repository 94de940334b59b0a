// kite/json_writer.hpp - numbers and literals into a buffer known to be large enough.
//
// Each call takes the place to write at and returns the place behind it: a pointer kept in an
// object would be stored and loaded again around every byte, since bytes may alias anything.
// Branches on the number of digits mispredict on market data, so eight digits are made at once and
// always stored whole: the buffer needs `slack` bytes behind what is counted.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sluice::kite::json_out {

static_assert(std::endian::native == std::endian::little, "digits are stored as one integer");

/// Bytes that may be written behind the last counted one.
inline constexpr std::size_t slack = 8;
inline constexpr std::uint32_t hundred_million = 100'000'000;
inline constexpr std::uint64_t zeros = 0x3030'3030'3030'3030;

/// Eight decimal digits of a value below 10^8: 0 to 9 a byte, the most significant in the lowest.
constexpr std::uint64_t digits(std::uint32_t value) {
  const std::uint64_t fours = value / 10'000 | std::uint64_t{value % 10'000} << 32;
  const std::uint64_t high_twos = ((fours * 10'486) >> 20) & 0x0000'007f'0000'007f;
  const std::uint64_t twos = high_twos | (fours - 100 * high_twos) << 16;
  const std::uint64_t high_ones = ((twos * 103) >> 10) & 0x000f'000f'000f'000f;
  return high_ones | (twos - 10 * high_ones) << 8;
}

inline void store(char* at, std::uint64_t made) {
  made |= zeros;
  std::memcpy(at, &made, 8);
}

template <std::size_t Size>
inline char* text(char* at, const char (&literal)[Size]) {
  std::memcpy(at, literal, Size - 1);
  return at + (Size - 1);
}

/// Below 10^8, without leading zeros.
inline char* small(char* at, std::uint32_t value) {
  const std::uint64_t made = digits(value);
  const int skip = std::countr_zero(made | std::uint64_t{1} << 56) & ~7;
  store(at, made >> skip);
  return at + (8 - skip / 8);
}

/// For what is nearly always below 100.
inline char* tiny(char* at, std::uint32_t value) {
  if (value >= 100) [[unlikely]]
    return small(at, value);
  const std::uint32_t tens = value / 10;
  const std::uint32_t skip = tens == 0;
  const std::uint32_t pair = (tens | (value - 10 * tens) << 8 | 0x3030) >> (8 * skip);
  std::memcpy(at, &pair, 4);
  return at + 2 - skip;
}

[[gnu::noinline]] inline char* large(char* at, std::uint64_t value) {
  const std::uint64_t high = value / hundred_million;
  at = high < hundred_million ? small(at, static_cast<std::uint32_t>(high)) : large(at, high);
  store(at, digits(static_cast<std::uint32_t>(value % hundred_million)));
  return at + 8;
}

inline char* number(char* at, std::uint64_t value) {
  if (value < hundred_million) return small(at, static_cast<std::uint32_t>(value));
  return large(at, value);
}

/// raw / 10^Decimals, with all its decimals.
template <int Decimals>
inline char* decimal(char* at, std::int64_t raw) {
  static_assert(Decimals > 0 && Decimals < 8);
  *at = '-';
  at += raw < 0;
  const auto value =
      raw < 0 ? 0 - static_cast<std::uint64_t>(raw) : static_cast<std::uint64_t>(raw);
  std::uint64_t low;
  if (value < hundred_million) {
    // Without leading zeros, but for the one before the point.
    low = digits(static_cast<std::uint32_t>(value));
    const int skip = std::countr_zero(low | std::uint64_t{1} << (8 * (7 - Decimals))) & ~7;
    store(at, low >> skip);
    at += 8 - Decimals - skip / 8;
  } else {
    at = large(at, value) - Decimals;
    low = digits(static_cast<std::uint32_t>(value % hundred_million));
  }
  *at++ = '.';
  store(at, low >> (8 * (8 - Decimals)));
  return at + Decimals;
}

}  // namespace sluice::kite::json_out
