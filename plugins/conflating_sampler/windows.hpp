// conflating_sampler/windows.hpp - which keys wait for the end of their interval, earliest first.
#pragma once

#include <sluice/record.hpp>

#include <cstdint>
#include <vector>

namespace sluice::conflating_sampler {

/// All intervals are equally long and time never goes back: keys in the order their windows were
/// opened are in the order of their ends, even if the interval changes. A list through an array, so
/// that each call is O(1).
class windows {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  /// Opens the key's window, or opens it anew. None was opened later than `now`.
  void open(std::uint32_t key, time_point now) {
    if (key >= links_.size()) links_.resize(key + 1);
    if (links_[key].open) unlink(key);
    links_[key] = {now, last_, none, true};
    (last_ == none ? first_ : links_[last_].next) = key;
    last_ = key;
  }
  void close(std::uint32_t key) {
    unlink(key);
    links_[key].open = false;
  }
  bool is_open(std::uint32_t key) const { return key < links_.size() && links_[key].open; }

  /// The key whose window ends first; none when no window is open.
  std::uint32_t first() const { return first_; }
  /// Of an open one: the key whose window ends next; none behind the last.
  std::uint32_t next(std::uint32_t key) const { return links_[key].next; }
  time_point opened(std::uint32_t key) const { return links_[key].opened; }

 private:
  struct link {
    time_point opened{};
    std::uint32_t previous = none, next = none;
    bool open = false;
  };

  void unlink(std::uint32_t key) {
    const link& gone = links_[key];
    (gone.previous == none ? first_ : links_[gone.previous].next) = gone.next;
    (gone.next == none ? last_ : links_[gone.next].previous) = gone.previous;
  }

  std::vector<link> links_;  ///< by index
  std::uint32_t first_ = none, last_ = none;
};

}  // namespace sluice::conflating_sampler
