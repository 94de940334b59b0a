#include "control.hpp"

#include "ticker.hpp"

#include <kite/text.hpp>

#include <boost/json.hpp>

namespace sluice::kite_server {
namespace {

namespace json = boost::json;

/// The body as an object; nothing and `why` if it is not one.
std::optional<json::object> parse_object(std::string_view body, http_answer& why) {
  boost::system::error_code error;
  json::value parsed = json::parse({body.data(), body.size()}, error);
  if (error) {
    why = refuse(400, "the body is not JSON: " + error.message());
    return std::nullopt;
  }
  if (!parsed.is_object()) {
    why = refuse(400, "the body is not a JSON object");
    return std::nullopt;
  }
  return std::move(parsed.get_object());
}

std::optional<std::string> text_of(const json::object& body, std::string_view name) {
  const json::value* found = body.if_contains({name.data(), name.size()});
  if (found == nullptr || !found->is_string()) return std::nullopt;
  return std::string{found->get_string().data(), found->get_string().size()};
}

control_request parse_misbehave(const json::object& body) {
  const auto name = text_of(body, "mode");
  const auto mode = name ? parse_misbehaviour(*name) : std::nullopt;
  if (!mode) return refuse(400, "mode: allowed are " + std::string{misbehaviour_choices});
  want_misbehaviour wanted{*mode, {}};
  if (const json::value* seconds = body.if_contains("seconds")) {
    boost::system::error_code error;
    const double number = seconds->to_number<double>(error);
    if (error || !(number > 0 && number <= 86'400))
      return refuse(400, "seconds: a number above 0 and at most 86400");
    wanted.lasts = std::chrono::duration_cast<duration>(std::chrono::duration<double>{number});
  }
  return wanted;
}

control_request parse_message(const json::object& body) {
  const auto type = text_of(body, "type"), data = text_of(body, "data");
  if (!type || !data || (*type != "error" && *type != "message"))
    return refuse(400, R"(type: allowed are error, message; data: a string)");
  return want_text{*type == "error" ? kite::error_text(*data) : kite::message_text(*data)};
}

control_request parse_token(const json::object& body) {
  auto token = text_of(body, "token");
  if (!token || token->empty() || token->size() > 4'096)
    return refuse(400, "token: a string of 1 to 4096 characters");
  return want_token{std::move(*token)};
}

json::object counts_json(const client_counts& counts) {
  return {{"frames", counts.frames},
          {"packets", counts.packets},
          {"heartbeats", counts.heartbeats},
          {"texts", counts.texts},
          {"requests", counts.requests},
          {"bad_requests", counts.bad_requests},
          {"skipped_frames", counts.skipped_frames},
          {"skipped_packets", counts.skipped_packets},
          {"skipped_texts", counts.skipped_texts}};
}

json::object client_json(const client& of) {
  std::array<std::uint64_t, 3> in_mode{};
  for (const auto& [token, mode] : of.modes()) ++in_mode[static_cast<std::size_t>(mode)];
  json::object made = counts_json(of.counts());
  made["id"] = of.id();
  made["subscribed"] = of.modes().size();
  made["modes"] = {{"ltp", in_mode[0]}, {"quote", in_mode[1]}, {"full", in_mode[2]}};
  made["queued_messages"] = of.queue().messages();
  made["queued_bytes"] = of.queue().bytes();
  return made;
}

}  // namespace

http_answer refuse(unsigned status, std::string_view why) {
  return {status,
          json::serialize(json::object{{"error", json::string_view{why.data(), why.size()}}}),
          {}};
}

control_request parse_control(std::string_view method, std::string_view target,
                              std::string_view body) {
  const std::string_view path = target.substr(0, target.find('?'));
  const bool reads = path == "/status";
  const bool changes =
      path == "/misbehave" || path == "/order" || path == "/message" || path == "/token";
  if (!reads && !changes)
    return refuse(404, "there are /status, /misbehave, /order, /message and /token");
  if (method != (reads ? "GET" : "POST")) {
    http_answer answer = refuse(405, reads ? "GET only" : "POST only");
    answer.allow = reads ? "GET" : "POST";
    return answer;
  }
  if (reads) return want_status{};

  http_answer why;
  const auto object = parse_object(body, why);
  if (!object) return why;
  if (path == "/misbehave") return parse_misbehave(*object);
  if (path == "/message") return parse_message(*object);
  if (path == "/token") return parse_token(*object);
  return want_text{kite::order_text(json::serialize(*object))};
}

std::string status_json(const server_counts& server, const ticker& of) {
  json::array clients;
  for (const auto& each : of.clients()) clients.push_back(client_json(*each));
  const std::string_view mode = name_of(server.misbehaving);
  return json::serialize(json::object{
      {"listening", server.listening},
      {"misbehave", json::string_view{mode.data(), mode.size()}},
      {"instruments", of.instruments()},
      {"accepted", server.accepted},
      {"refused",
       {{"400", server.refused_400}, {"403", server.refused_403}, {"429", server.refused_429}}},
      {"closed",
       {{"crowded", server.crowded},
        {"late", server.late},
        {"slow", server.cut_slow},
        {"dead", server.cut_dead},
        {"commanded", server.cut_wanted}}},
      {"clients", std::move(clients)},
      {"totals", counts_json(of.counts())}});
}

}  // namespace sluice::kite_server
