// What kite_server reads of strangers: the query of an upgrade, requests of clients, control
// requests. An input is a script, a line each: the first byte says what the rest is.
#include "harness.hpp"

#include <kite_server/admission.hpp>
#include <kite_server/control.hpp>
#include <kite_server/ticker.hpp>

#include <array>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::kite_server;

namespace {

constexpr std::array<std::string_view, 6> paths{"/status",  "/misbehave", "/order",
                                                "/message", "/token",     "/nothing"};

void control(fuzz::input line, ticker& of, time_point now) {
  const std::string_view path = paths[line.byte() % paths.size()];
  const control_request asked =
      parse_control(line.byte() % 2 == 0 ? "POST" : "GET", path, line.rest());
  if (const auto* refused = std::get_if<http_answer>(&asked))
    FUZZ_REQUIRE(refused->status >= 400 && refused->body.find("error") != std::string::npos);
  if (const auto* text = std::get_if<want_text>(&asked)) of.broadcast(text->text, now);
  if (const auto* wanted = std::get_if<want_misbehaviour>(&asked)) of.misbehave(wanted->mode);
  status_json({}, of);
}

void empty_queues(ticker& of) {
  for (const auto& each : of.clients())
    for (outbox& queue = each->queue(); !queue.empty(); queue.pop())
      FUZZ_REQUIRE(!queue.front().bytes.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ticker_limits limits;
  limits.client = {8, 4'096, 16};
  limits.instruments_per_socket = 20;
  ticker broker{limits};
  time_point now{};
  fuzz::input script{data, size};
  while (!script.empty()) {
    const std::string_view text = script.until('\n');
    fuzz::input line{reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    now += std::chrono::milliseconds{20};
    const std::uint8_t what = line.byte();
    const auto& clients = broker.clients();
    client* some = clients.empty() ? nullptr : clients[what % clients.size()].get();
    switch (what % 6) {
      case 0:
        if (const auto who = parse_credentials(line.rest())) broker.connect(who->api_key, now);
        break;
      case 1:
        if (some != nullptr) broker.disconnect(*some);
        break;
      case 2: control(line, broker, now); break;
      case 3: {
        const std::string_view wire = line.rest();
        broker.tick({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()}, now);
        break;
      }
      case 4: empty_queues(broker); break;
      default:
        if (some != nullptr) broker.request(*some, line.rest(), now);
    }
    broker.on_time(now);
    FUZZ_REQUIRE(broker.next() > now);
    for (const auto& each : broker.clients()) {
      FUZZ_REQUIRE(each->modes().size() <= limits.instruments_per_socket);
      FUZZ_REQUIRE(each->queue().bytes() <= limits.client.queue_bytes);
    }
  }
  empty_queues(broker);
  while (!broker.clients().empty()) broker.disconnect(*broker.clients().front());
  return 0;
}
