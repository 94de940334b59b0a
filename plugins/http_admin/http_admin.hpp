// http_admin: a service that shows the pipeline over HTTP, and takes commands for it.
#pragma once

#include "config.hpp"
#include "server.hpp"

#include <sluice/meters.hpp>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>

namespace sluice::http_admin {

enum class meter : std::uint8_t { port, connections, requests, refused, cut, displaced };

inline constexpr std::array meter_rows{
    gauge(meter::port, "port", "The port listened on."),
    gauge(meter::connections, "connections", "Connections that are open."),
    counter(meter::requests, "requests", "Requests answered."),
    counter(meter::refused, "refused", "Requests refused for their token."),
    counter(meter::cut, "cut", "Requests ended by a limit of time or size."),
    counter(meter::displaced, "displaced", "Connections closed to make room for another.")};

class service {
 public:
  using config = http_admin::config;
  static constexpr auto& fields = config_fields;
  static constexpr sluice::description about{
      "http_admin", "0.1.0",
      "Shows the pipeline over HTTP: metrics, health, levels, a dashboard; and takes commands.",
      SLUICE_SERVICE, SLUICE_CAN_IO};

  service(const config& with, sluice::host host);
  static void validate(const config& with, sluice::problems& found);

  void start();
  void on_timer(sluice::time_point now);
  void poll(sluice::duration wait);
  void wake() { server_.wake(); }
  bool drain(sluice::time_point deadline);

 private:
  void after(sluice::time_point now);
  void publish_meters();

  sluice::host host_;
  server server_;
  sluice::time_point wake_at_ = never;
  meters<meter_rows> meters_;
};

}  // namespace sluice::http_admin
