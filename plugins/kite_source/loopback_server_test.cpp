// The loopback server of the tests; see loopback_server.hpp.
#include "loopback_server.hpp"

#include <net/secure_socket.hpp>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

namespace sluice::kite_source {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::use_awaitable;
using asio::ip::tcp;
using secure_socket = net::secure_socket<tcp::socket>;
using websocket_server = websocket::stream<secure_socket, false>;

/// A key and a self-signed certificate for 127.0.0.1.
struct certificate {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  X509* made = X509_new();

  certificate() {
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key);
    X509_NAME* name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("loopback"), -1, -1, 0);
    X509_set_issuer_name(made, name);
    extend(NID_subject_alt_name, "IP:127.0.0.1");
    extend(NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(made, key, EVP_sha256());
  }
  certificate(const certificate&) = delete;
  ~certificate() {
    X509_free(made);
    EVP_PKEY_free(key);
  }

  void write(const std::string& file) const {
    std::FILE* out = std::fopen(file.c_str(), "w");
    if (out == nullptr) throw std::runtime_error{"cannot write " + file};
    PEM_write_X509(out, made);
    std::fclose(out);
  }

 private:
  void extend(int what, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value);
    X509_add_ext(made, extension, -1);
    X509_EXTENSION_free(extension);
  }
};

std::string temporary_file(std::uint16_t port) {
  return (std::filesystem::temp_directory_path() /
          ("kite_source_test_" + std::to_string(port) + ".pem"))
      .string();
}

struct seen {
  std::vector<std::string> targets, texts;
  std::string kite_version, extensions;
  std::size_t open = 0, closed_politely = 0, pings = 0;
};

/// What a test may do to an open connection; on the server's thread.
struct live {
  std::function<void(std::string bytes, bool text)> send;
  std::function<void()> ping, cut;
};

}  // namespace

struct loopback_server::parts {
  asio::io_context io;
  tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  std::optional<asio::ssl::context> tls;
  std::vector<std::shared_ptr<live>> connections;
  std::thread thread;

  mutable std::mutex mutex;  ///< guards what follows
  unsigned status = 101;
  std::string body;
  seen so_far;

  template <typename Change>
  void note(Change change) {
    const std::lock_guard lock{mutex};
    change(so_far);
  }

  asio::awaitable<void> accept() {
    while (true) {
      tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
      const auto made =
          std::make_shared<websocket_server>(tls ? &*tls : nullptr, std::move(socket));
      asio::co_spawn(io, serve(made), asio::detached);
    }
  }

  asio::awaitable<void> serve(std::shared_ptr<websocket_server> socket) {
    secure_socket& stream = socket->next_layer();
    co_await stream.async_handshake(asio::ssl::stream_base::server, use_awaitable);
    beast::flat_buffer buffer;
    http::request<http::string_body> request;
    co_await http::async_read(stream, buffer, request, use_awaitable);
    note([&](seen& all) {
      all.targets.emplace_back(request.target());
      all.kite_version = std::string{request["X-Kite-Version"]};
      all.extensions = std::string{request[http::field::sec_websocket_extensions]};
    });
    http::response<http::string_body> response;
    {
      const std::lock_guard lock{mutex};
      response.result(status);
      response.body() = body;
    }
    if (response.result_int() == 0) {  // holds the line, says nothing
      char byte = 0;
      co_await stream.async_read_some(asio::buffer(&byte, 1), use_awaitable);
    } else if (response.result_int() != 101) {
      response.prepare_payload();
      co_await http::async_write(stream, response, use_awaitable);
    } else {
      co_await talk(socket, request);
    }
  }

  asio::awaitable<void> talk(std::shared_ptr<websocket_server> socket,
                             const http::request<http::string_body>& request) {
    co_await socket->async_accept(request, use_awaitable);
    const auto mine = std::make_shared<live>(live_of(socket));
    connections.push_back(mine);
    note([](seen& all) { ++all.open; });
    socket->control_callback([this](websocket::frame_type kind, beast::string_view) {
      if (kind == websocket::frame_type::ping) note([](seen& all) { ++all.pings; });
    });
    boost::system::error_code error;
    beast::flat_buffer buffer;
    while (!error) {
      co_await socket->async_read(buffer, asio::redirect_error(use_awaitable, error));
      if (!error)
        note([&](seen& all) { all.texts.push_back(beast::buffers_to_string(buffer.data())); });
      buffer.clear();
    }
    std::erase(connections, mine);
    note([&](seen& all) {
      --all.open;
      if (error == websocket::error::closed &&
          socket->reason().code == websocket::close_code::normal)
        ++all.closed_politely;
    });
  }

  /// Writes one message after another, whatever their number.
  live live_of(const std::shared_ptr<websocket_server>& socket) {
    auto unsent = std::make_shared<std::deque<std::pair<std::string, bool>>>();
    auto write = std::make_shared<std::function<void()>>();
    *write = [socket, unsent, next = std::weak_ptr{write}] {
      socket->text(unsent->front().second);
      socket->async_write(
          asio::buffer(unsent->front().first),
          [socket, unsent, again = next.lock()](boost::system::error_code error, std::size_t) {
            unsent->pop_front();
            if (!error && !unsent->empty()) (*again)();
          });
    };
    return {[unsent, write](std::string bytes, bool text) {
              unsent->emplace_back(std::move(bytes), text);
              if (unsent->size() == 1) (*write)();
            },
            [socket] { socket->async_ping({}, [socket](boost::system::error_code) {}); },
            [socket] {
              boost::system::error_code ignored;
              socket->next_layer().socket().close(ignored);
            }};
  }

  void send_all(std::string bytes, bool text) {
    asio::post(io, [this, bytes = std::move(bytes), text] {
      for (const auto& each : connections) each->send(bytes, text);
    });
  }
};

loopback_server::loopback_server(transport over) : parts_{std::make_unique<parts>()} {
  if (over == transport::tls) {
    const certificate own;
    parts_->tls.emplace(asio::ssl::context::tls_server);
    SSL_CTX_use_certificate(parts_->tls->native_handle(), own.made);
    SSL_CTX_use_PrivateKey(parts_->tls->native_handle(), own.key);
    own.write(certificate_file());
  }
  asio::co_spawn(parts_->io, parts_->accept(), asio::detached);
  parts_->thread = std::thread{[this] { parts_->io.run(); }};
}

loopback_server::~loopback_server() {
  parts_->io.stop();
  parts_->thread.join();
  if (parts_->tls) std::remove(certificate_file().c_str());
}

std::uint16_t loopback_server::port() const { return parts_->acceptor.local_endpoint().port(); }

std::string loopback_server::url() const {
  return (parts_->tls ? "wss://127.0.0.1:" : "ws://127.0.0.1:") + std::to_string(port());
}

std::string loopback_server::certificate_file() const { return temporary_file(port()); }

void loopback_server::answer(unsigned status, std::string body) {
  const std::lock_guard lock{parts_->mutex};
  parts_->status = status;
  parts_->body = std::move(body);
}

void loopback_server::send(std::vector<std::uint8_t> frame) {
  parts_->send_all({frame.begin(), frame.end()}, false);
}

void loopback_server::send_text(std::string text) { parts_->send_all(std::move(text), true); }

void loopback_server::ping() {
  asio::post(parts_->io, [this] {
    for (const auto& each : parts_->connections) each->ping();
  });
}

void loopback_server::cut() {
  asio::post(parts_->io, [this] {
    for (const auto& each : parts_->connections) each->cut();
  });
}

void loopback_server::cut_one() {
  asio::post(parts_->io, [this] {
    if (!parts_->connections.empty()) parts_->connections.front()->cut();
  });
}

std::vector<std::string> loopback_server::targets() const {
  const std::lock_guard lock{parts_->mutex};
  return parts_->so_far.targets;
}
std::string loopback_server::kite_version() const {
  const std::lock_guard lock{parts_->mutex};
  return parts_->so_far.kite_version;
}
std::string loopback_server::extensions() const {
  const std::lock_guard lock{parts_->mutex};
  return parts_->so_far.extensions;
}
std::vector<std::string> loopback_server::texts() const {
  const std::lock_guard lock{parts_->mutex};
  return parts_->so_far.texts;
}
std::size_t loopback_server::pings() const {
  const std::lock_guard lock{parts_->mutex};
  return parts_->so_far.pings;
}
std::size_t loopback_server::open() const {
  const std::lock_guard lock{parts_->mutex};
  return parts_->so_far.open;
}
std::size_t loopback_server::closed_politely() const {
  const std::lock_guard lock{parts_->mutex};
  return parts_->so_far.closed_politely;
}

}  // namespace sluice::kite_source
