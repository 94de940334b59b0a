#include "control/protocol.hpp"

#include <boost/json.hpp>

#include <stdexcept>

namespace sluice::control {

namespace json = boost::json;

namespace {

json::object parse_object(std::string_view line, const char* what) {
  json::error_code failed;
  const json::value whole = json::parse(line, failed);
  if (failed || !whole.is_object())
    throw std::runtime_error{std::string{what} + " is not a JSON object"};
  return whole.as_object();
}

}  // namespace

std::string render(const request& asked) {
  if (!asked.act.empty()) return asked.act + "\n";
  return json::serialize(json::object{{"get", asked.get}, {"after", asked.after}}) + "\n";
}

request parse_request(std::string_view line) {
  const json::object whole = parse_object(line, "the request");
  if (whole.contains("do")) return {"", 0, json::serialize(whole)};
  const json::value* get = whole.if_contains("get");
  if (get == nullptr || !get->is_string())
    throw std::runtime_error{"the request has no \"get\"; it reads {\"get\": \"status\"}"};
  request asked{std::string{get->as_string()}, 0};
  if (const json::value* after = whole.if_contains("after")) {
    json::error_code failed;
    asked.after = after->to_number<std::uint64_t>(failed);
    if (failed) throw std::runtime_error{"\"after\" is not the number of an event"};
  }
  return asked;
}

std::string reply_header(std::size_t bytes) {
  return json::serialize(json::object{{"ok", true}, {"bytes", bytes}}) + "\n";
}

std::string refusal(std::string_view error) {
  return json::serialize(json::object{{"ok", false}, {"error", error}}) + "\n";
}

std::size_t parse_reply_header(std::string_view line) {
  const json::object whole = parse_object(line, "the reply");
  const json::value* ok = whole.if_contains("ok");
  const json::value* bytes = whole.if_contains("bytes");
  const json::value* error = whole.if_contains("error");
  if (error != nullptr && error->is_string())
    throw std::runtime_error{std::string{error->as_string()}};
  json::error_code failed;
  const std::size_t size = bytes == nullptr ? 0 : bytes->to_number<std::size_t>(failed);
  if (ok == nullptr || !ok->is_bool() || !ok->as_bool() || bytes == nullptr || failed)
    throw std::runtime_error{"the reply is not a Sluice pipeline's"};
  return size;
}

}  // namespace sluice::control
