// kite_server: a sink that serves what it is fed as a Kite ticker over WebSocket.
#pragma once

#include "config.hpp"
#include "meters.hpp"
#include "server.hpp"

#include <sluice/stage.hpp>

#include <cstdint>

namespace sluice::kite_server {

class sink {
 public:
  using config = kite_server::config;
  static constexpr auto& fields = config_fields;
  static constexpr sluice::description about{
      "kite_server", "0.1.0",
      "Serves what it is fed as a Kite ticker over WebSocket, and misbehaves on command.",
      SLUICE_SINK, SLUICE_CAN_IO};

  sink(const config& with, sluice::host host);
  static void validate(const config& with, sluice::problems& found);

  void start();
  /// A tick is published when it is accepted for serving, whether anybody subscribed to it or not.
  void process(sluice::batch& records);
  void on_timer(sluice::time_point now);
  void poll(sluice::duration wait);
  void wake() { server_.wake(); }
  bool drain(sluice::time_point deadline);

 private:
  void after(sluice::time_point now);
  void publish_meters();

  sluice::host host_;
  server server_;
  std::uint16_t tick_schema_, order_schema_;
  sluice::time_point wake_at_ = never;
  sluice::time_point metrics_at_{};
  meters meters_;
};

}  // namespace sluice::kite_server
