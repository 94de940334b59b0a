#include "routes.hpp"

#include "access.hpp"
#include "assets.hpp"
#include "views.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <stdexcept>

namespace sluice::http_admin {

namespace json = boost::json;

namespace {

struct question {
  const request& asked;
  std::string_view path, query;
  pipeline_door& door;
};

json::object status_of(pipeline_door& door, std::uint64_t after = UINT64_MAX) {
  const auto text = door.document("status", after);
  if (!text) throw std::runtime_error{"the pipeline shows no status"};
  return json::parse(*text).as_object();
}

answer reply(const json::value& body, unsigned status = 200) {
  return {status, json::serialize(body) + "\n"};
}

template <json::object (*View)(const json::object&)>
answer view(const question& of) {
  return reply(View(status_of(of.door)));
}

template <const char* Name>
answer document(const question& of) {
  auto text = of.door.document(Name, 0);
  return text ? answer{200, std::move(*text) + "\n"} : refuse(404, "this host does not have it");
}

/// ?after=N: those numbered above.
template <const char* Name>
answer numbered(const question& of) {
  std::uint64_t after = 0;
  if (!of.query.empty()) {
    constexpr std::string_view key = "after=";
    const char* const end = of.query.data() + of.query.size();
    if (!of.query.starts_with(key)) return refuse(400, "the query is not after=NUMBER");
    const auto [stop, wrong] = std::from_chars(of.query.data() + key.size(), end, after);
    if (wrong != std::errc{} || stop != end) return refuse(400, "the query is not after=NUMBER");
  }
  auto text = of.door.document(Name, after);
  return text ? answer{200, std::move(*text) + "\n"} : refuse(404, "this host does not have it");
}

/// Any query but ?after=N is the tap's.
answer tap(const question& of) {
  constexpr std::string_view key = "after=";
  std::string_view query = of.query;
  std::uint64_t after = 0;
  if (const std::size_t at = query.rfind(key);
      at != std::string_view::npos && (at == 0 || query[at - 1] == '&')) {
    const char* const end = query.data() + query.size();
    const auto [stop, wrong] = std::from_chars(query.data() + at + key.size(), end, after);
    if (wrong != std::errc{} || stop != end)
      return refuse(400, "after=NUMBER is the last of the query");
    query = query.substr(0, at == 0 ? 0 : at - 1);
  }
  try {
    auto text = of.door.document("tap?" + std::string{query}, after);
    return text ? answer{200, std::move(*text) + "\n"} : refuse(404, "this host does not have it");
  } catch (const std::invalid_argument& mistake) {
    return refuse(400, mistake.what());
  }
}

answer metrics(const question& of) {
  auto text = of.door.document("metrics", 0);
  if (!text) return refuse(503, "the pipeline shows no metrics");
  return {200, std::move(*text), "text/plain; version=0.0.4; charset=utf-8"};
}

answer health_answer(const question& of) {
  const json::object made = health(status_of(of.door));
  return reply(made, made.at("status").as_string() == "ok" ? 200 : 503);
}

/// Fails while a stage hangs: the supervisor ought to start the process anew.
answer live(const question& of) {
  const json::object status = status_of(of.door);
  const auto& hung = status.at("hung_stage").as_string();
  return reply({{"live", hung.empty()}, {"hung_stage", hung}}, hung.empty() ? 200 : 503);
}

/// Whether it should be given work: not while it starts, drains, or is CRITICAL and above.
answer ready(const question& of) {
  const json::object status = status_of(of.door);
  const bool runs = status.at("phase").as_string() == "running";
  const bool fit = runs && level_number(status.at("level").as_string()) < 2;
  return reply({{"ready", fit}, {"phase", status.at("phase")}, {"level", status.at("level")}},
               fit ? 200 : 503);
}

answer version(const question& of) {
  const json::object status = status_of(of.door);
  return reply({{"version", status.at("version")},
                {"pipeline", status.at("pipeline")},
                {"config_hash", status.at("config_hash")}});
}

answer stages(const question& of) { return reply({{"stages", status_of(of.door).at("stages")}}); }

/// A file of the dashboard.
answer file(const question& of) {
  const auto found = std::find_if(assets.begin(), assets.end(),
                                  [&](const asset& each) { return each.path == of.path; });
  return {200, std::string{found->text}, found->type};
}

/// POST: the body's keys, a JSON object, are the command's.
answer tell(const question& of, std::string_view name) {
  json::error_code failed;
  json::value body =
      of.asked.body.empty() ? json::value(json::object{}) : json::parse(of.asked.body, failed);
  if (failed || !body.is_object()) return refuse(400, "the body is not a JSON object");
  body.as_object()["do"] = name;
  try {
    const std::uint64_t number = of.door.command(json::serialize(body));
    of.door.audit(std::string{of.asked.peer} + ": " + std::string{name} + ": operation " +
                  std::to_string(number));
    return reply({{"operation", number}}, 202);
  } catch (const std::runtime_error& why) {
    return refuse(422, why.what());
  }
}

answer not_a_websocket(const question&) { return refuse(426, "this path is a WebSocket"); }

constexpr char config_name[] = "config", events_name[] = "events", operations_name[] = "operations",
               commands_name[] = "commands";

struct route {
  std::string_view path;
  answer (*get)(const question& of) = nullptr;
  std::string_view command{};  ///< what POST tells the pipeline to do; empty: no POST
  bool open = false;           ///< to peers of other machines too, without token
};

constexpr route routes[] = {
    {"/", &file, "", true},
    {"/dashboard.css", &file, "", true},
    {"/dashboard.js", &file, "", true},
    {"/page.js", &file, "", true},
    {"/charts.js", &file, "", true},
    {"/tap.js", &file, "", true},
    {"/controls.js", &file, "", true},
    {"/openapi.json", &file, "", true},
    {"/metrics", &metrics, "", true},
    {"/health", &health_answer, "", true},
    {"/livez", &live, "", true},
    {"/readyz", &ready, "", true},
    {"/version", &version, "", true},
    {"/advanced/backpressure/status", &view<&backpressure_status>, "", true},
    {"/advanced/backpressure/metrics", &view<&backpressure_metrics>, "", true},
    {"/advanced/backpressure/circuit-breaker", &view<&circuit_breakers>, "", true},
    {"/advanced/backpressure/publisher-stats", &view<&publisher_stats>, "", true},
    {"/api/v1/pipeline", &view<&pipeline>},
    {"/api/v1/stages", &stages},
    {"/api/v1/level", &view<&level>, "level"},
    {"/api/v1/ledger", &view<&ledger>},
    {"/api/v1/config", &document<config_name>},
    {"/api/v1/events", &numbered<events_name>},
    {live_path, &not_a_websocket},
    {tap_path, &tap},
    {"/api/v1/operations", &numbered<operations_name>},
    {"/api/v1/commands", &document<commands_name>},
    {"/api/v1/swap", nullptr, "swap"},
    {"/api/v1/reload", nullptr, "reload"},
    {"/api/v1/confirm", nullptr, "confirm"},
    {"/api/v1/breaker", nullptr, "breaker"},
    {"/api/v1/log-level", nullptr, "log-level"},
};

const route* find(std::string_view path) {
  const auto found = std::find_if(std::begin(routes), std::end(routes),
                                  [&](const route& each) { return each.path == path; });
  return found == std::end(routes) ? nullptr : found;
}

std::string_view methods_of(const route& of) {
  if (of.get == nullptr) return "POST";
  return of.command.empty() ? "GET, HEAD" : "GET, HEAD, POST";
}

/// Nothing if the token is right, else the refusal.
std::optional<answer> unauthorized(const question& of) {
  const auto refusal = [&](unsigned status, std::string_view why) {
    of.door.refused(std::string{of.asked.peer} + ": " + std::string{why});
    answer made = refuse(status, why);
    made.asks_for_token = status == 401;
    return made;
  };
  std::string token;
  try {
    token = of.door.token();
  } catch (const std::exception& why) {
    return refusal(503, std::string{"the token cannot be read: "} + why.what());
  }
  if (token.empty())
    return refusal(403,
                   "no token is configured: nothing may be changed, and other machines may read "
                   "health and metrics alone");
  credentials shown = check_bearer(of.asked.authorization, token);
  if (shown == credentials::missing) shown = check_protocols(of.asked.protocols, token);
  switch (shown) {
    case credentials::missing: return refusal(401, "a bearer token is needed");
    case credentials::wrong: return refusal(403, "the bearer token is wrong");
    case credentials::right: break;
  }
  return std::nullopt;
}

question split(const request& asked, pipeline_door& door) {
  const std::size_t mark = asked.target.find('?');
  return {asked, asked.target.substr(0, mark),
          mark == std::string_view::npos ? std::string_view{} : asked.target.substr(mark + 1),
          door};
}

answer misdirected() {
  return refuse(421, "the request is for another host; allowed_hosts names more");
}

}  // namespace

answer refuse(unsigned status, std::string_view why) {
  return reply(json::object{{"error", why}}, status);
}

answer respond(const request& asked, const std::vector<std::string>& allowed_hosts,
               pipeline_door& door) {
  if (!host_allowed(asked.host, asked.reached_at, allowed_hosts)) return misdirected();
  const question of = split(asked, door);
  const route* found = find(of.path);
  if (found == nullptr) return refuse(404, "there is no such path; /openapi.json has them");
  const bool reads = asked.method == "GET" || asked.method == "HEAD";
  const bool tells = asked.method == "POST" && !found->command.empty();
  if (!tells && (!reads || found->get == nullptr)) {
    answer made = refuse(405, "this path does not take that method");
    made.allow = methods_of(*found);
    return made;
  }
  if (tells || !(found->open || asked.loopback))
    if (auto refusal = unauthorized(of)) return std::move(*refusal);
  try {
    return tells ? tell(of, found->command) : found->get(of);
  } catch (const std::exception& why) {
    return refuse(500, why.what());
  }
}

answer admit_live(const request& asked, const std::vector<std::string>& allowed_hosts,
                  pipeline_door& door) {
  if (!host_allowed(asked.host, asked.reached_at, allowed_hosts)) return misdirected();
  const question of = split(asked, door);
  if (of.path != live_path && of.path != tap_path)
    return refuse(404, "the live streams are /api/v1/live and /api/v1/tap");
  // Browsers let any page open a WebSocket, but say which page it is.
  const std::size_t scheme = asked.origin.find("://");
  if (!asked.origin.empty() &&
      (scheme == std::string_view::npos ||
       !host_allowed(asked.origin.substr(scheme + 3), asked.reached_at, allowed_hosts)))
    return refuse(403, "a page of another origin may not read this");
  if (!asked.loopback)
    if (auto refusal = unauthorized(of)) return std::move(*refusal);
  if (of.path == live_path) return {101, "status"};
  std::string what = "tap?" + std::string{of.query};
  try {
    if (!door.document(what, UINT64_MAX)) return refuse(404, "this host does not have it");
  } catch (const std::invalid_argument& mistake) {
    return refuse(400, mistake.what());
  }
  return {101, std::move(what)};
}

std::vector<std::pair<std::string_view, std::string_view>> paths() {
  std::vector<std::pair<std::string_view, std::string_view>> all;
  for (const route& each : routes) all.emplace_back(each.path, methods_of(each));
  return all;
}

}  // namespace sluice::http_admin
