// What waits to be sent to one client: whole messages in a ring of bytes of fixed size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sluice::kite_server {

struct outgoing {
  std::span<const std::uint8_t> bytes;
  bool text = false;
};

/// A queue of messages. All its memory is taken at once; a message that does not fit is refused.
/// For one thread.
class outbox {
 public:
  /// `bytes_max` bounds what waits; the ring holds at most `messages_max` messages.
  outbox(std::size_t bytes_max, std::size_t messages_max);

  /// Copies a message to the end; false, and nothing done, if there is no room. An empty message
  /// is nothing and always fits.
  bool push(std::span<const std::uint8_t> message, bool text);

  bool empty() const { return count_ == 0; }
  std::size_t messages() const { return count_; }
  std::size_t bytes() const { return bytes_; }
  /// The oldest message; stays where it is until pop. Not to be called when empty.
  outgoing front() const;
  void pop();
  /// Forgets all but the oldest `keep` messages.
  void keep_only(std::size_t keep);

 private:
  struct entry {
    std::size_t at = 0, size = 0;
    bool text = false;
  };
  const entry& nth(std::size_t i) const { return entries_[(head_ + i) % entries_.size()]; }

  std::size_t capacity_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::vector<entry> entries_;
  std::size_t head_ = 0, count_ = 0;
  std::size_t end_ = 0;  ///< behind the newest message
  std::size_t bytes_ = 0;
};

}  // namespace sluice::kite_server
