#include "sentinel_watch.hpp"

#include <chrono>
#include <exception>
#include <utility>

namespace sluice::redis {
namespace {

using namespace std::chrono_literals;

constexpr duration opening_limit = 1s;
constexpr duration retry_interval = 1s;
constexpr std::uint32_t unanswered_ms = 5'000;

}  // namespace

sentinel_watch::sentinel_watch(boost::asio::io_context& io, host host, hint told)
    : host_{host}, told_{std::move(told)}, transport_{io, *this} {}

void sentinel_watch::listen(sentinel to) {
  const bool same = to_.at == to.at;
  to_ = std::move(to);
  if (same && (state_ == state::opening || state_ == state::listening)) return;
  dial();
}

void sentinel_watch::close() {
  state_ = state::closed;
  due_ = never;
  transport_.close();
}

void sentinel_watch::dial() {
  state_ = state::opening;
  due_ = host_.now() + opening_limit;
  std::optional<tls_context> tls;
  try {
    if (to_.tls) tls.emplace(*to_.tls);
  } catch (const std::exception& exception) {
    return closed(exception.what());
  }
  transport_.open(to_.at, tls ? &*tls : nullptr, to_.host, unanswered_ms);
}

void sentinel_watch::opened() {
  out_.clear();
  notice_.ask(to_.as, to_.master, out_);
  if (!transport_.send(out_)) closed("the subscription could not be written");
}

void sentinel_watch::received(std::span<const char> bytes) {
  const switch_notice::progress result = notice_.feed(bytes);
  if (result == switch_notice::progress::waiting) return;
  if (result == switch_notice::progress::failed) return closed(notice_.reason());
  state_ = state::listening;
  due_ = never;
  if (result == switch_notice::progress::switched) told_(notice_.master());
}

/// Not worth more than a word for who looks for it: nothing is lost by it but time.
void sentinel_watch::closed(std::string_view why) {
  host_.debug("no word of a sentinel on new masters: " + std::string{why});
  transport_.close();
  state_ = state::waiting;
  due_ = host_.now() + retry_interval;
}

void sentinel_watch::on_timer(time_point now) {
  if (now < due_) return;
  if (state_ == state::opening) return closed("it did not answer");
  if (state_ == state::waiting) dial();
}

}  // namespace sluice::redis
