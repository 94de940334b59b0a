// kite/text.hpp - the text messages of the ticker protocol, both ways.
#pragma once

#include <kite/packet.hpp>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace sluice::kite {

// --- server to client ----------------------------------------------------------------------------

enum class text_kind : std::uint8_t {
  order,             ///< data: the order update, a JSON object (kite.order/1)
  error,             ///< data: what the server said; the connection is unaffected
  message,           ///< data: a notice of the broker
  instruments_meta,  ///< data: a JSON object; a change says that the instruments file changed
  app_code,          ///< no data
  other,             ///< a type we do not know; data: its name
  malformed          ///< data: why
};

struct server_text {
  text_kind kind = text_kind::malformed;
  std::string data;
};

/// Never throws for bad input. JSON data comes without white space between its parts.
server_text parse_server_text(std::string_view text);

/// What tells order updates apart and routes them.
struct order_update {
  std::string order_id, status, exchange_update_timestamp, symbol;
  std::uint64_t filled_quantity = 0;
  std::uint32_t token = 0;  ///< 0: none given

  /// Equal for copies of one update: the server repeats them, and each socket may get one.
  std::string identity() const;
};
/// `order`: a server_text's data of kind order. Members that are missing or of a wrong type stay
/// empty.
order_update read_order(std::string_view order);

/// Remembers the last `capacity` order updates.
class order_memory {
 public:
  explicit order_memory(std::size_t capacity = 4'096) : capacity_{capacity} {}
  /// True the first time.
  bool first(const order_update& update);

 private:
  std::size_t capacity_;
  std::unordered_set<std::string> seen_;
  std::deque<std::string> order_;
};

/// A server's messages, for servers and tests. `order`: a JSON object.
std::string order_text(std::string_view order);
std::string error_text(std::string_view what);
std::string message_text(std::string_view what);

// --- client to server ----------------------------------------------------------------------------

enum class client_action : std::uint8_t { subscribe, unsubscribe, set_mode };

struct client_request {
  client_action action = client_action::subscribe;
  kite::mode mode = mode::quote;  ///< of set_mode
  std::vector<std::uint32_t> tokens;
  std::size_t ignored = 0;  ///< list entries that are not numbers of 32 bits; the broker skips them
};

std::string subscribe_text(std::span<const std::uint32_t> tokens);
std::string unsubscribe_text(std::span<const std::uint32_t> tokens);
std::string mode_text(mode which, std::span<const std::uint32_t> tokens);

/// Empty: not a request; the reason in `error`.
std::optional<client_request> parse_client_text(std::string_view text, std::string& error);

}  // namespace sluice::kite
