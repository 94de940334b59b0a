// The keys of a kite_server stage.
#pragma once

#include "misbehaviour.hpp"

#include <sluice/config.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::kite_server {

struct config {
  std::string listen;
  std::optional<std::string> announce_file;
  std::string api_keys;
  secret access_token;
  duration frame_interval{};
  std::uint32_t frame_packets{};
  duration heartbeat_interval{};
  duration ping_interval{};
  std::uint32_t clients{};
  std::uint32_t sockets_per_key{};
  std::uint32_t instruments_per_socket{};
  byte_size send_queue{};
  duration stall_limit{};
  byte_size message_limit{};
  duration handshake_limit{};
  bool greeting{};
  bool control{};
  std::optional<std::string> tls_certificate, tls_key;
  misbehaviour misbehave{};
  duration cut_after{};
  std::uint32_t drip_rate{};
  std::uint64_t seed{};
};

inline constexpr double second_ns = 1e9;

inline constexpr auto config_fields = sluice::fields(
    sluice::field<&config::listen>(
        "listen",
        "Numeric address and port to listen on, \"[::1]:9010\" for IPv6; port 0 takes a "
        "free one, which the event `listening` and `announce_file` name.")
        .by_default("127.0.0.1:9010")
        .between(3, 64),
    sluice::field<&config::announce_file>(
        "announce_file",
        "File to write the address listened on to, by rename, so that scripts find it.")
        .between(1, 4'096),
    sluice::field<&config::api_keys>("api_keys",
                                     "api_key values that are accepted, separated by commas; "
                                     "empty: any that is not empty.")
        .by_default("")
        .between(0, 4'096),
    sluice::field<&config::access_token>(
        "access_token",
        "Access tokens that are accepted, separated by commas, read anew at each "
        "connection; not set: any that is not empty."),
    sluice::field<&config::frame_interval>(
        "frame_interval", "Ticks are gathered for this long into one frame; 0: as long as a batch.")
        .by_default("50ms")
        .between(0, 10 * second_ns),
    sluice::field<&config::frame_packets>("frame_packets", "Most packets in one frame.")
        .by_default("3000")
        .between(1, 65'535)
        .in_unit("packets"),
    sluice::field<&config::heartbeat_interval>(
        "heartbeat_interval", "A client to which nothing was sent for this long gets a heartbeat.")
        .by_default("1s")
        .between(0.01 * second_ns, 60 * second_ns),
    sluice::field<&config::ping_interval>(
        "ping_interval", "WebSocket pings; a client heard nothing of for three of them is cut.")
        .by_default("10s")
        .between(0.1 * second_ns, 600 * second_ns)
        .advanced(),
    sluice::field<&config::clients>("clients", "Most connections at once; one more is closed.")
        .by_default("64")
        .between(1, 1'024)
        .in_unit("connections"),
    sluice::field<&config::sockets_per_key>(
        "sockets_per_key", "Most clients of one api_key; one more is refused with 429.")
        .by_default("3")
        .between(1, 1'024)
        .in_unit("clients"),
    sluice::field<&config::instruments_per_socket>(
        "instruments_per_socket",
        "Most instruments of one client; a request for more is answered "
        "with an error text and changes nothing.")
        .by_default("3000")
        .between(1, 65'535)
        .in_unit("instruments"),
    sluice::field<&config::send_queue>(
        "send_queue", "What may wait for one client; frames that do not fit are skipped, counted.")
        .by_default("4MiB")
        .between(1u << 20, 256u << 20),
    sluice::field<&config::stall_limit>(
        "stall_limit", "A client whose frames were all skipped for this long is cut.")
        .by_default("5s")
        .between(0.01 * second_ns, 600 * second_ns),
    sluice::field<&config::message_limit>("message_limit",
                                          "Largest message of a client; a larger one closes it.")
        .by_default("256KiB")
        .between(1'024, 16u << 20)
        .advanced(),
    sluice::field<&config::handshake_limit>("handshake_limit",
                                            "Time for a connection to complete its request.")
        .by_default("5s")
        .between(0.01 * second_ns, 60 * second_ns)
        .advanced(),
    sluice::field<&config::greeting>(
        "greeting", "Send the texts instruments_meta and app_code first, as the broker does.")
        .by_default("true"),
    sluice::field<&config::control>(
        "control",
        "Answer GET /status and POST /misbehave, /order, /message and /token of "
        "loopback peers on the same port.")
        .by_default("true"),
    sluice::field<&config::tls_certificate>(
        "tls_certificate", "PEM file of the certificate chain; with tls_key: serve TLS.")
        .file()
        .between(1, 4'096),
    sluice::field<&config::tls_key>("tls_key", "PEM file of the certificate's private key.")
        .file()
        .between(1, 4'096),
    sluice::field<&config::misbehave>(
        "misbehave", "Misbehave from the start; POST /misbehave changes it while it runs.")
        .by_default("none")
        .one_of(misbehaviour_choices),
    sluice::field<&config::cut_after>("cut_after",
                                      "With misbehave = \"cut\": each client's age when it is cut.")
        .by_default("5s")
        .between(0, 86'400 * second_ns)
        .advanced(),
    sluice::field<&config::drip_rate>("drip_rate", "What slow_drip lets through.")
        .by_default("100")
        .between(1, 1'000'000)
        .in_unit("bytes/s")
        .advanced(),
    sluice::field<&config::seed>("seed", "Of the damage that misbehave = \"malformed\" does.")
        .by_default("1")
        .advanced());

}  // namespace sluice::kite_server
