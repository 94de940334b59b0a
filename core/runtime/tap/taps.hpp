// Records of running stages for people to look at: decoded beside the lanes, and kept for a while.
#pragma once

#include "runtime/engine.hpp"
#include "runtime/tap/tap_point.hpp"
#include "runtime/tap/tap_question.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::runtime {

/// A tap is what is asked for: who asks the same shares it. It opens when first read, and closes
/// 5 s after it was last read. It follows the stage's name: a stage that takes its place is
/// watched, too, and of one that has gone what came before can still be read.
class taps {
 public:
  /// `of` outlives it.
  explicit taps(engine& of) : engine_{of} {}
  ~taps() { stop(); }
  taps(const taps&) = delete;
  taps& operator=(const taps&) = delete;

  /// Records are decoded on a thread of its own from now on.
  void start();
  /// [any] A codec that hangs is left behind with the thread, and with what it uses.
  void stop();

  /// [any] {"stage", "wanted", "lost", "last", "records": [...]}, the records numbered above
  /// `after`; the first document of a tap has none. A record: {"number", "stage", "key", "seq",
  /// "priority", "weight", "schema", "received_ns", "exchange_ns", "bytes", "record": {...} as its
  /// codec writes it, null without}. `lost`: wanted records that were not kept, and those not
  /// looked at. Throws std::invalid_argument with what is wrong with the question.
  std::string read(const tap_question& asked, std::uint64_t after);
  /// Takes what has come, decodes it, and closes what nobody reads. For the thread, and tests.
  void look();

 private:
  struct point {
    std::shared_ptr<tap_point> at;
    std::string stage;
    std::uint64_t missed_before;
  };
  struct line {
    std::uint64_t number;
    std::string text;
  };
  struct tap {
    tap_question asked;
    tap_filter filter{};
    std::vector<point> points{};  // the looking thread's once it is open; the rest is under mutex_
    bool gone = false;            // the stage: no point is left
    std::int64_t read_at = 0;
    std::deque<line> lines{};
    std::size_t bytes = 0;
    std::uint64_t wanted = 0, lost = 0, read_to = 0;
  };

  tap& find(const tap_question& asked);
  tap& open(const tap_question& asked);
  tap_filter filter_of(const tap_question& asked) const;
  std::vector<point> points_of(const std::string& stage) const;
  [[noreturn]] void refuse(const std::string& stage) const;
  void look_at(tap& each);
  static void follow(tap& of, std::vector<point> now);
  std::string decode(const sluice_record& record, const std::string& stage) const;
  void keep(tap& of, std::vector<std::string> texts, std::uint64_t lost);
  void run();

  engine& engine_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::vector<std::shared_ptr<tap>> open_;
  std::uint64_t last_ = 0;  // number of a record, over all taps
  bool stopping_ = false, ended_ = false;
  std::thread thread_;
};

}  // namespace sluice::runtime
