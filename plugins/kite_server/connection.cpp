#include "connection.hpp"

#include "paced_socket.hpp"

#include <net/secure_socket.hpp>

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <array>

namespace sluice::kite_server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::uint32_t header_limit = 8'192;
constexpr std::uint64_t body_limit = 65'536;
constexpr duration close_limit = std::chrono::seconds{1};
/// Pings a client may leave unanswered.
constexpr int silent_pings = 3;

class accepted_connection final : public connection,
                                  public std::enable_shared_from_this<accepted_connection> {
 public:
  accepted_connection(tcp::socket socket, asio::ssl::context* tls, connection_owner& owner,
                      const connection_limits& limits, sluice::host host, bool loopback)
      : owner_{owner},
        limits_{limits},
        host_{host},
        loopback_{loopback},
        websocket_{tls, std::move(socket), host} {}

  void start() override {
    deadline_ = host_.now() + limits_.handshake;
    parser_.header_limit(header_limit);
    parser_.body_limit(body_limit);
    websocket_.next_layer().async_handshake(asio::ssl::stream_base::server,
                                            [self = shared_from_this()](error_code error) {
                                              if (error) return self->end();
                                              self->read_request();
                                            });
  }

  void pump() override {
    if (phase_ != phase::live || writing_) return;
    if (client_->queue().empty()) {
      if (closing_) close_websocket();
      return;
    }
    const outgoing message = client_->queue().front();
    set_writing(true);
    websocket_.text(message.text);
    websocket_.async_write(
        asio::buffer(message.bytes.data(), message.bytes.size()),
        [self = shared_from_this()](error_code error, std::size_t) { self->written(error); });
  }

  void misbehave(misbehaviour mode) override {
    if (mode_ == misbehaviour::silence) last_heard_ = host_.now();
    mode_ = mode;
    mode_since_ = host_.now();
    apply_mode();
  }

  void on_time(time_point now) override {
    socket().on_time(now);
    if (phase_ == phase::dead) return;
    if (deadline_ <= now) return ++owner_.counts().late, cut();
    if (phase_ != phase::live) return;
    if (cut_at() <= now) return ++owner_.counts().cut_wanted, cut();
    if (stall_at() <= now) return ++owner_.counts().cut_slow, cut();
    if (ping_at() > now) return;
    if (now - last_heard_ >= silent_pings * limits_.ping_interval)
      return ++owner_.counts().cut_dead, cut();
    ping(now);
  }

  time_point next() const override {
    if (phase_ == phase::dead) return never;
    const time_point soonest = std::min(deadline_, socket().next());
    if (phase_ != phase::live) return soonest;
    return std::min({soonest, cut_at(), stall_at(), ping_at()});
  }

  void close() override {
    if (phase_ == phase::dead) return;
    if (phase_ != phase::live) return end();
    closing_ = true;
    deadline_ = std::min(deadline_, host_.now() + close_limit);
    pump();
  }

  void cut() override {
    if (phase_ == phase::dead) return;
    socket().reset();
    end();
  }

  bool live() const override { return phase_ == phase::live; }
  bool dead() const override { return phase_ == phase::dead && client_ == nullptr; }

 private:
  enum class phase : std::uint8_t { request, answer, live, dead };

  paced_socket& socket() { return websocket_.next_layer().socket(); }
  const paced_socket& socket() const { return websocket_.next_layer().socket(); }

  // --- the HTTP request --------------------------------------------------------------------------

  void read_request() {
    http::async_read(
        websocket_.next_layer(), buffer_, parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_request(error); });
  }

  void on_request(error_code error) {
    if (phase_ == phase::dead) return;
    if (error == http::error::body_limit) return answer(refuse(413, "the body is too large"));
    if (error == http::error::header_limit)
      return answer(refuse(431, "the request's header is too large"));
    if (error == http::error::end_of_stream) return end();
    if (error.category() == http::make_error_code(http::error::bad_method).category())
      return answer(refuse(400, "not an HTTP request: " + error.message()));
    if (error) return end();
    if (websocket::is_upgrade(parser_.get())) return upgrade();

    const auto& request = parser_.get();
    // A page in somebody's browser is a loopback peer too, but it cannot hide its origin.
    if (!limits_.control || !loopback_ || request.count(http::field::origin) != 0)
      return answer(refuse(403, "control is for loopback peers, if it is switched on"));
    answer(owner_.control(request.method_string(), request.target(), request.body()));
  }

  void answer(const http_answer& with) {
    phase_ = phase::answer;
    response_.result(with.status);
    response_.version(11);
    response_.keep_alive(false);
    response_.set(http::field::content_type, "application/json");
    if (!with.allow.empty()) response_.set(http::field::allow, with.allow);
    response_.body() = with.body + "\n";
    response_.prepare_payload();
    http::async_write(
        websocket_.next_layer(), response_,
        [self = shared_from_this()](error_code error, std::size_t) { self->answered(error); });
  }

  /// Waits for the peer to close: closing with unread bytes would reset what was just answered.
  void answered(error_code error) {
    if (phase_ == phase::dead) return;
    if (error) return end();
    socket().lowest_layer().shutdown(asio::socket_base::shutdown_send, error);
    discard();
  }

  void discard() {
    socket().async_read_some(asio::buffer(discarded_),
                             [self = shared_from_this()](error_code error, std::size_t) {
                               if (error) return self->end();
                               self->discard();
                             });
  }

  // --- the WebSocket -----------------------------------------------------------------------------

  void upgrade() {
    const admission admitted = owner_.admit(parser_.get().target());
    if (admitted.status != 101) return answer(refuse(admitted.status, admitted.why));
    client_ = admitted.who;
    websocket_.auto_fragment(false);
    websocket_.read_message_max(limits_.message);
    websocket_.control_callback([this](websocket::frame_type, beast::string_view) {
      // Owned by the stream, which is part of this.
      last_heard_ = host_.now();
    });
    websocket_.async_accept(
        parser_.get(), [self = shared_from_this()](error_code error) { self->on_upgraded(error); });
  }

  void on_upgraded(error_code error) {
    if (error || phase_ == phase::dead) return end();
    phase_ = phase::live;
    deadline_ = never;
    live_since_ = last_heard_ = last_ping_ = host_.now();
    apply_mode();
    owner_.connected(*client_);
    read();
    pump();
  }

  void read() {
    websocket_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error || self->phase_ == phase::dead) return self->end();
      self->on_message();
    });
  }

  void on_message() {
    last_heard_ = host_.now();
    const auto bytes = buffer_.cdata();
    if (websocket_.got_text())
      owner_.text(*client_, {static_cast<const char*>(bytes.data()), bytes.size()});
    else
      client_->count_request(false);
    buffer_.consume(buffer_.size());
    pump();
    read();
  }

  void written(error_code error) {
    set_writing(false);
    if (error || phase_ == phase::dead) return end();
    client_->queue().pop();
    apply_mode();
    pump();
  }

  void set_writing(bool now) {
    writing_ = now;
    client_->sending(now);
  }

  void ping(time_point now) {
    last_ping_ = now;
    if (pinging_) return;
    pinging_ = true;
    websocket_.async_ping({}, [self = shared_from_this()](error_code error) {
      self->pinging_ = false;
      if (error) self->end();
    });
  }

  void close_websocket() {
    if (close_sent_) return;
    close_sent_ = true;
    websocket_.async_close(websocket::close_code::going_away,
                           [self = shared_from_this()](error_code) { self->end(); });
  }

  /// Swallowing begins and ends between two messages, never within one.
  void apply_mode() {
    socket().drip(mode_ == misbehaviour::slow_drip && phase_ == phase::live ? limits_.drip_rate
                                                                            : 0);
    if (!writing_ && phase_ == phase::live) socket().swallow(mode_ == misbehaviour::silence);
  }

  /// While the server itself withholds bytes, the client is not to blame.
  bool withholding() const {
    return mode_ == misbehaviour::silence || mode_ == misbehaviour::slow_drip;
  }
  time_point cut_at() const {
    return mode_ == misbehaviour::cut ? live_since_ + limits_.cut_after : never;
  }
  time_point stall_at() const {
    if (withholding() || client_->stalled_since() == never) return never;
    return std::max(client_->stalled_since(), mode_since_) + limits_.stall;
  }
  time_point ping_at() const {
    return withholding() || closing_ ? never : last_ping_ + limits_.ping_interval;
  }

  /// The end, whatever came before. The client's queue may still be in use by a write.
  void end() {
    if (phase_ != phase::dead) {
      phase_ = phase::dead;
      socket().close();
    }
    if (client_ == nullptr || writing_) return;
    owner_.gone(*std::exchange(client_, nullptr));
  }

  connection_owner& owner_;
  const connection_limits& limits_;
  sluice::host host_;
  bool loopback_;
  websocket::stream<net::secure_socket<paced_socket>, false> websocket_;
  beast::flat_buffer buffer_;
  http::request_parser<http::string_body> parser_;
  http::response<http::string_body> response_;
  std::array<char, 1'024> discarded_;

  phase phase_ = phase::request;
  client* client_ = nullptr;
  bool writing_ = false, pinging_ = false, closing_ = false, close_sent_ = false;
  misbehaviour mode_ = misbehaviour::none;
  time_point deadline_ = never;
  time_point mode_since_{}, live_since_{}, last_heard_{}, last_ping_{};
};

}  // namespace

std::shared_ptr<connection> connection::make(tcp::socket socket, asio::ssl::context* tls,
                                             connection_owner& owner,
                                             const connection_limits& limits, sluice::host host) {
  error_code error;
  socket.set_option(asio::ip::tcp::no_delay{true}, error);
  const auto peer = socket.remote_endpoint(error);
  const bool loopback = !error && peer.address().is_loopback();
  return std::make_shared<accepted_connection>(std::move(socket), tls, owner, limits, host,
                                               loopback);
}

}  // namespace sluice::kite_server
