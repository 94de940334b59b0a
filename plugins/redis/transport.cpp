#include "transport.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <exception>
#include <utility>

namespace sluice::redis {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr int reads_per_event = 4;  ///< bounds the work of one event: 64 KiB

void set(int socket, int level, int option, int value) {
  // Best effort: each only makes a dead peer known sooner, or a reply come sooner.
  (void)::setsockopt(socket, level, option, &value, sizeof value);
}

}  // namespace

void transport::open(const protocol::endpoint& to, const tls_context* tls, const std::string& host,
                     std::uint32_t user_timeout_ms) {
  close();
  const std::uint64_t epoch = epoch_;
  error_code error;
  socket_.open(to.protocol(), error);
  if (!error) socket_.non_blocking(true, error);
  if (error) return fail_later(error.message());
  try {
    if (tls != nullptr) tls_.emplace(*tls, host);
  } catch (const std::exception& exception) {
    return fail_later(exception.what());
  }
  set_options(to.protocol().family() != AF_UNIX, user_timeout_ms);
  socket_.async_connect(to, [this, epoch](error_code result) {
    if (epoch != epoch_) return;
    if (result) return fail(result.message());
    connected();
  });
}

void transport::set_options(bool tcp, std::uint32_t user_timeout_ms) {
  if (!tcp) return;
  const int socket = socket_.native_handle();
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set(socket, IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(user_timeout_ms));
}

void transport::close() {
  ++epoch_;
  error_code ignored;
  socket_.close(ignored);
  tls_.reset();
  open_ = shaking_hands_ = blocked_ = broken_ = false;
  pending_ = {};
}

void transport::connected() {
  if (!tls_) {
    open_ = true;
    wait_readable();
    return owner_.opened();
  }
  shaking_hands_ = true;
  wait_readable();
  shake_hands();
}

void transport::shake_hands() {
  try {
    const bool done = tls_->handshake();
    if (!flush()) return;
    if (!done) return;
    shaking_hands_ = false;
    open_ = true;
  } catch (const std::exception& exception) {
    flush();  // the alert that tells the peer why
    return fail(exception.what());
  }
  owner_.opened();
}

void transport::wait_readable() {
  socket_.async_wait(protocol::socket::wait_read, [this, epoch = epoch_](error_code result) {
    if (epoch != epoch_) return;
    if (result) return fail(result.message());
    on_readable();
  });
}

void transport::on_readable() {
  const std::uint64_t epoch = epoch_;
  for (int i = 0; i < reads_per_event; ++i) {
    error_code error;
    const std::size_t got = socket_.read_some(asio::buffer(cipher_), error);
    if (error == asio::error::would_block || error == asio::error::interrupted) break;
    if (error == asio::error::eof) return fail("the server closed the connection");
    if (error) return fail(error.message());
    if (tls_)
      decrypt({cipher_.data(), got});
    else
      owner_.received({cipher_.data(), got});
    if (epoch != epoch_) return;
    if (got < cipher_.size()) break;
  }
  wait_readable();
}

void transport::decrypt(std::span<const char> cipher) {
  const std::uint64_t epoch = epoch_;
  try {
    tls_->input(cipher);
  } catch (const std::exception& exception) {
    return fail(exception.what());
  }
  if (shaking_hands_) {
    shake_hands();
    if (epoch != epoch_ || shaking_hands_) return;
  }
  for (;;) {
    std::size_t got = 0;
    try {
      got = tls_->read(plain_);
    } catch (const std::exception& exception) {
      return fail(exception.what());
    }
    if (got == 0) break;
    owner_.received({plain_.data(), got});
    if (epoch != epoch_) return;
  }
  if (tls_->ended()) return fail("the server closed the connection");
  if (!blocked_) flush();  // what TLS itself has to say
}

bool transport::writable() const {
  pollfd ask{const_cast<transport*>(this)->socket_.native_handle(), POLLOUT, 0};
  return ::poll(&ask, 1, 0) == 1 && (ask.revents & POLLOUT) != 0;
}

bool transport::send(std::span<const char> bytes) {
  const std::uint64_t before = bytes_written_;
  if (tls_) {
    // What is encrypted is committed: look before, whether it can go.
    if (!writable()) {
      wait_writable();
      return false;
    }
    try {
      tls_->write(bytes);
    } catch (const std::exception& exception) {
      fail_later(exception.what());
      return false;
    }
    flush();
    return true;
  }
  pending_ = bytes;
  flush();
  if (bytes_written_ != before) return true;
  pending_ = {};
  return false;
}

std::span<const char> transport::unsent() const { return tls_ ? tls_->output() : pending_; }

/// False when the connection turned out to be gone.
bool transport::flush() {
  for (auto rest = unsent(); !rest.empty(); rest = unsent()) {
    error_code error;
    const std::size_t gone = socket_.write_some(asio::buffer(rest.data(), rest.size()), error);
    if (error == asio::error::would_block || error == asio::error::interrupted) {
      wait_writable();
      return true;
    }
    if (error) {
      fail_later(error.message());
      return false;
    }
    bytes_written_ += gone;
    if (tls_)
      tls_->sent(gone);
    else
      pending_ = rest.subspan(gone);
  }
  return true;
}

void transport::wait_writable() {
  blocked_ = true;
  socket_.async_wait(protocol::socket::wait_write, [this, epoch = epoch_](error_code result) {
    if (epoch != epoch_) return;
    if (result) return fail(result.message());
    blocked_ = false;
    flush();
  });
}

void transport::fail(std::string why) {
  close();
  owner_.closed(why);
}

void transport::fail_later(std::string why) {
  broken_ = true;
  asio::post(io_, [this, epoch = epoch_, why = std::move(why)] {
    if (epoch == epoch_) fail(why);
  });
}

}  // namespace sluice::redis
