// What the models saw: what was received, what was published at what age, which numbers are
// missing. Kept by slots of 100 ms, the pipeline's own step.
#pragma once

#include <sluice/abi.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::scenario {

inline constexpr std::int64_t slot_ns = 100'000'000;
/// Goodput counts what is published this soon after its receipt.
inline constexpr std::int64_t good_ns = 250'000'000;

/// A record on its way through a sink's model.
struct sent_record {
  std::int64_t received_ns;
  std::uint64_t seq;
  std::uint32_t instrument;
  std::uint8_t priority = SLUICE_PRIORITY_NORMAL;
};

class tally {
 public:
  /// `instruments`: of all feeds. Keys that are none of theirs are not looked at.
  explicit tally(std::uint32_t instruments)
      : seen_(instruments), newest_(instruments), given_(instruments) {}

  static std::uint64_t key_of(std::uint32_t instrument) { return first_key + instrument; }
  static std::uint32_t number_of(std::uint64_t key) {
    return static_cast<std::uint32_t>(key - first_key);
  }

  /// The run's begin on the host's clock.
  void begin(std::int64_t now_ns) { begin_ns_ = now_ns; }
  std::int64_t since_begin(std::int64_t now_ns) const { return now_ns - begin_ns_; }

  /// By a feed: instruments.
  void received(std::span<const std::uint32_t> instruments, std::int64_t now_ns);
  /// By a sink: the numbers of a key's priority may have gaps, but rise. What a stage has kept and
  /// sends again, with its old number and another priority, fills a gap.
  void published(std::span<const sent_record> records, std::int64_t now_ns);
  /// Ends the slot under way.
  void close_slot();

  std::uint64_t received_total() const { return received_; }
  /// Numbers that no subscriber saw: the gaps between those it did, and what followed the last.
  std::uint64_t missing() const;
  /// Records published after a newer one of their key and priority, or twice.
  std::uint64_t overtaken() const { return overtaken_; }

  std::uint32_t good(std::size_t slot) const { return good_[slot]; }
  /// In microseconds, of all that was published in slots `from` to `to`, not sorted.
  std::span<const std::uint32_t> ages(std::size_t from, std::size_t to) const;
  /// Of the instruments received in slots `from` to `to`, how many, and how many of them without
  /// any of these records published.
  struct coverage {
    std::uint32_t instruments = 0, dark = 0;
  };
  coverage covered(std::size_t from, std::size_t to) const;

 private:
  using bits = std::vector<std::uint64_t>;
  static constexpr std::uint64_t first_key = 256'001;

  std::size_t slot_of(std::int64_t received_ns) const;
  void arrive(const sent_record& now);
  void mark(std::vector<bits>& in, std::size_t slot, std::uint32_t instrument) const;

  std::int64_t begin_ns_ = 0;
  std::uint64_t received_ = 0, gaps_ = 0, overtaken_ = 0;
  /// By instrument: the newest seq published, in all and of each priority, and given.
  std::vector<std::uint64_t> seen_;
  std::vector<std::array<std::uint64_t, SLUICE_PRIORITY_LOW + 1>> newest_;
  std::vector<std::uint64_t> given_;
  std::vector<std::uint32_t> ages_us_;
  std::vector<std::size_t> ages_end_;  // by slot
  std::vector<std::uint32_t> good_;
  std::uint32_t good_now_ = 0;
  std::vector<bits> seen_in_, seen_out_;  // by slot of receipt
};

}  // namespace sluice::scenario
