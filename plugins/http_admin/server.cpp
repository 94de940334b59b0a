#include "server.hpp"

#include "tcp_listener/listen.hpp"
#include "tcp_listener/tls_server.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>

#include <algorithm>

namespace sluice::http_admin {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr duration accept_pause = std::chrono::milliseconds{100};
constexpr int handlers_max = 256;
constexpr std::string_view status_name = "status";
constexpr std::string_view if_taken =
    "another pipeline's http_admin or another program listens there: give this one another "
    "\"listen\" or \"port\" (in the pipelines that come with Sluice: "
    "ADMIN_LISTEN=127.0.0.1:8081)";

}  // namespace

server::server(const config& with, sluice::host host)
    : config_{with},
      host_{host},
      limits_{with.request_limit, with.idle_limit, with.body_limit.bytes},
      endpoint_{tcp_listener::parse_endpoint(with.listen, example_port)} {
  if (with.port) endpoint_.port(static_cast<std::uint16_t>(*with.port));
  if (with.tls_certificate && with.tls_key)
    tls_ = tcp_listener::load_tls(*with.tls_certificate, *with.tls_key);
}

void server::start() {
  tcp_listener::open(acceptor_, endpoint_, if_taken);
  port_ = acceptor_.local_endpoint().port();
  host_.event("listening",
              (tls_ ? "https://" : "http://") + tcp_listener::name_of(acceptor_.local_endpoint()));
  if (!endpoint_.address().is_loopback() && !tls_)
    host_.warn("other machines may connect, and without TLS others may read the token");
  accept();
}

void server::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      on_accepted(std::move(socket));
      return accept();
    }
    host_.warn("accept: " + error.message());
    accept_at_ = host_.now() + accept_pause;
  });
}

void server::on_accepted(tcp::socket socket) {
  sweep();
  if (connections_.size() >= config_.connections) make_room();
  if (connections_.size() >= config_.connections) {
    ++counts_.displaced;
    return;  // all are busy: this one is closed
  }
  connections_.push_back(connection::make(std::move(socket), tls_.get(), *this, limits_, host_));
  connections_.back()->start();
}

/// Idle connections must not keep a probe out.
void server::make_room() {
  const auto longest = std::min_element(
      connections_.begin(), connections_.end(),
      [](const auto& a, const auto& b) { return a->waits_since() < b->waits_since(); });
  if ((*longest)->waits_since() == never) return;
  ++counts_.displaced;
  (*longest)->end();
  sweep();
}

answer server::respond(const request& asked) {
  ++counts_.requests;
  return http_admin::respond(asked, config_.allowed_hosts, *this);
}
answer server::admit_live(const request& asked) {
  ++counts_.requests;
  return http_admin::admit_live(asked, config_.allowed_hosts, *this);
}
std::optional<std::string> server::document(std::string_view what, std::uint64_t after) {
  return host_.document(what, after);
}
std::uint64_t server::command(std::string_view request) { return host_.command(request); }
std::string server::token() { return config_.token ? host_.read(config_.token) : std::string{}; }
void server::audit(std::string_view line) { host_.alert("admin", line); }
void server::refused(std::string_view line) {
  // The log limits lines; the events of the pipeline are not a peer's to fill.
  ++counts_.refused;
  host_.warn("refused " + std::string{line});
}

void server::send_live(time_point now) {
  live_at_ = now + config_.live_interval;
  std::shared_ptr<const std::string> status;  // one for all
  for (const auto& each : connections_) {
    live_feed* const feed = each->feed();
    if (feed == nullptr) continue;
    if (feed->what != status_name) {
      send_tap(*each, *feed);
      continue;
    }
    if (status == nullptr) {
      auto text = host_.document(status_name, 0);
      if (!text) return;
      status = std::make_shared<const std::string>(std::move(*text));
    }
    each->send(status);
  }
}

/// What has come since the last message; a tap that cannot be read any more ends its connection.
void server::send_tap(connection& to, live_feed& feed) {
  try {
    auto text = document(feed.what, feed.after);
    if (!text) return to.end();
    feed.after = boost::json::parse(*text).at("last").to_number<std::uint64_t>();
    to.send(std::make_shared<const std::string>(std::move(*text)));
  } catch (const std::exception& why) {
    host_.warn("tap: " + std::string{why.what()});
    to.end();
  }
}

void server::poll(duration wait) {
  io_.restart();
  int ran = 0;
  while (ran < handlers_max && io_.poll_one() != 0) ++ran;
  if (ran == 0 && wait > duration::zero()) io_.run_one_for(wait);
  sweep();
}

void server::wake() {
  asio::post(io_, [] {});
}

void server::on_time(time_point now) {
  if (accept_at_ <= now) {
    accept_at_ = never;
    if (acceptor_.is_open()) accept();
  }
  for (const auto& each : connections_) each->on_time(now);
  if (live_at_ <= now) send_live(now);
  sweep();
}

time_point server::next() const {
  time_point soonest = std::min(live_at_, accept_at_);
  for (const auto& each : connections_) soonest = std::min(soonest, each->next());
  return soonest;
}

void server::close() {
  error_code ignored;
  acceptor_.close(ignored);
  for (const auto& each : connections_) each->end();
}

void server::sweep() {
  std::erase_if(connections_, [](const auto& each) { return each->dead(); });
}

}  // namespace sluice::http_admin
