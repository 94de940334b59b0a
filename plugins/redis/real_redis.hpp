// For tests: a redis-server of one's own, and someone who listens to it.
#pragma once

#include <hiredis/hiredis.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sluice::redis::testing {

struct temporary_folder {
  std::filesystem::path path;
  temporary_folder() {
    std::string name = std::filesystem::temp_directory_path() / "sluice_redis_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
    path = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string file(const std::string& name) const { return path / name; }
};

/// A port nobody listens on right now.
inline std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const bool fine = ::bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0 &&
                    ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  ::close(fd);
  if (!fine) throw std::runtime_error{"no free port"};
  return ntohs(at.sin_port);
}

using command_line = std::vector<std::string>;

/// Runs a program to its end or in the background; its output goes to `log`.
inline pid_t launch(command_line words, const std::string& log) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  return child;
}

struct context_free {
  void operator()(redisContext* context) const { redisFree(context); }
};
using context_ptr = std::unique_ptr<redisContext, context_free>;

class real_redis {
 public:
  /// Listens on a unix socket, and where `options` say besides.
  explicit real_redis(command_line options = {}) : options_{std::move(options)} { start(); }
  ~real_redis() { kill(); }
  real_redis(const real_redis&) = delete;
  real_redis& operator=(const real_redis&) = delete;

  std::string socket() const { return folder_.file("redis.sock"); }
  const temporary_folder& folder() const { return folder_; }

  void start() {
    command_line words{"redis-server", "--port", "0",     "--unixsocket", socket(), "--save", "",
                       "--appendonly", "no",     "--dir", folder_.path};
    words.insert(words.end(), options_.begin(), options_.end());
    child_ = launch(std::move(words), folder_.file("log"));
    for (int i = 0; i < 1'000; ++i) {
      const context_ptr talk{redisConnectUnix(socket().c_str())};
      if (talk != nullptr && talk->err == 0) return;
      ::poll(nullptr, 0, 10);
    }
    kill();
    throw std::runtime_error{"redis-server did not start; is it installed?"};
  }
  void kill() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }
  void freeze() { ::kill(child_, SIGSTOP); }
  void thaw() { ::kill(child_, SIGCONT); }

  /// A command's answer as text; arrays are not shown.
  std::string ask(const command_line& words) {
    if (admin_ == nullptr || admin_->err != 0) admin_.reset(redisConnectUnix(socket().c_str()));
    std::vector<const char*> data;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      data.push_back(word.data());
      sizes.push_back(word.size());
    }
    auto* got = static_cast<redisReply*>(
        redisCommandArgv(admin_.get(), static_cast<int>(words.size()), data.data(), sizes.data()));
    if (got == nullptr) throw std::runtime_error{"redis did not answer"};
    std::string text = got->str != nullptr ? std::string{got->str, got->len} : "";
    freeReplyObject(got);
    return text;
  }
  /// Begins a script and does not wait for its end.
  context_ptr begin_script(const std::string& script) {
    context_ptr talk{redisConnectUnix(socket().c_str())};
    redisAppendCommand(talk.get(), "EVAL %s 0", script.c_str());
    for (int done = 0; done == 0;) redisBufferWrite(talk.get(), &done);
    return talk;
  }

 private:
  temporary_folder folder_;
  command_line options_;
  pid_t child_ = 0;
  context_ptr admin_;
};

/// A Sentinel of one's own, on TCP.
class real_sentinel {
 public:
  /// Watches the server at this port of 127.0.0.1 as the master `prices`. `more` is of its
  /// configuration file.
  explicit real_sentinel(std::uint16_t watched, const std::string& more = "") {
    std::ofstream{folder_.file("conf")} << "bind 127.0.0.1\nport " << port_ << "\ndir "
                                        << folder_.path.string()
                                        << "\nsentinel monitor prices 127.0.0.1 " << watched
                                        << " 1\nsentinel down-after-milliseconds prices 60000\n"
                                        << more;
    child_ = launch({"redis-server", folder_.file("conf"), "--sentinel"}, folder_.file("log"));
    for (int i = 0; i < 1'000; ++i) {
      const context_ptr talk{redisConnect("127.0.0.1", port_)};
      if (talk != nullptr && talk->err == 0) return;
      ::poll(nullptr, 0, 10);
    }
    kill();
    throw std::runtime_error{"the sentinel did not start"};
  }
  ~real_sentinel() { kill(); }
  real_sentinel(const real_sentinel&) = delete;
  real_sentinel& operator=(const real_sentinel&) = delete;

  std::string place() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void kill() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  temporary_folder folder_;
  const std::uint16_t port_ = free_port();
  pid_t child_ = 0;
};

/// Takes connections and never says a word.
class silent_server {
 public:
  silent_server() : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&at), size) != 0 || ::listen(fd_, 64) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
      throw std::runtime_error{"no port to listen on"};
    port_ = ntohs(at.sin_port);
  }
  ~silent_server() { ::close(fd_); }
  silent_server(const silent_server&) = delete;
  silent_server& operator=(const silent_server&) = delete;

  std::string place() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

/// Subscribes to everything.
class listener {
 public:
  struct message {
    std::string channel, text;
    bool operator==(const message&) const = default;
  };

  explicit listener(const real_redis& server, const command_line& auth = {})
      : talk_{redisConnectUnix(server.socket().c_str())} {
    if (!auth.empty())
      freeReplyObject(redisCommand(talk_.get(), "AUTH %s %s", auth[0].c_str(), auth[1].c_str()));
    freeReplyObject(redisCommand(talk_.get(), "PSUBSCRIBE *"));
  }

  /// What came so far.
  const std::vector<message>& messages() {
    pollfd ask{talk_->fd, POLLIN, 0};
    while (talk_->err == 0 && ::poll(&ask, 1, 0) == 1 && redisBufferRead(talk_.get()) == REDIS_OK)
      while (take()) {
      }
    return messages_;
  }

 private:
  bool take() {
    void* raw = nullptr;
    if (redisGetReplyFromReader(talk_.get(), &raw) != REDIS_OK || raw == nullptr) return false;
    auto* got = static_cast<redisReply*>(raw);
    const auto text = [&](std::size_t i) {
      return std::string{got->element[i]->str, got->element[i]->len};
    };
    if (got->elements == 4) messages_.push_back({text(2), text(3)});
    freeReplyObject(got);
    return true;
  }
  context_ptr talk_;
  std::vector<message> messages_;
};

}  // namespace sluice::redis::testing
