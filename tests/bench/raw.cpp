// A raw pipelined client: writes commands that are ready made, with redis_sink's batch and window,
// as fast as they are answered. What any publisher must do, and nothing else.
//
//   bench_raw PUBLISH PORT                             to one server
//   bench_raw SPUBLISH PORT FIRST LAST [PORT ...]...   to masters of a cluster, by their slots
#include "feed.hpp"
#include "message.hpp"

#include <redis/slot.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t batch = 100, window = 4 * batch;

/// One server and the messages that are for it, over and over.
class publisher {
 public:
  publisher(std::string_view word, std::uint16_t port, std::uint32_t first_slot,
            std::uint32_t last_slot)
      : socket_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      throw std::runtime_error{"no Redis at port " + std::to_string(port)};
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::size_t packed = 0;
    for (std::uint32_t i = 0; i < bench::load{}.instruments; ++i) {
      const std::uint32_t slot = sluice::redis::slot_of(bench::channel_of(i));
      if (slot < first_slot || slot > last_slot) continue;
      if (packed++ % batch == 0) batches_.emplace_back();
      batches_.back().text += bench::publish_command(word, i);
      ++batches_.back().messages;
    }
    if (batches_.empty()) throw std::runtime_error{"no channel is in these slots"};
  }

  int file() const { return socket_; }
  void write() {
    while (unanswered_ + batches_[next_].messages <= window) {
      const prepared& out = batches_[next_];
      next_ = (next_ + 1) % batches_.size();
      unanswered_ += out.messages;
      for (std::size_t done = 0; done < out.text.size();) {
        const ssize_t sent =
            send(socket_, out.text.data() + done, out.text.size() - done, MSG_NOSIGNAL);
        if (sent <= 0) throw std::runtime_error{"Redis is gone"};
        done += static_cast<std::size_t>(sent);
      }
    }
  }
  void read() {
    char replies[65'536];
    const ssize_t got = recv(socket_, replies, sizeof replies, 0);
    if (got <= 0) throw std::runtime_error{"Redis is gone"};
    const std::string_view text{replies, static_cast<std::size_t>(got)};
    if (const auto error = text.find('-'); error != text.npos)
      throw std::runtime_error{"Redis refused: " + std::string{text.substr(error, 100)}};
    unanswered_ -= static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

 private:
  struct prepared {
    std::string text;
    std::size_t messages = 0;
  };
  int socket_;
  std::vector<prepared> batches_;
  std::size_t next_ = 0, unanswered_ = 0;
};

std::uint32_t number(const char* text) {
  return static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

}  // namespace

int main(int count, char** words) try {
  std::vector<publisher> all;
  if (count == 3)
    all.emplace_back(words[1], static_cast<std::uint16_t>(number(words[2])), 0u,
                     sluice::redis::slot_count);
  for (int i = 2; count > 3 && i + 2 < count; i += 3)
    all.emplace_back(words[1], static_cast<std::uint16_t>(number(words[i])), number(words[i + 1]),
                     number(words[i + 2]));
  if (all.empty())
    throw std::invalid_argument{"usage: bench_raw PUBLISH PORT | SPUBLISH (PORT FIRST LAST)..."};
  std::vector<pollfd> waited;
  for (publisher& each : all) {
    each.write();
    waited.push_back({each.file(), POLLIN, 0});
  }
  while (poll(waited.data(), waited.size(), -1) > 0)
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (waited[i].revents == 0) continue;
      all[i].read();
      all[i].write();
    }
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_raw: %s\n", error.what());
  return 1;
}
