// Text messages of the ticker protocol, both ways.
#include "harness.hpp"

#include <kite/json.hpp>
#include <kite/text.hpp>
#include <sluice/record.hpp>

#include <array>
#include <string>

using namespace sluice;

namespace {

void check_order(const std::string& order) {
  kite::order_memory memory{4};
  const kite::order_update update = kite::read_order(order);
  FUZZ_REQUIRE(memory.first(update));
  FUZZ_REQUIRE(!memory.first(kite::read_order(order)));

  const kite::server_text again = kite::parse_server_text(kite::order_text(order));
  FUZZ_REQUIRE(again.kind == kite::text_kind::order && again.data == order);

  record made{};
  made.data = reinterpret_cast<const std::uint8_t*>(order.data());
  made.size = static_cast<std::uint32_t>(order.size());
  std::array<char, 256> out;
  kite::order_codec.write_json(&made, out.data(), out.size());
  for (const std::string_view name : {"status", "order_id", "quantity", "nothing"}) {
    sluice_scalar value{};
    kite::order_codec.read_field(&made, borrow(name), &value);
  }
}

void check_notice(const kite::server_text& notice) {
  const bool error = notice.kind == kite::text_kind::error;
  const kite::server_text again = kite::parse_server_text(error ? kite::error_text(notice.data)
                                                                : kite::message_text(notice.data));
  FUZZ_REQUIRE(again.kind == notice.kind && again.data == notice.data);
}

void check_request(const kite::client_request& request) {
  const std::string text = request.action == kite::client_action::subscribe
                               ? kite::subscribe_text(request.tokens)
                           : request.action == kite::client_action::unsubscribe
                               ? kite::unsubscribe_text(request.tokens)
                               : kite::mode_text(request.mode, request.tokens);
  std::string error;
  const auto again = kite::parse_client_text(text, error);
  FUZZ_REQUIRE(again && again->action == request.action && again->tokens == request.tokens);
  FUZZ_REQUIRE(again->ignored == 0);
  if (request.action == kite::client_action::set_mode) FUZZ_REQUIRE(again->mode == request.mode);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const kite::server_text said = kite::parse_server_text(text);
  if (said.kind == kite::text_kind::order) check_order(said.data);
  if (said.kind == kite::text_kind::error || said.kind == kite::text_kind::message)
    check_notice(said);
  if (said.kind == kite::text_kind::malformed) FUZZ_REQUIRE(!said.data.empty());

  std::string error;
  const auto request = kite::parse_client_text(text, error);
  FUZZ_REQUIRE(request || !error.empty());
  if (request) check_request(*request);
  return 0;
}
