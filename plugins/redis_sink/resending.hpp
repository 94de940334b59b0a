// A link of which nothing is unknown while it lasts: what its lost connection left unanswered goes
// again over the next one, in order and before anything new (retry = "at_least_once").
#pragma once

#include "link.hpp"
#include "retry_book.hpp"
#include "route.hpp"

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::redis_sink {

class resending final : public route, route::listener {
 public:
  resending(boost::asio::io_context& io, host host, link_settings settings, route::listener& owner)
      : owner_{owner}, below_{io, host, std::move(settings), *this}, host_{host} {}

  void start() override { below_.start(); }
  void close() override { below_.close(); }
  void set(const link_times& times) override { below_.set(times); }

  void poll() override;
  void on_timer(time_point now) override;
  time_point deadline() const override { return below_.deadline(); }

  bool up() const override { return below_.up(); }
  bool can_send() const override {
    return below_.can_send() && !calls_.waiting() && calls_.open_calls() < retry_book::calls_max;
  }
  std::uint32_t in_flight() const override { return calls_.open_calls(); }
  std::uint64_t take_most_receivers() override { return below_.take_most_receivers(); }
  std::uint64_t bytes_written() const override { return below_.bytes_written(); }
  std::vector<connection_mark> unfinished() const override { return below_.unfinished(); }
  void end_first(const std::vector<connection_mark>& others) override { below_.end_first(others); }
  std::uint64_t records_sent_again() const override { return records_sent_again_; }

  bool send(publish_buffer& commands, std::uint64_t call, time_point now) override;

 private:
  void ended(const sluice_outcome& outcome) override;
  void refused(std::uint32_t cause, std::string_view error) override {
    owner_.refused(cause, error);
  }
  void up(std::string_view at) override { owner_.up(at); }
  void down(std::uint32_t cause, std::string_view why, std::uint32_t unanswered) override {
    owner_.down(cause, why, unanswered);
  }
  void attempt_failed(std::uint32_t cause, std::string_view why) override {
    owner_.attempt_failed(cause, why);
  }
  void may_disorder(std::string_view why) override { owner_.may_disorder(why); }

  void send_again(time_point now);

  route::listener& owner_;
  link below_;
  host host_;
  retry_book calls_;
  std::uint64_t records_sent_again_ = 0;
};

}  // namespace sluice::redis_sink
