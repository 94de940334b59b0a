#include "http_admin.hpp"

#include "tcp_listener/listen.hpp"

#include <stdexcept>
#include <string_view>

namespace sluice::http_admin {
namespace {

struct metric_row {
  std::uint32_t kind;
  std::string_view name, doc;
  double (*read)(const server& of);
};

constexpr std::array<metric_row, 6> metric_rows{{
    {SLUICE_GAUGE, "port", "The port listened on.",
     [](const server& of) { return static_cast<double>(of.port()); }},
    {SLUICE_GAUGE, "connections", "Connections that are open.",
     [](const server& of) { return static_cast<double>(of.connections()); }},
    {SLUICE_COUNTER, "requests", "Requests answered.",
     [](const server& of) { return static_cast<double>(of.counts().requests); }},
    {SLUICE_COUNTER, "refused", "Requests refused for their token.",
     [](const server& of) { return static_cast<double>(of.counts().refused); }},
    {SLUICE_COUNTER, "cut", "Requests ended by a limit of time or size.",
     [](const server& of) { return static_cast<double>(of.counts().cut); }},
    {SLUICE_COUNTER, "displaced", "Connections closed to make room for another.",
     [](const server& of) { return static_cast<double>(of.counts().displaced); }},
}};

}  // namespace

service::service(const config& with, sluice::host host)
    : host_{host},
      server_{with, host},
      metrics_{host.extension<sluice_metrics>(SLUICE_EXT_METRICS)} {
  if (metrics_ == nullptr) return;
  for (std::size_t i = 0; i < metric_rows.size(); ++i)
    metric_numbers_[i] = metrics_->add(host_.raw(), metric_rows[i].kind,
                                       borrow(metric_rows[i].name), borrow(metric_rows[i].doc));
}

void service::validate(const config& with, sluice::problems& found) {
  if (with.tls_certificate.has_value() != with.tls_key.has_value())
    found.add(with.tls_certificate ? "tls_key" : "tls_certificate",
              "tls_certificate and tls_key are given together or not at all");
  try {
    tcp_listener::parse_endpoint(with.listen, example_port);
  } catch (const std::runtime_error& error) {
    const std::string_view message = error.what();
    found.add("listen", message.substr(message.find(": ") + 2));
  }
}

void service::start() {
  server_.start();
  after(host_.now());
}

void service::on_timer(sluice::time_point now) {
  wake_at_ = never;
  server_.on_time(now);
  after(now);
}

void service::poll(sluice::duration wait) {
  server_.poll(wait);
  after(host_.now());
}

bool service::drain(sluice::time_point) {
  server_.close();
  return true;
}

/// Behind every call: asks for the next wake-up if it is another one than before.
void service::after(sluice::time_point) {
  if (metrics_ != nullptr)
    for (std::size_t i = 0; i < metric_rows.size(); ++i)
      metrics_->set(host_.raw(), metric_numbers_[i], metric_rows[i].read(server_));
  const time_point next = server_.next();
  if (next == wake_at_) return;
  wake_at_ = next;
  host_.wake_at(next);
}

}  // namespace sluice::http_admin

SLUICE_PLUGIN(sluice::http_admin::service);
