// redis_sink - publishes records to one Redis: PUBLISH or XADD, pipelined, with every outcome
// reported.
#pragma once

#include "adaptive_window.hpp"
#include "batching.hpp"
#include "buffer_watch.hpp"
#include "config.hpp"
#include "encoder.hpp"
#include "link.hpp"
#include "meters.hpp"
#include "reader_watch.hpp"

#include <redis/wake_slot.hpp>

#include <sluice/stage.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::redis_sink {
using redis::wake_slot;

class sink : route::listener {
 public:
  using config = redis_sink::config;
  static constexpr auto fields = config_fields;
  static constexpr description about{"redis_sink", "1.0.0", "Publishes records to Redis channels",
                                     SLUICE_SINK, SLUICE_CAN_IO};

  sink(const config& settings, host host);
  static void validate(const config& settings, problems& found) {
    validate_config(settings, found);
  }

  void start();
  std::uint32_t ready(std::uint32_t queued, duration oldest);
  void process(batch& records);
  void on_timer(time_point now);
  void poll(duration wait);
  void wake() { wake_slot_.wake(io_); }  // any thread
  bool drain(time_point deadline);
  void reconfigure(const config& settings);

  static constexpr std::string_view state_schema{"redis_sink/1"};
  void save(state_writer& out) const;
  void load(state_reader& in);

 private:
  sink(const config& settings, host host, link_settings to);

  void ended(const sluice_outcome& outcome) override;
  void refused(std::uint32_t cause, std::string_view error) override;
  void up(std::string_view at) override;
  void down(std::uint32_t cause, std::string_view why, std::uint32_t unanswered) override;
  void attempt_failed(std::uint32_t cause, std::string_view why) override;
  void may_disorder(std::string_view why) override;

  std::unique_ptr<route> route_to(link_settings to);
  void report_attempt(std::uint32_t result, std::uint32_t cause);
  void count_errors(const sluice_outcome& outcome);
  void adapt_window(const sluice_outcome& outcome);
  void watch_readers();
  void arm(time_point when);
  void settle();

  host host_;
  const std::string commands_;  ///< their names, for people
  const sharding shards_;
  const bool sends_again_;
  batching batching_;
  std::optional<adaptive_window> window_;  ///< of batching_, if it is not fixed
  duration timeout_;
  const std::string place_;  ///< the masked URL
  encoder encoder_;
  meters meters_;
  time_point armed_ = never;  ///< the wake-up asked for
  bool took_over_ = false;    ///< and has not looked at what

  // Events that could come in floods.
  bool unreachable_told_ = false;  ///< since the connection was last up
  bool disorder_told_ = false;
  struct refusals {
    time_point told{};
    std::uint64_t untold = 0;
  };
  refusals busy_, rejected_;
  std::uint64_t connections_ = 0;
  std::uint64_t call_receivers_ = 0, call_counted_ = 0;
  reader_watch readers_;

  wake_slot wake_slot_;  // outlives io_
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  const std::unique_ptr<buffer_watch> buffers_;  ///< null: not wanted
  const std::unique_ptr<route> route_;
};

}  // namespace sluice::redis_sink
