#include "network.hpp"

#include "handler_pool.hpp"

#include <net/secure_socket.hpp>

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sluice::kite_source {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using error_code = boost::system::error_code;

using tcp_socket = asio::basic_stream_socket<tcp, asio::io_context::executor_type>;
using secure_socket = net::secure_socket<tcp_socket, pool_allocator<void*>>;

/// What a kernel gives a socket that asks; 0 if it does not say.
std::size_t receive_buffer_limit() {
  std::ifstream in{"/proc/sys/net/core/rmem_max"};
  std::size_t limit = 0;
  in >> limit;
  return limit;
}

struct shared_parts {
  network_options options;
  handler_pool pool;
  asio::io_context io{1};
  std::optional<asio::ssl::context> tls;
};

/// One dial and the connection it becomes. Its handlers keep it alive; nobody else need.
class link final : public std::enable_shared_from_this<link> {
  template <typename Handler>
  auto bound(Handler handler) {
    return asio::bind_allocator(pool_allocator<void*>{shared_.pool}, std::move(handler));
  }

 public:
  link(shared_parts& shared, dial to, connection_listener& listener)
      : shared_{shared},
        to_{std::move(to)},
        listener_{&listener},
        stream_{std::allocator_arg, pool_allocator<void*>{shared.pool},
                to_.to.tls ? &*shared.tls : nullptr, shared.io},
        buffer_{shared.options.message_max} {}

  /// The first step is a handler too: the listener is not called from within open().
  void start() {
    asio::post(shared_.io, bound([self = shared_from_this()] { self->connect_next(); }));
  }

  void abandon() {
    listener_ = nullptr;
    error_code ignored;
    socket().close(ignored);
  }

  void send(std::string text) {
    unsent_.push_back(std::move(text));
    if (unsent_.size() == 1 && !closing_) write_next();
  }

  void ping() {
    if (closing_ || std::exchange(pinging_, true)) return;
    stream_.async_ping({}, bound([self = shared_from_this()](error_code error) {
                         self->pinging_ = false;
                         if (self->listener_ == nullptr || self->closing_) return;
                         if (error) self->fail("ping", error);
                       }));
  }

  void close() {
    if (std::exchange(closing_, true)) return;
    stream_.async_close(websocket::close_code::normal,
                        bound([self = shared_from_this()](error_code) {
                          self->end({0, "closed"});
                        }));
  }

 private:
  tcp_socket& socket() { return stream_.next_layer().socket(); }

  void end(const ending& how) {
    connection_listener* told = std::exchange(listener_, nullptr);
    error_code ignored;
    socket().close(ignored);
    if (told != nullptr) told->on_end(how);
  }
  void fail(const char* doing, error_code error) {
    end({0, std::string{doing} + ": " + error.message()});
  }

  void connect_next() {
    if (listener_ == nullptr) return;
    if (next_address_ == to_.addresses.size())
      return end({0, to_.addresses.empty() ? "no address to connect to" : connect_errors_});
    const std::string& address = to_.addresses[next_address_++];
    error_code error;
    const auto parsed = asio::ip::make_address(address, error);
    if (!error) prepare_socket(parsed, error);
    if (error) return connect_failed(address, error);
    socket().async_connect(tcp::endpoint{parsed, to_.to.port},
                           bound([self = shared_from_this(), &address](error_code failed) {
                             if (self->listener_ == nullptr) return;
                             if (failed) return self->connect_failed(address, failed);
                             self->connected();
                           }));
  }

  void prepare_socket(const asio::ip::address& address, error_code& error) {
    error_code ignored;
    socket().close(ignored);
    socket().open(address.is_v4() ? tcp::v4() : tcp::v6(), error);
    if (error) return;
    // Asked for less than its limit: above it the kernel would give less than by itself.
    const std::size_t wanted = shared_.options.receive_buffer;
    if (wanted != 0 && wanted <= receive_buffer_limit())
      socket().set_option(asio::socket_base::receive_buffer_size{static_cast<int>(wanted)},
                          ignored);
  }

  void connect_failed(const std::string& address, error_code error) {
    if (!connect_errors_.empty()) connect_errors_ += "; ";
    connect_errors_ += "connect to " + address + ": " + error.message();
    connect_next();
  }

  void connected() {
    error_code ignored;
    socket().set_option(tcp::no_delay{true}, ignored);
    secure();
  }

  void secure() {
    secure_socket& transport = stream_.next_layer();
    if (transport.tls() != nullptr) {
      if (!numeric_address(to_.to.host))
        SSL_set_tlsext_host_name(transport.tls()->native_handle(), to_.to.host.c_str());
      if (shared_.options.verify)
        transport.tls()->set_verify_callback(asio::ssl::host_name_verification{to_.to.host});
    }
    transport.async_handshake(asio::ssl::stream_base::client,
                              bound([self = shared_from_this()](error_code error) {
                                if (self->listener_ == nullptr) return;
                                if (error) return self->fail("TLS handshake", error);
                                self->upgrade();
                              }));
  }

  void upgrade() {
    stream_.read_message_max(shared_.options.message_max);
    stream_.auto_fragment(false);
    stream_.set_option(websocket::stream_base::decorator{[](websocket::request_type& request) {
      request.set(beast::http::field::user_agent, "sluice");
      request.set("X-Kite-Version", "3");
    }});
    stream_.async_handshake(response_, to_.to.authority(), to_.target,
                            bound([self = shared_from_this()](error_code error) {
                              if (self->listener_ == nullptr) return;
                              self->upgraded(error);
                            }));
    std::fill(to_.target.begin(), to_.target.end(), '\0');
    to_.target.clear();
  }

  void upgraded(error_code error) {
    if (error == websocket::error::upgrade_declined)
      return end({response_.result_int(), response_.body()});
    if (error) return fail("WebSocket handshake", error);
    response_ = {};
    stream_.text(true);
    // Called within a read only, which holds this link.
    stream_.control_callback([this](websocket::frame_type kind, beast::string_view) {
      if (kind == websocket::frame_type::ping && listener_ != nullptr && !closing_)
        listener_->on_ping();
    });
    read_next();
    listener_->on_open();
  }

  void read_next() {
    stream_.async_read(buffer_,
                       bound([self = shared_from_this()](error_code error, std::size_t size) {
                         if (self->listener_ == nullptr) return;
                         self->received(error, size);
                       }));
  }

  void received(error_code error, std::size_t) {
    if (error) {
      if (closing_) return;  // the close's own handler tells the end
      if (error != websocket::error::closed) return fail("read", error);
      return end({0, "closed by the server, code " + std::to_string(stream_.reason().code) + " " +
                         stream_.reason().reason.c_str()});
    }
    try {
      if (!closing_) tell(buffer_.cdata());
    } catch (...) {
      // The stage's fault is the host's to judge; the feed goes on with the next message.
      resume();
      throw;
    }
    resume();
  }

  void tell(asio::const_buffer message) {
    listener_->on_message({static_cast<const std::uint8_t*>(message.data()), message.size()},
                          stream_.got_text());
  }

  void resume() {
    buffer_.consume(buffer_.size());
    if (listener_ != nullptr) read_next();
  }

  void write_next() {
    stream_.async_write(asio::buffer(unsent_.front()),
                        bound([self = shared_from_this()](error_code error, std::size_t) {
                          if (self->listener_ == nullptr || self->closing_) return;
                          if (error) return self->fail("write", error);
                          self->unsent_.pop_front();
                          if (!self->unsent_.empty()) self->write_next();
                        }));
  }

  shared_parts& shared_;
  dial to_;
  connection_listener* listener_;  ///< null: nobody listens any more
  websocket::stream<secure_socket, false> stream_;
  websocket::response_type response_;
  beast::flat_buffer buffer_;
  std::deque<std::string> unsent_;
  std::size_t next_address_ = 0;
  std::string connect_errors_;
  bool closing_ = false;
  bool pinging_ = false;
};

/// The owner's end of a link.
class handle final : public connection {
 public:
  handle(shared_parts& shared, dial to, connection_listener& listener)
      : link_{std::make_shared<link>(shared, std::move(to), listener)} {
    link_->start();
  }
  ~handle() override { link_->abandon(); }
  void send(std::string text) override { link_->send(std::move(text)); }
  void ping() override { link_->ping(); }
  void close() override { link_->close(); }

 private:
  std::shared_ptr<link> link_;
};

asio::ssl::context make_tls(const network_options& options) {
  asio::ssl::context made{asio::ssl::context::tls_client};
  made.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                   asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                   asio::ssl::context::no_tlsv1_1);
  error_code error;
  if (options.ca_file.empty())
    made.set_default_verify_paths(error);
  else
    made.load_verify_file(options.ca_file, error);
  if (error)
    throw std::runtime_error{
        "ca_file: cannot use " +
        (options.ca_file.empty() ? "the system's certificates" : options.ca_file) + ": " +
        error.message()};
  made.set_verify_mode(options.verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
  return made;
}

}  // namespace

struct network::parts : shared_parts {
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::atomic<bool> woken{false};
};

network::network(const network_options& options) : parts_{std::make_unique<parts>()} {
  parts_->options = options;
  if (options.tls) parts_->tls.emplace(make_tls(options));
}

network::~network() = default;

std::unique_ptr<connection> network::open(dial to, connection_listener& listener) {
  return std::make_unique<handle>(*parts_, std::move(to), listener);
}

std::size_t network::run_ready(std::size_t most) {
  std::size_t done = 0;
  while (done < most && parts_->io.poll_one() != 0) ++done;
  return done;
}

void network::wait(duration most) {
  constexpr duration longest = std::chrono::minutes{1};  // the loop adds it to a time of its own
  if (most > duration::zero()) parts_->io.run_one_for(std::min(most, longest));
}

void network::wake() {
  if (parts_->woken.exchange(true)) return;
  asio::post(parts_->io, [this] { parts_->woken.store(false); });
}

bool numeric_address(const std::string& host) {
  error_code error;
  asio::ip::make_address(host, error);
  return !error;
}

bool loopback_host(const std::string& host) {
  error_code error;
  const auto address = asio::ip::make_address(host, error);
  return error ? host == "localhost" : address.is_loopback();
}

}  // namespace sluice::kite_source
