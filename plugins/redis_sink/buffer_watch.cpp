#include "buffer_watch.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace sluice::redis_sink {
namespace {

constexpr std::string_view signal_name = "reader_buffer";

link_settings named(link_settings made) {
  made.client_name += "_watch";
  return made;
}

}  // namespace

buffer_watch::buffer_watch(boost::asio::io_context& io, host host, link_settings settings,
                           duration interval)
    : host_{host}, connection_{io, host, named(std::move(settings)), *this}, interval_{interval} {}

void buffer_watch::poll() {
  connection_.poll();
  look(host_.now());
}

void buffer_watch::on_timer(time_point now) {
  connection_.on_timer(now);
  look(now);
}

time_point buffer_watch::deadline() const {
  const bool looks = connection_.can_send() && asked_.empty();
  return looks ? std::min(due_, connection_.deadline()) : connection_.deadline();
}

void buffer_watch::up(std::string_view) {
  due_ = host_.now();
  // Its own buffer counts too where clients are evicted for memory; who may not say so goes on.
  ask(question::no_eviction, due_);
}

void buffer_watch::look(time_point now) {
  if (now < due_ || !asked_.empty() || !connection_.can_send()) return;
  due_ = now + interval_;
  ask(question::limits, now);
}

void buffer_watch::ask(question what, time_point now) {
  asked_.push_back(what);
  switch (what) {
    case question::no_eviction: return connection_.ask({"CLIENT", "NO-EVICT", "on"}, now);
    case question::limits:
      return connection_.ask({"CONFIG", "GET", "client-output-buffer-limit"}, now);
    case question::clients: return connection_.ask({"CLIENT", "LIST", "TYPE", "pubsub"}, now);
  }
}

void buffer_watch::told(const reply& answer) {
  const question what = asked_.front();
  asked_.pop_front();
  switch (what) {
    case question::no_eviction: return;
    case question::limits:
      // Who may not read them has those of an unconfigured Redis taken for them.
      if (answer.kind == reply_kind::array) limits_ = reader_limits_in(answer.head[1]);
      return ask(question::clients, host_.now());
    case question::clients: break;
  }
  if (answer.kind == reply_kind::string) return judge(slowest_reader_in(answer.text));
  if (!std::exchange(refusal_told_, true))
    host_.alert("reader_check", "CLIENT LIST was answered " + std::string{answer.text} +
                                    ": slow readers are not seen; the user needs +client|list");
}

/// At half of what it is cut at.
void buffer_watch::judge(const slow_reader& slowest) {
  held_ = slowest.bytes;
  const std::uint64_t limit = limits_.lowest();
  const bool near = limit > 0 && held_ > limit / 2;
  if (!near) {
    if (std::exchange(warned_, false)) host_.signal(signal_name, level::healthy, "");
    return;
  }
  const std::string cause = "Redis holds " + std::to_string(held_) + " bytes for the subscriber " +
                            slowest.name + " and cuts it at " + std::to_string(limit);
  host_.signal(signal_name, level::warning, cause);
  if (!std::exchange(warned_, true)) host_.alert("reader_slow", cause);
}

/// What nobody sees any more is no reason.
void buffer_watch::down(std::uint32_t, std::string_view why, std::uint32_t) {
  host_.debug("readers are not seen: " + std::string{why});
  asked_.clear();
  judge({});
}

void buffer_watch::attempt_failed(std::uint32_t, std::string_view why) {
  host_.debug("readers are not seen: " + std::string{why});
}

}  // namespace sluice::redis_sink
