// kite_source - ticks and order updates of Zerodha's Kite Connect WebSocket feed. See README.md.
#pragma once

#include <kite/json.hpp>
#include <kite/packet.hpp>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::kite_source {

class source {
 public:
  struct config {
    std::string url;
    secret api_key, access_token;
    std::string instruments;
    std::vector<std::string> tokens, symbols, exchanges, segments, types, watch;
    kite::mode mode = kite::mode::full;
    std::optional<std::int64_t> connections;
    bool orders = true;
    bool tls_verify = true;
    std::string ca_file;
    duration connect_timeout{}, silence_timeout{}, stall_timeout{};
    std::string market_hours;
    duration backoff_first{}, backoff_max{}, rate_limit_wait{}, token_poll{}, token_retry{};
    byte_size message_limit, receive_buffer;
  };

  static constexpr description about{"kite_source", "0.1.0",
                                     "Ticks and order updates of the Kite Connect WebSocket feed.",
                                     SLUICE_SOURCE, SLUICE_CAN_IO | SLUICE_NEVER_DELAY};

  static constexpr auto fields = sluice::fields(
      field<&config::url>("url",
                          "Where the ticker is: ws:// or wss://, host, port. Secrets do not belong "
                          "here.")
          .by_default("wss://ws.kite.trade"),
      field<&config::api_key>("api_key", "The app's API key; read anew before every dial.")
          .required(),
      field<&config::access_token>(
          "access_token",
          "The day's access token; read anew before every dial. After a refusal the source waits "
          "until this is another.")
          .required(),
      field<&config::instruments>(
          "instruments",
          "The broker's instruments file (CSV): it names symbols and describes instruments, and "
          "without tokens and symbols all of it is subscribed.")
          .file(),
      field<&config::tokens>("tokens",
                             "Instrument tokens to subscribe, each with =ltp, =quote or =full "
                             "behind it if it differs from mode."),
      field<&config::symbols>("symbols",
                              "Instruments to subscribe as EXCHANGE:SYMBOL of the instruments "
                              "file, with a mode behind = as in tokens."),
      field<&config::exchanges>("exchanges",
                                "Subscribes rows of the instruments file: only of these exchanges "
                                "(NSE, NFO, ...)."),
      field<&config::segments>("segments",
                               "Subscribes rows of the instruments file: only of these segments "
                               "(NSE, NFO-OPT, INDICES, ...)."),
      field<&config::types>("types",
                            "Subscribes rows of the instruments file: only of these types "
                            "(options, futures, underlying, equity)."),
      field<&config::watch>("watch",
                            "At most 100 instruments, as in tokens or symbols, whose ticks have "
                            "priority 0: no policy drops them. They are subscribed too."),
      field<&config::mode>("mode", "What is sent of an instrument unless it says otherwise.")
          .one_of("ltp|quote|full")
          .by_default("full"),
      field<&config::connections>("connections",
                                  "Connections to spread the instruments over, 3,000 each at most; "
                                  "as few as suffice if not set. A key may have 3 in all.")
          .between(1, 3),
      field<&config::orders>("orders", "Whether order updates become records (kite.order/1).")
          .by_default("true"),
      field<&config::tls_verify>("tls_verify",
                                 "Whether the server's certificate and its name are checked.")
          .by_default("true")
          .advanced(),
      field<&config::ca_file>("ca_file", "Certificates (PEM) to trust instead of the system's.")
          .file()
          .advanced(),
      field<&config::connect_timeout>("connect_timeout",
                                      "A dial that takes longer is aborted: look-up, TCP, TLS and "
                                      "upgrade in all.")
          .by_default("10s")
          .between(1e8, 3e11)
          .advanced(),
      field<&config::silence_timeout>("silence_timeout",
                                      "A connection on which nothing came for so long, not even a "
                                      "heartbeat or a ping, is aborted.")
          .by_default("5s")
          .between(1e8, 3e11)
          .advanced(),
      field<&config::stall_timeout>("stall_timeout",
                                    "In market hours a connection with heartbeats but no ticks for "
                                    "so long is dialled anew, once; 0: never.")
          .by_default("120s")
          .between(0, 3.6e12)
          .advanced(),
      field<&config::market_hours>("market_hours",
                                   "When ticks are to be expected, HH:MM-HH:MM in India's time, "
                                   "Monday to Friday.")
          .by_default("09:15-15:30")
          .advanced(),
      field<&config::backoff_first>("backoff_first",
                                    "The longest first pause after a lost connection; pauses are "
                                    "random from 0 and their longest doubles with each failure.")
          .by_default("1s")
          .between(1e7, 6e10)
          .advanced(),
      field<&config::backoff_max>("backoff_max", "The longest pause between dials.")
          .by_default("60s")
          .between(1e7, 3.6e12)
          .advanced(),
      field<&config::rate_limit_wait>("rate_limit_wait",
                                      "The pause of all dials after a 429, doubled up to 8 times "
                                      "it when that repeats.")
          .by_default("60s")
          .between(1e8, 3.6e12)
          .advanced(),
      field<&config::token_poll>("token_poll",
                                 "How often a new access token is looked for after a refusal.")
          .by_default("2s")
          .between(1e8, 3.6e12)
          .advanced(),
      field<&config::token_retry>("token_retry",
                                  "A refused token is tried once more after so long; 0: never.")
          .by_default("300s")
          .between(0, 8.64e13)
          .advanced(),
      field<&config::message_limit>("message_limit",
                                    "A larger message ends the connection; the largest legal one "
                                    "has 558,002 bytes.")
          .by_default("2MiB")
          .between(65'536, 67'108'864)
          .advanced(),
      field<&config::receive_buffer>("receive_buffer",
                                     "The kernel's buffer of a socket, if the system allows that "
                                     "much (net.core.rmem_max); else, and with 0, the kernel sizes "
                                     "it.")
          .by_default("4MiB")
          .between(0, 268'435'456)
          .advanced());

  static constexpr std::array<std::string_view, 2> emits{kite::tick_schema, kite::order_schema};
  static constexpr std::array codecs{&kite::tick_codec, &kite::order_codec};

  static void validate(const config& given, problems& found);

  /// Throws std::runtime_error if the instruments or certificates cannot be used.
  source(const config& given, host to);
  ~source();

  void start();
  void poll(duration wait);
  void wake();
  void on_timer(time_point now);
  bool drain(time_point deadline);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace sluice::kite_source
