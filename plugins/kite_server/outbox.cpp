#include "outbox.hpp"

#include <algorithm>

namespace sluice::kite_server {

outbox::outbox(std::size_t bytes_max, std::size_t messages_max)
    : capacity_{bytes_max},
      buffer_{std::make_unique_for_overwrite<std::uint8_t[]>(bytes_max)},
      entries_(std::max<std::size_t>(messages_max, 1)) {}

bool outbox::push(std::span<const std::uint8_t> message, bool text) {
  if (message.empty()) return true;
  if (count_ == entries_.size()) return false;

  // A message is never split: one that does not fit behind the newest goes to the beginning.
  std::size_t at = count_ == 0 ? 0 : end_;
  const std::size_t first = count_ == 0 ? 0 : nth(0).at;
  if (count_ == 0 || end_ > first) {
    if (capacity_ - at < message.size()) {
      if (first < message.size()) return false;
      at = 0;
    }
  } else if (first - end_ < message.size()) {
    return false;
  }

  std::copy(message.begin(), message.end(), buffer_.get() + at);
  entries_[(head_ + count_) % entries_.size()] = {at, message.size(), text};
  ++count_;
  end_ = at + message.size();
  bytes_ += message.size();
  return true;
}

outgoing outbox::front() const {
  const entry& oldest = nth(0);
  return {{buffer_.get() + oldest.at, oldest.size}, oldest.text};
}

void outbox::pop() {
  bytes_ -= nth(0).size;
  head_ = (head_ + 1) % entries_.size();
  --count_;
}

void outbox::keep_only(std::size_t keep) {
  while (count_ > keep) bytes_ -= nth(--count_).size;
  if (count_ != 0) end_ = nth(count_ - 1).at + nth(count_ - 1).size;
}

}  // namespace sluice::kite_server
