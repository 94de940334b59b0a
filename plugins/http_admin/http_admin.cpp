#include "http_admin.hpp"

#include "tcp_listener/listen.hpp"

#include <stdexcept>
#include <string_view>

namespace sluice::http_admin {
service::service(const config& with, sluice::host host)
    : host_{host}, server_{with, host}, meters_{host} {}

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
  publish_meters();
  const time_point next = server_.next();
  if (next == wake_at_) return;
  wake_at_ = next;
  host_.wake_at(next);
}

void service::publish_meters() {
  meters_[meter::port] = static_cast<double>(server_.port());
  meters_[meter::connections] = static_cast<double>(server_.connections());
  meters_[meter::requests] = static_cast<double>(server_.counts().requests);
  meters_[meter::refused] = static_cast<double>(server_.counts().refused);
  meters_[meter::cut] = static_cast<double>(server_.counts().cut);
  meters_[meter::displaced] = static_cast<double>(server_.counts().displaced);
  meters_.publish();
}

}  // namespace sluice::http_admin

SLUICE_PLUGIN(sluice::http_admin::service);
