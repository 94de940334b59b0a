#include "kite_server.hpp"

#include "tcp_listener/listen.hpp"

#include <kite/json.hpp>
#include <kite/text.hpp>

#include <string_view>

namespace sluice::kite_server {
namespace {

constexpr duration metrics_interval = std::chrono::milliseconds{100};

}  // namespace

sink::sink(const config& with, sluice::host host)
    : host_{host},
      server_{with, host},
      tick_schema_{host.schema(kite::tick_schema)},
      order_schema_{host.schema(kite::order_schema)},
      meters_{host} {}

void sink::validate(const config& with, sluice::problems& found) {
  if (with.tls_certificate.has_value() != with.tls_key.has_value())
    found.add(with.tls_certificate ? "tls_key" : "tls_certificate",
              "tls_certificate and tls_key are given together or not at all");
  if (with.send_queue.bytes < with.frame_packets * std::uint64_t{2 + kite::packet_size_max} + 2)
    found.add("send_queue", "must have room for one frame of frame_packets full packets");
  try {
    tcp_listener::parse_endpoint(with.listen, example_port);
  } catch (const std::runtime_error& error) {
    const std::string_view message = error.what();
    found.add("listen", message.substr(message.find(": ") + 2));
  }
}

void sink::start() {
  server_.start();
  after(host_.now());
}

void sink::process(sluice::batch& records) {
  const time_point now = records.now();
  for (const record& each : records) {
    if (each.schema == tick_schema_) {
      if (!server_.tick(payload(each), now)) records.drop(each, reason::malformed);
    } else if (each.schema == order_schema_) {
      server_.broadcast(kite::order_text({reinterpret_cast<const char*>(each.data), each.size}),
                        now);
    } else {
      records.drop(each, reason::unrouted);
    }
  }
  server_.send(now);
  after(now);
}

void sink::on_timer(sluice::time_point now) {
  wake_at_ = never;
  server_.on_time(now);
  after(now);
}

void sink::poll(sluice::duration wait) {
  server_.poll(wait);
  after(host_.now());
}

bool sink::drain(sluice::time_point) {
  const bool done = server_.close();
  after(host_.now());
  return done;
}

/// Behind every call: asks for the next wake-up if it is another one than before.
void sink::after(sluice::time_point now) {
  if (metrics_at_ <= now) {
    metrics_at_ = now + metrics_interval;
    publish_meters();
  }
  const time_point next = server_.next();
  if (next == wake_at_) return;
  wake_at_ = next;
  host_.wake_at(next);
}

void sink::publish_meters() {
  meters_[meter::port] = static_cast<double>(server_.port());
  meters_[meter::clients] = static_cast<double>(server_.ticker().clients().size());
  meters_[meter::instruments] = static_cast<double>(server_.ticker().instruments());
  meters_[meter::accepted] = static_cast<double>(server_.counts().accepted);
  meters_[meter::refused_malformed] = static_cast<double>(server_.counts().refused_400);
  meters_[meter::refused_credentials] = static_cast<double>(server_.counts().refused_403);
  meters_[meter::refused_limit] = static_cast<double>(server_.counts().refused_429);
  meters_[meter::cut_slow] = static_cast<double>(server_.counts().cut_slow);
  meters_[meter::cut_dead] = static_cast<double>(server_.counts().cut_dead);
  meters_[meter::frames] = static_cast<double>(server_.ticker().counts().frames);
  meters_[meter::packets] = static_cast<double>(server_.ticker().counts().packets);
  meters_[meter::texts] = static_cast<double>(server_.ticker().counts().texts);
  meters_[meter::skipped_frames] = static_cast<double>(server_.ticker().counts().skipped_frames);
  meters_[meter::skipped_packets] = static_cast<double>(server_.ticker().counts().skipped_packets);
  meters_[meter::skipped_texts] = static_cast<double>(server_.ticker().counts().skipped_texts);
  meters_[meter::bad_requests] = static_cast<double>(server_.ticker().counts().bad_requests);
  meters_.publish();
}

}  // namespace sluice::kite_server

SLUICE_PLUGIN(sluice::kite_server::sink);
