// One consumer of a group: what to ask Redis next, and what an answer means. No sockets, no clock.
#pragma once

#include <sluice/stage.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct redisReply;

namespace sluice::redis_stream_source {

struct entry {
  std::string id, data, schema;
  std::uint64_t key = 0;
  bool keyed = false;  ///< it names its key
  std::uint16_t schema_number = 0;
  std::uint64_t deliveries = 1;         ///< by Redis, this one included
  std::uint64_t refusals = 0;           ///< by the pipeline, of this delivery
  bool alone = false;                   ///< handed over by itself, so that its outcome is its own
  bool readable = true;                 ///< it has the field, and a schema that can be
  std::vector<std::string> attributes;  ///< of its key, by the settings' names; empty: not said
};

/// Losses since the start, as sluice_settled.
struct losses {
  std::uint64_t lost = 0, refused = 0;
};

/// The pipeline, as the consumer needs it.
class outlet {
 public:
  virtual ~outlet() = default;
  virtual void push(std::span<const entry> entries) = 0;
  virtual void discard() = 0;
  /// The number of a schema, empty for that of entries that name none; 0: it cannot be one.
  virtual std::uint16_t schema(std::string_view name) = 0;
  /// None while something is on its way.
  virtual std::optional<losses> settled() = 0;
};

struct consumer_settings {
  std::string stream, group, name, dead_letters, start, field, key_field, schema_field;
  bool create_group = true;
  std::uint32_t batch = 100;
  std::uint64_t max_deliveries = 5;
  duration claim_idle{}, block{};
  std::vector<std::string> attributes{};  ///< fields
};

struct consumer_counts {
  std::uint64_t acknowledged = 0, claimed = 0, retried = 0, buried = 0;
};

class consumer {
 public:
  using command = std::vector<std::string>;

  consumer(consumer_settings settings, outlet& to) : settings_{std::move(settings)}, to_{to} {}

  /// A new connection: what was asked on the last one has no answer. What is in hand stays.
  void connected();
  /// When nothing is unanswered: the next command, or none until wake_time() or so.
  std::optional<command> next(time_point now);
  /// The answer to the last command. Returns what is wrong, empty if nothing is.
  std::string answered(const redisReply& reply, time_point now);
  /// When it should be asked again although nothing came.
  time_point wake_time() const { return due_; }
  /// Takes no more entries; true when none is in hand.
  bool finish();

  const consumer_counts& counts() const { return counts_; }

 private:
  enum class asked : std::uint8_t { nothing, group, stale, claim, read, keep, bury, acknowledge };
  enum class hand : std::uint8_t { fresh, pushed, pausing, done, dead, buried };

  std::optional<command> attend(time_point now);
  void push(time_point now);
  void judge(const losses& seen, time_point now);
  std::size_t generation() const;
  command acknowledge();
  command bury() const;
  command keep() const;
  command claim() const;
  std::string take_stale(const redisReply& reply);
  std::string take_entries(const redisReply& list, bool claimed);
  std::optional<entry> read(const redisReply& item) const;

  const consumer_settings settings_;
  outlet& to_;
  consumer_counts counts_;
  asked asked_ = asked::nothing;
  bool group_known_ = false, finishing_ = false;
  time_point next_claim_{}, keep_at_{}, due_ = never;
  struct stale_entry {
    std::string id;
    std::uint64_t deliveries;
  };
  std::vector<stale_entry> stale_;
  std::deque<entry> entries_;  ///< in hand, in order; the first generation() are under way
  hand state_ = hand::fresh;
  time_point due_pause_{};  ///< when pausing: until then
  losses before_;
  std::size_t under_way_ = 0;
};

}  // namespace sluice::redis_stream_source
