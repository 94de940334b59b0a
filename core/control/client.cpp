#include "control/client.hpp"

#include "control/run_dir.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace sluice::control {
namespace {

namespace fs = std::filesystem;

using milliseconds = std::chrono::milliseconds;
constexpr milliseconds look_limit = std::chrono::seconds{5};
constexpr std::size_t document_max = 64u << 20;

[[noreturn]] void fail(const fs::path& socket, std::string_view why) {
  throw std::runtime_error{fmt::format("{}: {}", socket.string(), why)};
}

/// A connection that never waits longer than the limit in all.
class connection {
 public:
  connection(const fs::path& socket, milliseconds limit)
      : path_{socket},
        limit_{limit},
        socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)} {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    const std::string text = socket.string();
    const bool fits = text.size() < sizeof to.sun_path;
    if (fits) std::memcpy(to.sun_path, text.c_str(), text.size() + 1);
    const bool connected =
        fits && socket_ >= 0 &&
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    if (connected) return;
    const bool full = errno == EAGAIN;  // of connections that were not taken yet
    const std::string why = fits ? std::generic_category().message(errno) : "too long a path";
    if (socket_ >= 0) close(socket_);
    if (fits && full) give_up();
    fail(path_, why);
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() { close(socket_); }

  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent < 0) {
        wait(POLLOUT);
        continue;
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  /// Until the peer ends.
  std::string receive() {
    std::string all;
    char part[16384];
    for (;;) {
      const ssize_t got = recv(socket_, part, sizeof part, 0);
      if (got == 0) return all;
      if (got < 0) {
        wait(POLLIN);
        continue;
      }
      all.append(part, static_cast<std::size_t>(got));
      if (all.size() > document_max) fail(path_, "the reply is too large");
    }
  }

 private:
  [[noreturn]] void give_up() const {
    throw no_answer{fmt::format("{}: no answer within {:g} s", path_.string(),
                                std::chrono::duration<double>{limit_}.count())};
  }

  /// After a call that failed: until it may succeed.
  void wait(short events) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
      fail(path_, std::generic_category().message(errno));
    const auto left = std::chrono::duration_cast<milliseconds>(begun_ + limit_ -
                                                               std::chrono::steady_clock::now());
    if (left.count() <= 0) give_up();
    pollfd waiting{socket_, events, 0};
    ::poll(&waiting, 1, static_cast<int>(left.count()));
  }

  fs::path path_;
  milliseconds limit_;
  int socket_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

std::string list(const std::vector<fs::path>& all) {
  std::string text;
  for (const fs::path& one : all) text += (text.empty() ? "" : ", ") + one.string();
  return text;
}

}  // namespace

std::string ask(const fs::path& socket, const request& asked, milliseconds limit) {
  connection to{socket, limit};
  to.send(render(asked));
  const std::string reply = to.receive();
  const std::size_t end = std::min(reply.find('\n'), reply.size());
  const std::size_t size = parse_reply_header(std::string_view{reply}.substr(0, end));
  if (reply.size() - std::min(end + 1, reply.size()) != size) fail(socket, "the reply was cut off");
  return reply.substr(end + 1);
}

bool answers(const fs::path& socket) {
  try {
    connection{socket, look_limit};
    return true;
  } catch (const no_answer&) {
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

std::vector<fs::path> running(const std::vector<fs::path>& run_dirs) {
  std::vector<fs::path> found;
  for (const fs::path& directory : run_dirs) {
    std::error_code unreadable;
    for (fs::directory_iterator it{directory, unreadable}, end; !unreadable && it != end;
         it.increment(unreadable))
      if (it->path().extension() == ".sock" && answers(it->path())) found.push_back(it->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

fs::path find_socket(const std::vector<fs::path>& run_dirs, std::string_view pipeline) {
  if (pipeline.find('/') != std::string_view::npos) return pipeline;
  if (pipeline.empty()) {
    const std::vector<fs::path> found = running(run_dirs);
    if (found.size() == 1) return found[0];
    if (found.empty())
      throw std::runtime_error{fmt::format("no pipeline runs; looked in {}", list(run_dirs))};
    throw std::runtime_error{fmt::format("several pipelines run, name one: {}", list(found))};
  }
  std::vector<fs::path> tried;
  for (const fs::path& directory : run_dirs) {
    tried.push_back(socket_file(directory, pipeline));
    if (answers(tried.back())) return tried.back();
  }
  throw std::runtime_error{
      fmt::format("pipeline '{}' does not run; looked for {}", pipeline, list(tried))};
}

}  // namespace sluice::control
