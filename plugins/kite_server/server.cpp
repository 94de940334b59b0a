#include "server.hpp"

#include "admission.hpp"
#include "greeting.hpp"
#include "tcp_listener/listen.hpp"
#include "tcp_listener/tls_server.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace sluice::kite_server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr duration accept_pause = std::chrono::milliseconds{100};
/// Handlers in one poll: the lane has batches to take too.
constexpr int handlers_max = 256;
constexpr std::string_view if_taken =
    "another program listens there: give this one another \"listen\"; port 0 takes a free one";

ticker_limits limits_of(const config& with) {
  ticker_limits limits;
  limits.client.frame_packets = with.frame_packets;
  limits.client.queue_bytes = with.send_queue.bytes;
  limits.sockets_per_key = with.sockets_per_key;
  limits.instruments_per_socket = with.instruments_per_socket;
  limits.frame_interval = with.frame_interval;
  limits.heartbeat = with.heartbeat_interval;
  limits.seed = with.seed;
  return limits;
}

}  // namespace

server::server(const config& with, sluice::host host)
    : config_{with},
      host_{host},
      limits_{with.handshake_limit,     with.ping_interval, with.stall_limit, with.cut_after,
              with.message_limit.bytes, with.drip_rate,     with.control},
      ticker_{limits_of(with)},
      endpoint_{tcp_listener::parse_endpoint(with.listen, example_port)} {
  if (with.tls_certificate && with.tls_key)
    tls_ = tcp_listener::load_tls(*with.tls_certificate, *with.tls_key);
  misbehave(with.misbehave);
}

server::~server() = default;

void server::start() {
  tcp_listener::open(acceptor_, endpoint_, if_taken);
  port_ = acceptor_.local_endpoint().port();
  announce();
  accept();
}

void server::announce() {
  const tcp::endpoint bound = acceptor_.local_endpoint();
  counts_.listening = tcp_listener::name_of(bound);
  host_.event("listening", counts_.listening);
  if (!bound.address().is_loopback())
    host_.warn("clients of other machines may connect to " + counts_.listening);
  if (!config_.announce_file) return;

  const std::filesystem::path file = *config_.announce_file;
  const std::filesystem::path fresh = file.string() + ".new";
  std::ofstream out{fresh, std::ios::trunc};
  out << counts_.listening << "\n";
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(fresh, file, error);
  if (!out || error)
    throw std::runtime_error{"announce_file: cannot write " + file.string() +
                             (error ? ": " + error.message() : std::string{})};
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
  if (connections_.size() >= config_.clients) {
    ++counts_.crowded;
    return;
  }
  connections_.push_back(connection::make(std::move(socket), tls_.get(), *this, limits_, host_));
  connections_.back()->misbehave(mode_);
  connections_.back()->start();
}

admission server::admit(std::string_view target) {
  const auto refused = [](std::uint64_t& count, unsigned status, std::string why) {
    ++count;
    return admission{status, nullptr, std::move(why)};
  };
  switch (refusal_of(mode_)) {
    case 400: return refused(counts_.refused_400, 400, "misbehaving as told");
    case 403: return refused(counts_.refused_403, 403, "misbehaving as told");
    case 429: return refused(counts_.refused_429, 429, "misbehaving as told");
    default: break;
  }
  const auto offered = parse_credentials(target);
  if (!offered) return refused(counts_.refused_400, 400, "the query is malformed");
  if (!accepts(config_.api_keys, offered->api_key) || !token_accepted(offered->access_token))
    return refused(counts_.refused_403, 403, "api_key or access_token is not accepted");
  client* who = ticker_.connect(offered->api_key, host_.now());
  if (who == nullptr)
    return refused(counts_.refused_429, 429, "this api_key has all its connections");
  return {101, who, {}};
}

bool server::token_accepted(std::string_view offered) const {
  if (!token_.empty()) return accepts(token_, offered);
  if (!config_.access_token) return accepts({}, offered);
  try {
    const std::string accepted = host_.read(config_.access_token);
    return !accepted.empty() && accepts(accepted, offered);
  } catch (const std::runtime_error& error) {
    host_.warn(std::string{"access_token: "} + error.what());
    return false;
  }
}

void server::connected(client& who) {
  ++counts_.accepted;
  if (!config_.greeting || mode_ == misbehaviour::silence) return;
  who.text(instruments_meta_text(ticker_.instruments()), host_.now());
  who.text(app_code_text(host_.unix_time()), host_.now());
}

void server::text(client& from, std::string_view message) {
  const time_point now = host_.now();
  ticker_.request(from, message, now);
  if (config_.frame_interval == duration::zero()) ticker_.flush(now);
}

http_answer server::control(std::string_view method, std::string_view target,
                            std::string_view body) {
  const control_request asked = parse_control(method, target, body);
  if (const auto* refused = std::get_if<http_answer>(&asked)) return *refused;
  if (const auto* wanted = std::get_if<want_text>(&asked)) {
    ticker_.broadcast(wanted->text, host_.now());
    for (const auto& each : connections_) each->pump();
  } else if (const auto* token = std::get_if<want_token>(&asked)) {
    token_ = token->accepted;
  } else if (const auto* bad = std::get_if<want_misbehaviour>(&asked)) {
    host_.event("misbehave", name_of(bad->mode));
    if (bad->mode == misbehaviour::cut) {
      cut_all();
    } else {
      misbehave(bad->mode);
      mode_until_ = bad->lasts == duration::zero() ? never : host_.now() + bad->lasts;
    }
  }
  counts_.misbehaving = mode_;
  return {200, status_json(counts_, ticker_), {}};
}

void server::cut_all() {
  for (const auto& each : connections_)
    if (each->live()) {
      ++counts_.cut_wanted;
      each->cut();
    }
}

void server::misbehave(misbehaviour mode) {
  mode_ = counts_.misbehaving = mode;
  mode_until_ = never;
  ticker_.misbehave(mode);
  for (const auto& each : connections_) each->misbehave(mode);
}

void server::send(time_point now) {
  if (config_.frame_interval == duration::zero()) ticker_.flush(now);
  ticker_.on_time(now);
  for (const auto& each : connections_) each->pump();
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
  if (mode_until_ <= now) {
    host_.event("misbehave", name_of(misbehaviour::none));
    misbehave(misbehaviour::none);
  }
  if (accept_at_ <= now) {
    accept_at_ = never;
    if (acceptor_.is_open()) accept();
  }
  for (const auto& each : connections_) each->on_time(now);
  sweep();
  send(now);
}

time_point server::next() const {
  time_point soonest = std::min({ticker_.next(), mode_until_, accept_at_});
  for (const auto& each : connections_) soonest = std::min(soonest, each->next());
  return soonest;
}

bool server::close() {
  if (acceptor_.is_open()) {
    error_code ignored;
    acceptor_.close(ignored);
    ticker_.flush(host_.now());
    for (const auto& each : connections_) each->close();
  }
  sweep();
  return connections_.empty();
}

void server::sweep() {
  std::erase_if(connections_, [](const auto& each) { return each->dead(); });
}

}  // namespace sluice::kite_server
