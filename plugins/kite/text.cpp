#include <kite/text.hpp>

#include <kite/json_scan.hpp>

#include <boost/json.hpp>

#include <limits>

namespace sluice::kite {
namespace {

namespace json = boost::json;

server_text malformed(std::string why) { return {text_kind::malformed, std::move(why)}; }

/// An object member of a parsed message as text, in the broker's own writing.
server_text with_object(text_kind kind, std::string_view text) {
  const json_token data = find_member(text, "data");
  if (data.kind != json_kind::compound || data.text.front() != '{')
    return malformed("`data` is not an object");
  return {kind, compact(data.text)};
}

server_text with_string(text_kind kind, const json::object& message) {
  const json::value* data = message.if_contains("data");
  if (data == nullptr || !data->is_string()) return malformed("`data` is not a string");
  return {kind, std::string{std::string_view{data->get_string()}}};
}

std::string request(std::string_view action, std::string_view before,
                    std::span<const std::uint32_t> tokens, std::string_view after) {
  std::string made{R"({"a":")"};
  made.append(action).append(R"(","v":)").append(before).append("[");
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i != 0) made += ',';
    made += std::to_string(tokens[i]);
  }
  return made.append("]").append(after).append("}");
}

/// Numbers of 32 bits; the rest is ignored, as the broker does.
void read_tokens(const json::array& list, client_request& into) {
  for (const json::value& entry : list) {
    std::uint64_t token = 0;
    if (entry.is_int64() && entry.get_int64() >= 0)
      token = static_cast<std::uint64_t>(entry.get_int64());
    if (token == 0 || token > std::numeric_limits<std::uint32_t>::max())
      ++into.ignored;
    else
      into.tokens.push_back(static_cast<std::uint32_t>(token));
  }
}

bool read_mode(const json::array& list, client_request& into, std::string& error) {
  if (list.size() != 2 || !list[0].is_string() || !list[1].is_array()) {
    error = "`v` of a mode request is [\"ltp\", \"quote\" or \"full\", [tokens]]";
    return false;
  }
  const auto named = parse_mode(std::string_view{list[0].get_string()});
  if (!named) {
    error = "the mode is none of ltp, quote, full";
    return false;
  }
  into.mode = *named;
  read_tokens(list[1].get_array(), into);
  return true;
}

}  // namespace

server_text parse_server_text(std::string_view text) {
  json::error_code failure;
  const json::value parsed = json::parse(text, failure);
  if (failure) return malformed("not JSON: " + failure.message());
  if (!parsed.is_object()) return malformed("not an object");
  const json::object& message = parsed.get_object();
  const json::value* type = message.if_contains("type");
  if (type == nullptr || !type->is_string()) return malformed("`type` is not a string");

  const std::string_view name = type->get_string();
  if (name == "order") return with_object(text_kind::order, text);
  if (name == "error") return with_string(text_kind::error, message);
  if (name == "message") return with_string(text_kind::message, message);
  if (name == "instruments_meta") return with_object(text_kind::instruments_meta, text);
  if (name == "app_code") return {text_kind::app_code, {}};
  return {text_kind::other, std::string{name}};
}

std::string order_update::identity() const {
  return order_id + '\n' + status + '\n' + std::to_string(filled_quantity) + '\n' +
         exchange_update_timestamp;
}

order_update read_order(std::string_view order) {
  const auto text = [order](std::string_view name) {
    const json_token found = find_member(order, name);
    const bool names = found.kind == json_kind::string || found.kind == json_kind::integer;
    return std::string{names ? found.text : std::string_view{}};
  };
  const auto number = [order](std::string_view name) {
    const json_token found = find_member(order, name);
    return found.kind == json_kind::integer && found.integer > 0
               ? static_cast<std::uint64_t>(found.integer)
               : std::uint64_t{0};
  };
  order_update made;
  made.order_id = text("order_id");
  made.status = text("status");
  made.exchange_update_timestamp = text("exchange_update_timestamp");
  made.symbol = text("tradingsymbol");
  made.filled_quantity = number("filled_quantity");
  const std::uint64_t token = number("instrument_token");
  if (token <= std::numeric_limits<std::uint32_t>::max())
    made.token = static_cast<std::uint32_t>(token);
  return made;
}

bool order_memory::first(const order_update& update) {
  const auto [place, inserted] = seen_.insert(update.identity());
  if (!inserted) return false;
  order_.push_back(*place);
  if (order_.size() > capacity_) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

std::string order_text(std::string_view order) {
  return std::string{R"({"type":"order","data":)"}.append(order).append("}");
}
std::string error_text(std::string_view what) {
  return R"({"type":"error","data":)" + quote(what) + "}";
}
std::string message_text(std::string_view what) {
  return R"({"type":"message","data":)" + quote(what) + "}";
}

std::string subscribe_text(std::span<const std::uint32_t> tokens) {
  return request("subscribe", "", tokens, "");
}
std::string unsubscribe_text(std::span<const std::uint32_t> tokens) {
  return request("unsubscribe", "", tokens, "");
}
std::string mode_text(mode which, std::span<const std::uint32_t> tokens) {
  return request("mode", std::string{"[\""}.append(name_of(which)).append("\","), tokens, "]");
}

std::optional<client_request> parse_client_text(std::string_view text, std::string& error) {
  json::error_code failure;
  const json::value parsed = json::parse(text, failure);
  const json::object* message = failure ? nullptr : parsed.if_object();
  const json::value* action = message == nullptr ? nullptr : message->if_contains("a");
  const json::value* value = message == nullptr ? nullptr : message->if_contains("v");
  if (action == nullptr || !action->is_string() || value == nullptr || !value->is_array()) {
    error = failure ? "not JSON: " + failure.message() : "not an object with `a` and a list `v`";
    return std::nullopt;
  }
  client_request made;
  const std::string_view name = action->get_string();
  if (name == "mode") {
    made.action = client_action::set_mode;
    if (!read_mode(value->get_array(), made, error)) return std::nullopt;
    return made;
  }
  if (name != "subscribe" && name != "unsubscribe") {
    error = "`a` is none of subscribe, unsubscribe, mode";
    return std::nullopt;
  }
  made.action = name == "subscribe" ? client_action::subscribe : client_action::unsubscribe;
  read_tokens(value->get_array(), made);
  return made;
}

}  // namespace sluice::kite
