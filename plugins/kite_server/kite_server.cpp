#include "kite_server.hpp"

#include "tcp_listener/listen.hpp"

#include <kite/json.hpp>
#include <kite/text.hpp>

#include <string_view>

namespace sluice::kite_server {
namespace {

constexpr duration metrics_interval = std::chrono::milliseconds{100};

struct metric_row {
  std::uint32_t kind;
  std::string_view name, doc;
  double (*read)(server& of);
};

constexpr std::array<metric_row, 16> metric_rows{{
    {SLUICE_GAUGE, "port", "The port listened on.",
     [](server& of) { return static_cast<double>(of.port()); }},
    {SLUICE_GAUGE, "clients", "Clients connected.",
     [](server& of) { return static_cast<double>(of.ticker().clients().size()); }},
    {SLUICE_GAUGE, "instruments", "Instruments of which a tick was seen.",
     [](server& of) { return static_cast<double>(of.ticker().instruments()); }},
    {SLUICE_COUNTER, "accepted", "Clients let in.",
     [](server& of) { return static_cast<double>(of.counts().accepted); }},
    {SLUICE_COUNTER, "refused_malformed", "Clients refused with 400.",
     [](server& of) { return static_cast<double>(of.counts().refused_400); }},
    {SLUICE_COUNTER, "refused_credentials", "Clients refused with 403.",
     [](server& of) { return static_cast<double>(of.counts().refused_403); }},
    {SLUICE_COUNTER, "refused_limit", "Clients refused with 429.",
     [](server& of) { return static_cast<double>(of.counts().refused_429); }},
    {SLUICE_COUNTER, "cut_slow", "Clients cut because they took nothing for too long.",
     [](server& of) { return static_cast<double>(of.counts().cut_slow); }},
    {SLUICE_COUNTER, "cut_dead", "Clients cut because they answered no ping.",
     [](server& of) { return static_cast<double>(of.counts().cut_dead); }},
    {SLUICE_COUNTER, "frames", "Frames queued for clients.",
     [](server& of) { return static_cast<double>(of.ticker().counts().frames); }},
    {SLUICE_COUNTER, "packets", "Packets in those frames.",
     [](server& of) { return static_cast<double>(of.ticker().counts().packets); }},
    {SLUICE_COUNTER, "texts", "Text messages queued for clients.",
     [](server& of) { return static_cast<double>(of.ticker().counts().texts); }},
    {SLUICE_COUNTER, "skipped_frames", "Frames a client's queue had no room for.",
     [](server& of) { return static_cast<double>(of.ticker().counts().skipped_frames); }},
    {SLUICE_COUNTER, "skipped_packets", "Packets in those frames.",
     [](server& of) { return static_cast<double>(of.ticker().counts().skipped_packets); }},
    {SLUICE_COUNTER, "skipped_texts", "Text messages a client's queue had no room for.",
     [](server& of) { return static_cast<double>(of.ticker().counts().skipped_texts); }},
    {SLUICE_COUNTER, "bad_requests", "Messages of clients that are no request.",
     [](server& of) { return static_cast<double>(of.ticker().counts().bad_requests); }},
}};

}  // namespace

sink::sink(const config& with, sluice::host host)
    : host_{host},
      server_{with, host},
      tick_schema_{host.schema(kite::tick_schema)},
      order_schema_{host.schema(kite::order_schema)} {
  static_assert(metric_rows.size() == metric_count);
  metrics_ = host_.extension<sluice_metrics>(SLUICE_EXT_METRICS);
  if (metrics_ == nullptr) return;
  for (std::size_t i = 0; i < metric_count; ++i)
    metric_numbers_[i] = metrics_->add(host_.raw(), metric_rows[i].kind,
                                       borrow(metric_rows[i].name), borrow(metric_rows[i].doc));
}

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
  if (metrics_ != nullptr && metrics_at_ <= now) {
    metrics_at_ = now + metrics_interval;
    for (std::size_t i = 0; i < metric_count; ++i)
      metrics_->set(host_.raw(), metric_numbers_[i], metric_rows[i].read(server_));
  }
  const time_point next = server_.next();
  if (next == wake_at_) return;
  wake_at_ = next;
  host_.wake_at(next);
}

}  // namespace sluice::kite_server

SLUICE_PLUGIN(sluice::kite_server::sink);
