// sluice/state.hpp - a stage's state as bytes, for hand-over in a swap (ext/swap.h). Part of
// stage.hpp.
//
// Numbers are little-endian in the size of their type; a text, and a list of numbers, is preceded
// by its length. Write lengths before other lists, and check what was read: another version may
// have written it. The lane waits meanwhile: a list of numbers is quicker than one number after
// another.
#pragma once

#include <sluice/record.hpp>

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sluice {

namespace detail {
template <typename T>
struct item_of {
  using type = void;
};
template <typename T>
struct item_of<std::vector<T>> {
  using type = T;
};
}  // namespace detail

class state_writer {
 public:
  template <typename T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void put(T value) { append(&value, sizeof value); }
  void put(duration value) { put(value.count()); }
  void put(time_point value) { put(value.time_since_epoch()); }
  void put(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    append(text.data(), text.size());
  }
  template <typename T>
  requires std::is_arithmetic_v<T>
  void put(const std::vector<T>& numbers) {
    put(static_cast<std::uint32_t>(numbers.size()));
    append(numbers.data(), numbers.size() * sizeof(T));
  }
  std::span<const std::uint8_t> bytes() const { return bytes_; }

 private:
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  void append(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  std::vector<std::uint8_t> bytes_;
};

/// Borrows the bytes. Every get throws std::runtime_error when they end early.
class state_reader {
 public:
  state_reader(std::string_view schema, std::span<const std::uint8_t> bytes)
      : schema_{schema}, left_{bytes} {}

  /// The schema it was written in, one of those the stage says it reads.
  std::string_view schema() const { return schema_; }

  template <typename T>
  T get() {
    if constexpr (std::is_same_v<T, std::string>) {
      const auto size = get<std::uint32_t>();
      const auto text = take(size);
      return {text.begin(), text.end()};
    } else if constexpr (!std::is_void_v<typename detail::item_of<T>::type>) {
      using item = typename detail::item_of<T>::type;
      static_assert(std::is_arithmetic_v<item> && !std::is_same_v<item, bool>);
      T numbers(size(sizeof(item)));
      const auto bytes = take(numbers.size() * sizeof(item));
      if (!bytes.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
      return numbers;
    } else if constexpr (std::is_same_v<T, duration>) {
      return duration{get<duration::rep>()};
    } else if constexpr (std::is_same_v<T, time_point>) {
      return time_point{get<duration>()};
    } else if constexpr (std::is_same_v<T, bool>) {
      return get<std::uint8_t>() != 0;  // no other byte may become a bool
    } else {
      static_assert(std::is_arithmetic_v<T> || std::is_enum_v<T>);
      T value;
      std::memcpy(&value, take(sizeof value).data(), sizeof value);
      return value;
    }
  }
  /// A value from `least` to `most`. Throws on any other, a NaN too: nothing sound writes that.
  template <typename T>
  T get(T least, T most) {
    const T value = get<T>();
    if (!(value >= least && value <= most))
      throw std::runtime_error{"the state holds a value out of its bounds"};
    return value;
  }
  /// A list's length, each of its items being `item_size` bytes at least: no more than can follow.
  std::uint32_t size(std::size_t item_size) {
    const auto count = get<std::uint32_t>();
    if (count > left_.size() / item_size) throw std::runtime_error{"the state ends early"};
    return count;
  }
  bool at_end() const { return left_.empty(); }

 private:
  std::span<const std::uint8_t> take(std::size_t size) {
    if (size > left_.size()) throw std::runtime_error{"the state ends early"};
    const auto taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }
  std::string_view schema_;
  std::span<const std::uint8_t> left_;
};

}  // namespace sluice
