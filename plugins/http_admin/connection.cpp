#include "connection.hpp"

#include "access.hpp"

#include <net/secure_socket.hpp>

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <optional>

namespace sluice::http_admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::uint32_t header_limit = 8'192;
constexpr std::size_t message_limit = 1'024;  // nothing is expected of a live client
/// Scripts, styles and connections of this server alone, and no frame round it.
constexpr const char* content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

class accepted_connection final : public connection,
                                  public std::enable_shared_from_this<accepted_connection> {
 public:
  accepted_connection(tcp::socket from, asio::ssl::context* tls, connection_owner& owner,
                      const connection_limits& limits, sluice::host host)
      : owner_{owner}, limits_{limits}, host_{host}, stream_{tls, std::move(from)} {
    error_code ignored;
    const auto peer = socket().remote_endpoint(ignored);
    const auto own = socket().local_endpoint(ignored);
    peer_ = peer.address().to_string() + " port " + std::to_string(peer.port());
    reached_at_ = own.address().to_string();
    loopback_ = peer.address().is_loopback();
  }

  void start() override {
    began_ = host_.now();
    deadline_ = began_ + limits_.request;
    stream_.next_layer().async_handshake(asio::ssl::stream_base::server,
                                         [self = shared_from_this()](error_code error) {
                                           if (error) return self->end();
                                           self->read();
                                         });
  }

  void on_time(time_point now) override {
    if (phase_ == phase::dead || deadline_ > now) return;
    if (phase_ != phase::idle && phase_ != phase::linger) owner_.cut();
    end();
  }
  time_point next() const override { return phase_ == phase::dead ? never : deadline_; }
  time_point waits_since() const override {
    return phase_ == phase::live || phase_ == phase::answer ? never : began_;
  }
  live_feed* feed() override {
    return phase_ == phase::live && sending_ == nullptr ? &feed_ : nullptr;
  }
  bool dead() const override { return phase_ == phase::dead; }

  void send(const std::shared_ptr<const std::string>& message) override {
    if (feed() == nullptr) return;
    sending_ = message;
    deadline_ = host_.now() + limits_.request;
    stream_.async_write(asio::buffer(*sending_),
                        [self = shared_from_this()](error_code error, std::size_t) {
                          self->sending_ = nullptr;
                          if (error) return self->end();
                          self->deadline_ = never;
                        });
  }

  void end() override {
    if (phase_ == phase::dead) return;
    phase_ = phase::dead;
    error_code ignored;
    socket().shutdown(tcp::socket::shutdown_both, ignored);
    socket().close(ignored);
  }

 private:
  enum class phase : std::uint8_t { request, idle, answer, linger, live, dead };

  tcp::socket& socket() { return stream_.next_layer().socket(); }

  void read() {
    parser_.emplace();
    parser_->header_limit(header_limit);
    parser_->body_limit(limits_.body);
    http::async_read_some(
        stream_.next_layer(), buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->begun(error); });
  }

  /// The first bytes of a request have come: from now on it has its time.
  void begun(error_code error) {
    if (phase_ == phase::dead) return;
    if (phase_ == phase::idle) {
      phase_ = phase::request;
      began_ = host_.now();
      deadline_ = began_ + limits_.request;
    }
    if (error || parser_->is_done()) return on_request(error);
    http::async_read(
        stream_.next_layer(), buffer_, *parser_,
        [self = shared_from_this()](error_code failed, std::size_t) { self->on_request(failed); });
  }

  void on_request(error_code error) {
    if (phase_ == phase::dead) return;
    if (error == http::error::end_of_stream) return end();
    if (error == http::error::body_limit) return refused(413, "the body is too large");
    if (error == http::error::header_limit) return refused(431, "the header is too large");
    if (error.category() == http::make_error_code(http::error::bad_method).category())
      return refused(400, "not an HTTP request: " + error.message());
    if (error) return end();

    const auto& from = parser_->get();
    const request asked{from.method_string(),
                        from.target(),
                        from[http::field::host],
                        from[http::field::authorization],
                        from[http::field::origin],
                        from.body(),
                        reached_at_,
                        peer_,
                        loopback_,
                        from[http::field::sec_websocket_protocol]};
    if (from.count(http::field::host) > 1) return refused(400, "there are several Host headers");
    if (websocket::is_upgrade(from)) {
      const answer admitted = owner_.admit_live(asked);
      if (admitted.status == 101) return upgrade(admitted.body);
      return reply(admitted, false);
    }
    reply(owner_.respond(asked), from.keep_alive());
  }

  /// Its rest is not read: the connection ends.
  void refused(unsigned status, std::string_view why) {
    owner_.cut();
    reply(refuse(status, why), false);
  }

  void reply(const answer& with, bool keep) {
    phase_ = phase::answer;
    deadline_ = host_.now() + limits_.request;
    response_ = {};
    response_.version(11);
    response_.result(with.status);
    response_.keep_alive(keep);
    response_.set(http::field::content_type, with.type);
    response_.set(http::field::cache_control, "no-store");
    response_.set("X-Content-Type-Options", "nosniff");
    response_.set("Content-Security-Policy", content_policy);
    response_.set("Referrer-Policy", "no-referrer");
    if (!with.allow.empty()) response_.set(http::field::allow, with.allow);
    if (with.asks_for_token) response_.set(http::field::www_authenticate, "Bearer");
    const bool head = parser_->is_header_done() && parser_->get().method() == http::verb::head;
    response_.content_length(with.body.size());
    if (!head) response_.body() = with.body;
    serializer_.emplace(response_);
    if (head) serializer_->split(true);
    const auto done = [self = shared_from_this(), keep](error_code error, std::size_t) {
      self->replied(error, keep);
    };
    if (head)
      http::async_write_header(stream_.next_layer(), *serializer_, done);
    else
      http::async_write(stream_.next_layer(), *serializer_, done);
  }

  void replied(error_code error, bool keep) {
    if (phase_ == phase::dead) return;
    if (error) return end();
    if (!keep) return linger();
    phase_ = phase::idle;
    began_ = host_.now();
    deadline_ = began_ + limits_.idle;
    read();
  }

  /// Closing with unread bytes would reset what was just answered: the peer closes first.
  void linger() {
    phase_ = phase::linger;
    error_code ignored;
    socket().shutdown(tcp::socket::shutdown_send, ignored);
    drop_rest();
  }
  void drop_rest() {
    socket().async_read_some(asio::buffer(dropped_),
                             [self = shared_from_this()](error_code error, std::size_t) {
                               if (error) return self->end();
                               self->drop_rest();
                             });
  }

  // --- the live WebSocket ------------------------------------------------------------------------

  void upgrade(const std::string& what) {
    phase_ = phase::answer;
    feed_.what = what;
    stream_.read_message_max(message_limit);
    if (offers_live(parser_->get()[http::field::sec_websocket_protocol]))
      stream_.set_option(websocket::stream_base::decorator([](websocket::response_type& accepted) {
        accepted.set(http::field::sec_websocket_protocol, live_protocol);
      }));
    stream_.async_accept(parser_->get(), [self = shared_from_this()](error_code error) {
      if (error || self->phase_ == phase::dead) return self->end();
      self->phase_ = phase::live;
      self->deadline_ = never;
      self->stream_.text(true);
      self->ignore_messages();
    });
  }

  /// Reading is how a close or a ping is noticed.
  void ignore_messages() {
    buffer_.consume(buffer_.size());
    stream_.async_read(buffer_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error || self->phase_ == phase::dead) return self->end();
      self->ignore_messages();
    });
  }

  connection_owner& owner_;
  const connection_limits& limits_;
  sluice::host host_;
  websocket::stream<net::secure_socket<tcp::socket>, false> stream_;
  beast::flat_buffer buffer_{header_limit + (1u << 16)};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
  live_feed feed_;
  std::shared_ptr<const std::string> sending_;
  std::array<char, 1'024> dropped_;
  std::string peer_, reached_at_;
  bool loopback_ = false;
  phase phase_ = phase::request;
  time_point began_{}, deadline_ = never;
};

}  // namespace

std::shared_ptr<connection> connection::make(tcp::socket socket, asio::ssl::context* tls,
                                             connection_owner& owner,
                                             const connection_limits& limits, sluice::host host) {
  error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  return std::make_shared<accepted_connection>(std::move(socket), tls, owner, limits, host);
}

}  // namespace sluice::http_admin
