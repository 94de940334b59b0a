// kite/json_writer.hpp - numbers and literals into a buffer known to be large enough.
//
// Branches on the number of digits mispredict on market data, so eight digits are made at once and
// always stored whole: the buffer needs slack bytes behind what is counted.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace sluice::kite {

class json_writer {
 public:
  /// Bytes that may be written behind the last counted one.
  static constexpr std::size_t slack = 8;

  explicit json_writer(char* out) : begin_{out}, at_{out} {}
  std::size_t size() const { return static_cast<std::size_t>(at_ - begin_); }

  template <std::size_t Size>
  void text(const char (&literal)[Size]) {
    std::memcpy(at_, literal, Size - 1);
    at_ += Size - 1;
  }

  void number(std::uint64_t value) {
    if (value < hundred_million) return small(static_cast<std::uint32_t>(value));
    number(value / hundred_million);
    eight(static_cast<std::uint32_t>(value % hundred_million));
  }

  /// raw / 10^decimals with all decimals; `decimals` is 2, 4, 5 or 7.
  void decimal(std::int64_t raw, unsigned decimals) {
    *at_ = '-';
    at_ += raw < 0;
    const auto value = raw < 0 ? 0 - static_cast<std::uint64_t>(raw) : std::uint64_t(raw);
    switch (decimals) {
      case 2: return split<100, 2>(value);
      case 4: return split<10'000, 4>(value);
      case 5: return split<100'000, 5>(value);
      default: return split<10'000'000, 7>(value);
    }
  }

 private:
  static constexpr std::uint32_t hundred_million = 100'000'000;
  static_assert(std::endian::native == std::endian::little, "digits are stored as one integer");

  /// Eight decimal digits, 0 to 9 a byte, the most significant in the lowest byte.
  static std::uint64_t digits(std::uint32_t value) {
    const std::uint64_t fours = value / 10'000 | std::uint64_t{value % 10'000} << 32;
    const std::uint64_t high_twos = ((fours * 10'486) >> 20) & 0x0000'007f'0000'007f;
    const std::uint64_t twos = high_twos | (fours - 100 * high_twos) << 16;
    const std::uint64_t high_ones = ((twos * 103) >> 10) & 0x000f'000f'000f'000f;
    return high_ones | (twos - 10 * high_ones) << 8;
  }
  static constexpr std::uint64_t zeros = 0x3030'3030'3030'3030;

  void store(std::uint64_t eight_bytes) { std::memcpy(at_, &eight_bytes, 8); }

  /// Below 10^8, without leading zeros.
  void small(std::uint32_t value) {
    const std::uint64_t made = digits(value);
    const int skip = std::countr_zero(made | std::uint64_t{1} << 56) & ~7;
    store((made | zeros) >> skip);
    at_ += 8 - skip / 8;
  }
  void eight(std::uint32_t value) {
    store(digits(value) | zeros);
    at_ += 8;
  }
  template <std::uint32_t Divisor, int Digits>
  void split(std::uint64_t value) {
    number(value / Divisor);
    *at_++ = '.';
    if constexpr (Digits == 2) {
      const auto hundredths = static_cast<unsigned>(value % Divisor);
      *at_++ = static_cast<char>('0' + hundredths / 10);
      *at_++ = static_cast<char>('0' + hundredths % 10);
    } else {
      store((digits(static_cast<std::uint32_t>(value % Divisor)) | zeros) >> (8 * (8 - Digits)));
      at_ += Digits;
    }
  }

  char* begin_;
  char* at_;
};

}  // namespace sluice::kite
