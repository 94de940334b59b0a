// The keys of an http_admin service.
#pragma once

#include <sluice/config.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::http_admin {

struct config {
  std::string listen;
  std::optional<std::uint32_t> port;
  secret token;
  std::vector<std::string> allowed_hosts;
  std::optional<std::string> tls_certificate, tls_key;
  std::uint32_t connections{};
  byte_size body_limit{};
  duration request_limit{}, idle_limit{}, live_interval{};
};

inline constexpr double second_ns = 1e9;

inline constexpr auto config_fields = sluice::fields(
    sluice::field<&config::listen>(
        "listen",
        "Numeric address and port to listen on, \"[::1]:8080\" for IPv6; port 0 takes a free one, "
        "which the event `listening` and the metric `port` name.")
        .by_default("127.0.0.1:8080")
        .between(3, 64),
    sluice::field<&config::port>("port", "Instead of the port in `listen`.")
        .between(0, 65'535)
        .from_environment("PROMETHEUS_PORT"),
    sluice::field<&config::token>(
        "token",
        "Bearer token of requests that change something, and of what other machines read beyond "
        "health and metrics; read anew at each. Not set: those are refused."),
    sluice::field<&config::allowed_hosts>(
        "allowed_hosts",
        "Names that requests may call this host by, beside localhost and the address it was "
        "reached at."),
    sluice::field<&config::tls_certificate>(
        "tls_certificate", "PEM file of the certificate chain; with tls_key: serve TLS.")
        .file()
        .between(1, 4'096),
    sluice::field<&config::tls_key>("tls_key", "PEM file of the certificate's private key.")
        .file()
        .between(1, 4'096),
    sluice::field<&config::connections>(
        "connections",
        "Most connections at once. For one more the one is closed that has waited for a request "
        "for longest.")
        .by_default("64")
        .between(2, 1'024)
        .in_unit("connections"),
    sluice::field<&config::body_limit>("body_limit", "Largest body of a request.")
        .by_default("64KiB")
        .between(1'024, 1u << 20)
        .advanced(),
    sluice::field<&config::request_limit>(
        "request_limit", "Time for a request to arrive, and for its answer to be taken.")
        .by_default("5s")
        .between(0.01 * second_ns, 60 * second_ns)
        .advanced(),
    sluice::field<&config::idle_limit>("idle_limit",
                                       "A connection is closed that asks nothing for this long.")
        .by_default("30s")
        .between(0.01 * second_ns, 600 * second_ns)
        .advanced(),
    sluice::field<&config::live_interval>("live_interval",
                                          "Time between two messages of /api/v1/live.")
        .by_default("500ms")
        .between(0.1 * second_ns, 10 * second_ns)
        .advanced());

}  // namespace sluice::http_admin
