// Looks, over a connection of its own, at what Redis holds for its slowest subscriber, and raises
// the level before Redis cuts it. All times are the host's.
#pragma once

#include "link.hpp"
#include "reader_buffers.hpp"

#include <sluice/stage.hpp>

#include <cstdint>
#include <deque>
#include <string_view>

namespace sluice::redis_sink {

class buffer_watch final : route::listener {
 public:
  /// `interval`: between two looks.
  buffer_watch(boost::asio::io_context& io, host host, link_settings settings, duration interval);

  void start() { connection_.start(); }
  void close() { connection_.close(); }
  void set(const link_times& times) { connection_.set(times); }

  void poll();
  void on_timer(time_point now);
  time_point deadline() const;

  /// Bytes held for the slowest, when it was last looked at.
  std::uint64_t held() const { return held_; }

 private:
  enum class question : std::uint8_t { no_eviction, limits, clients };

  void ended(const sluice_outcome&) override {}  // it publishes nothing
  void refused(std::uint32_t, std::string_view) override {}
  void told(const reply& answer) override;
  void up(std::string_view at) override;
  void down(std::uint32_t cause, std::string_view why, std::uint32_t unanswered) override;
  void attempt_failed(std::uint32_t cause, std::string_view why) override;
  void may_disorder(std::string_view) override {}

  void look(time_point now);
  void ask(question what, time_point now);
  void judge(const slow_reader& slowest);

  host host_;
  link connection_;
  const duration interval_;
  time_point due_{};
  std::deque<question> asked_;  ///< and not answered
  reader_limits limits_;
  std::uint64_t held_ = 0;
  bool warned_ = false;
  bool refusal_told_ = false;
};

}  // namespace sluice::redis_sink
