#include "kite_source.hpp"

#include "feed_socket.hpp"
#include "moments.hpp"

#include <kite/instruments.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <stdexcept>

namespace sluice::kite_source {
namespace {

/// Handlers that one step runs at most; a frame takes a few.
constexpr std::size_t handlers_per_step = 64;
constexpr duration metrics_interval = std::chrono::seconds{1};
/// For the close handshakes at the end.
constexpr duration polite_end = std::chrono::seconds{2};

selection selection_of(const source::config& given) {
  return {given.instruments, given.tokens, given.symbols, given.exchanges,  given.segments,
          given.types,       given.watch,  given.mode,    given.connections};
}

feed_settings settings_of(const source::config& given) {
  const endpoint server = parse_endpoint(given.url);
  const policy rules{.connect_timeout = given.connect_timeout,
                     .silence = given.silence_timeout,
                     .stall = given.stall_timeout,
                     .backoff_first = given.backoff_first,
                     .backoff_max = given.backoff_max,
                     .rate_limit_wait = given.rate_limit_wait,
                     .token_poll = given.token_poll,
                     .token_retry = given.token_retry};
  return {given.api_key,
          given.access_token,
          server,
          rules,
          market_hours{given.market_hours},
          given.orders,
          {server.tls, given.tls_verify, given.ca_file, given.message_limit.bytes,
           given.receive_buffer.bytes}};
}

plan plan_of(const source::config& given) {
  return make_plan(selection_of(given), given.instruments.empty()
                                            ? kite::instruments_file{}
                                            : kite::load_instruments(given.instruments));
}

/// Other sources and other processes jitter differently.
std::uint64_t seed_of(host to) {
  return std::hash<std::string_view>{}(to.stage()) ^
         static_cast<std::uint64_t>(to.unix_time().count());
}

/// A few of a socket's instruments, for people.
std::string sample_of(const std::vector<wanted>& instruments, const plan& chosen) {
  constexpr std::size_t named = 5;
  std::string made;
  for (std::size_t i = 0; i < std::min(named, instruments.size()); ++i) {
    const auto known = std::find_if(
        chosen.known.begin(), chosen.known.end(),
        [&](const kite::instrument& row) { return row.token == instruments[i].token; });
    if (!made.empty()) made += ", ";
    made += known->symbol.empty() ? std::to_string(known->token) : known->symbol;
  }
  if (instruments.size() > named)
    made += " and " + std::to_string(instruments.size() - named) + " more";
  return made;
}

}  // namespace

struct source::parts {
  plan chosen;
  feed shared;
  std::deque<feed_socket> sockets;  ///< stays in place: connections tell them what happens
  time_point metrics_at{};
  std::optional<time_point> closing_until;

  parts(const config& given, host to)
      : chosen{plan_of(given)}, shared{to, settings_of(given), chosen.watch, seed_of(to)} {
    for (const auto& instruments : chosen.sockets)
      sockets.emplace_back(shared, sockets.size() + 1, instruments, sample_of(instruments, chosen));
  }

  void advance(time_point now) {
    for (feed_socket& socket : sockets) socket.advance(now);
    if (now >= metrics_at) {
      publish();
      metrics_at = now + metrics_interval;
    }
    shared.changed = false;
    time_point next = metrics_at;
    for (const feed_socket& socket : sockets) next = std::min(next, socket.deadline(now));
    shared.to.wake_at(next);
  }

  /// The reader is back at the sockets.
  void judge_reader(time_point now) {
    if (const auto changed = shared.reader.back(now))
      shared.to.signal("reader_late", *changed,
                       "the reader came " + seconds_text(shared.reader.latest()) + " late");
  }

  /// Throws if no socket will ever dial again.
  void check_alive() {
    if (closing_until || !std::all_of(sockets.begin(), sockets.end(), [](const feed_socket& each) {
          return each.now_in() == state::stopped;
        }))
      return;
    publish();
    throw std::runtime_error{"every connection was refused for good, with " + shared.refusal +
                             "; correct url, api_key or access_token and start again"};
  }

  void look_up(time_point now) {
    for (feed_socket& socket : sockets) socket.check_lookup(now);
  }

  void publish() {
    const auto in = [this](state which) {
      return static_cast<double>(
          std::count_if(sockets.begin(), sockets.end(),
                        [which](const feed_socket& socket) { return socket.now_in() == which; }));
    };
    meters& count = shared.count;
    count[meter::sockets] = static_cast<double>(sockets.size());
    count[meter::sockets_connected] = in(state::live) + in(state::stale);
    count[meter::sockets_auth_wait] = in(state::auth_wait);
    count[meter::sockets_stopped] = in(state::stopped);
    count.publish();
  }
};

void source::validate(const config& given, problems& found) {
  const auto check = [&found](std::string_view key, const auto& rule) {
    try {
      rule();
    } catch (const std::exception& wrong) {
      found.add(key, wrong.what());
    }
  };
  check("url", [&] {
    const endpoint server = parse_endpoint(given.url);
    if (!server.tls && !given.ca_file.empty())
      found.add("ca_file", "is of use with a wss:// url only");
  });
  check("market_hours", [&] { market_hours{given.market_hours}; });
  check("tokens", [&] {
    for (const std::string& text : given.tokens)
      if (parse_entry(text).token == 0)
        throw std::invalid_argument{"'" + text + "' is a symbol; those belong in symbols"};
  });
  check("symbols", [&] {
    for (const std::string& text : given.symbols)
      if (parse_entry(text).token != 0)
        throw std::invalid_argument{"'" + text + "' is a token; those belong in tokens"};
  });
  check("watch", [&] {
    for (const std::string& text : given.watch) parse_entry(text);
  });
  if (given.watch.size() > watch_max) found.add("watch", "at most 100 instruments are allowed");
  if (given.instruments.empty()) {
    if (given.tokens.empty() && given.watch.empty())
      found.add("instruments", "no instrument is chosen; give this file, or tokens");
    for (const auto& [key, list] : {std::pair{"symbols", &given.symbols},
                                    {"exchanges", &given.exchanges},
                                    {"segments", &given.segments},
                                    {"types", &given.types}})
      if (!list->empty()) found.add(key, "needs an instruments file");
  }
  if (given.backoff_first > given.backoff_max)
    found.add("backoff_first", "must not be above backoff_max");
}

source::source(const config& given, host to) : parts_{std::make_unique<parts>(given, to)} {
  const feed& shared = parts_->shared;
  if (!numeric_address(shared.settings.server.host) && shared.resolver() == nullptr)
    throw std::runtime_error{"url: this host looks up no names; a numeric address is allowed"};
  if (shared.settings.server.tls && !given.tls_verify)
    to.warn("tls_verify is off: anyone on the way can read the access token");
  if (!shared.settings.server.tls && !loopback_host(shared.settings.server.host))
    to.warn("url is ws:// to another machine: anyone on the way can read the access token");
  if (const auto& errors = parts_->chosen.file_errors; !errors.empty())
    to.alert("instruments_damaged", given.instruments + ": " + std::to_string(errors.size()) +
                                        " rows left out, the first in line " +
                                        std::to_string(errors[0].line) + ": " + errors[0].what);
}

source::~source() = default;

void source::start() {
  feed& shared = parts_->shared;
  kite::publish_attributes(shared.to.raw(), parts_->chosen.known);
  const time_point now = shared.to.now();
  for (feed_socket& socket : parts_->sockets) socket.start(now);
  parts_->advance(now);
}

void source::poll(duration wait) {
  feed& shared = parts_->shared;
  parts_->judge_reader(shared.to.now());
  if (shared.net.run_ready(handlers_per_step) == 0) shared.net.wait(wait);
  const time_point now = shared.to.now();
  shared.reader.away(now);
  parts_->look_up(now);
  if (shared.changed && !parts_->closing_until) parts_->advance(now);
  parts_->check_alive();
}

void source::wake() { parts_->shared.net.wake(); }

void source::on_timer(time_point) {
  if (parts_->closing_until) return;
  // What came while the lane was busy counts as life: it is read before silence is judged.
  parts_->shared.net.run_ready(handlers_per_step);
  parts_->advance(parts_->shared.to.now());
}

bool source::drain(time_point deadline) {
  feed& shared = parts_->shared;
  const time_point now = shared.to.now();
  if (!parts_->closing_until) {
    parts_->closing_until = std::min(deadline, now + polite_end);
    for (feed_socket& socket : parts_->sockets) socket.close(now);
    shared.to.wake_at(*parts_->closing_until);
  }
  const bool closed = std::all_of(parts_->sockets.begin(), parts_->sockets.end(),
                                  [](const feed_socket& socket) { return socket.closed(); });
  if (!closed && now < *parts_->closing_until) return false;
  for (feed_socket& socket : parts_->sockets) socket.drop();
  parts_->publish();
  return true;
}

}  // namespace sluice::kite_source

SLUICE_PLUGIN(sluice::kite_source::source);
