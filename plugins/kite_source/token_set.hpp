// kite_source/token_set.hpp - a fixed set of instrument tokens, looked up once a packet.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sluice::kite_source {

class token_set {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  token_set() = default;
  /// Tokens are not 0; duplicates count once.
  explicit token_set(std::span<const std::uint32_t> tokens) {
    std::size_t capacity = 4;
    while (capacity < tokens.size() * 2) capacity *= 2;
    slots_.resize(capacity);
    for (const std::uint32_t token : tokens) {
      slot& at = slots_[place_of(token)];
      if (at.token == token) continue;
      at = {token, size_++};
    }
  }

  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// Its number from 0, in the order of first mention, or `none`.
  std::uint32_t find(std::uint32_t token) const {
    if (size_ == 0) return none;
    const slot& at = slots_[place_of(token)];
    return at.token == token && token != 0 ? at.number : none;
  }
  bool contains(std::uint32_t token) const { return find(token) != none; }

 private:
  struct slot {
    std::uint32_t token = 0, number = 0;
  };
  /// Where it is or would be. At most half full: there always is a free slot.
  std::size_t place_of(std::uint32_t token) const {
    const std::size_t last = slots_.size() - 1;
    std::size_t at = (token * std::uint64_t{0x9e3779b97f4a7c15u}) >> 32 & last;
    while (slots_[at].token != 0 && slots_[at].token != token) at = (at + 1) & last;
    return at;
  }

  std::vector<slot> slots_;
  std::uint32_t size_ = 0;
};

}  // namespace sluice::kite_source
