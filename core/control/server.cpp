#include "control/server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio.hpp>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace sluice::control {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using local = asio::local::stream_protocol;
using error_code = boost::system::error_code;

constexpr std::size_t sessions_max = 16;
constexpr std::size_t path_max = 107;  // of sockaddr_un
constexpr auto session_limit = std::chrono::seconds{5};
constexpr auto pause_after_error = std::chrono::milliseconds{100};

/// Held as long as the process serves the socket: the kernel lets go of it however that ends.
class name_lock {
 public:
  explicit name_lock(const fs::path& socket) {
    const std::string file = socket.string() + ".lock";
    file_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file_ < 0) throw std::runtime_error{file + ": " + std::generic_category().message(errno)};
    if (flock(file_, LOCK_EX | LOCK_NB) == 0) return;
    close(file_);
    throw std::runtime_error{
        fmt::format("already running: another process serves {}", socket.string())};
  }
  name_lock(const name_lock&) = delete;
  name_lock& operator=(const name_lock&) = delete;
  ~name_lock() { close(file_); }

 private:
  int file_ = -1;
};

/// What the sessions share; they may outlive the server.
struct shared {
  answerer answer;
  std::size_t open = 0;  ///< sessions
};

/// One request and its reply.
class session : public std::enable_shared_from_this<session> {
 public:
  session(local::socket socket, std::shared_ptr<shared> with)
      : socket_{std::move(socket)}, limit_{socket_.get_executor()}, with_{std::move(with)} {
    ++with_->open;
  }
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session() { --with_->open; }

  void begin() {
    limit_.expires_after(session_limit);
    limit_.async_wait([self = weak_from_this()](error_code cancelled) {
      if (const auto still = self.lock(); still && !cancelled) still->socket_.close(cancelled);
    });
    asio::async_read_until(
        socket_, asio::dynamic_buffer(line_, request_max), '\n',
        [self = shared_from_this()](error_code failed, std::size_t size) {
          if (!failed) return self->reply(self->answer_to(self->line_.substr(0, size)));
          if (failed == asio::error::not_found)
            self->reply(refusal(fmt::format("a request has at most {} bytes", request_max)));
        });
  }

 private:
  std::string answer_to(const std::string& line) const {
    try {
      const request asked = parse_request(line);
      const std::optional<std::string> document = with_->answer(asked);
      if (document) return reply_header(document->size()) + *document;
      return refusal(fmt::format(
          "there is no \"{}\"; there are status, page, metrics, events, operations, commands, "
          "config and tap?stage=NAME",
          asked.get));
    } catch (const std::exception& failed) {
      return refusal(failed.what());
    }
  }

  void reply(std::string text) {
    out_ = std::move(text);
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this()](error_code, std::size_t) {
                        error_code ignored;
                        self->socket_.shutdown(local::socket::shutdown_both, ignored);
                        self->limit_.cancel();
                      });
  }

  local::socket socket_;
  asio::steady_timer limit_;
  std::shared_ptr<shared> with_;
  std::string line_, out_;
};

}  // namespace

struct server::parts : std::enable_shared_from_this<parts> {
  parts(asio::io_context& io, fs::path where)
      : file{std::move(where)}, lock{file}, acceptor{io}, pause{io} {
    error_code failed;
    fs::remove(file);  // the lock is ours: nobody serves it
    acceptor.open(local{}, failed);
    const mode_t before = umask(0177);  // the file is born with mode 0600
    if (!failed) acceptor.bind(local::endpoint{file.string()}, failed);
    umask(before);
    if (!failed) acceptor.listen(sessions_max, failed);
    if (failed) throw std::runtime_error{fmt::format("{}: {}", file.string(), failed.message())};
  }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](error_code failed, local::socket peer) {
      if (failed == asio::error::operation_aborted || !self->acceptor.is_open()) return;
      if (failed) return self->accept_later();
      if (self->with->open < sessions_max)
        std::make_shared<session>(std::move(peer), self->with)->begin();
      self->accept();  // one too many was closed at once
    });
  }

  /// Out of descriptors, most likely: asking again at once would spin.
  void accept_later() {
    pause.expires_after(pause_after_error);
    pause.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled) self->accept();
    });
  }

  fs::path file;
  name_lock lock;
  local::acceptor acceptor;
  asio::steady_timer pause;
  std::shared_ptr<shared> with = std::make_shared<shared>();
};

server::server(asio::io_context& io, fs::path socket) {
  if (socket.string().size() > path_max)
    throw std::runtime_error{fmt::format(
        "{}: a socket's path has at most {} bytes; set $SLUICE_RUN_DIR to a shorter one",
        socket.string(), path_max)};
  parts_ = std::make_shared<parts>(io, std::move(socket));
}

server::~server() {
  stop();
  std::error_code ignored;
  fs::remove(parts_->file, ignored);
}

void server::serve(answerer answer) {
  parts_->with->answer = std::move(answer);
  parts_->accept();
}

void server::stop() {
  error_code ignored;
  parts_->acceptor.close(ignored);
  parts_->pause.cancel();
}

}  // namespace sluice::control
