#include "subscriber.hpp"

#include "feed.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace bench {

namespace {
constexpr std::string_view mark = "\"volume_traded\":";
constexpr std::size_t digits = 9;
}  // namespace

subscriber::subscriber(std::uint16_t redis_port, const std::string& pattern, std::uint32_t ticks)
    : arrivals_(ticks) {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(redis_port);
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error{"the subscriber cannot connect to Redis"};
  const std::string command =
      "*2\r\n$10\r\nPSUBSCRIBE\r\n$" + std::to_string(pattern.size()) + "\r\n" + pattern + "\r\n";
  if (send(socket_, command.data(), command.size(), MSG_NOSIGNAL) < 0)
    throw std::runtime_error{"the subscriber cannot subscribe"};
  char answer[256];
  if (recv(socket_, answer, sizeof answer, 0) <= 0)
    throw std::runtime_error{"no answer to PSUBSCRIBE"};
  thread_ = std::thread{[this] { read(); }};
}

subscriber::~subscriber() {
  stop();
  close(socket_);
}

void subscriber::stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void subscriber::read() {
  std::vector<char> buffer(1 << 20);
  std::size_t filled = 0;
  while (!stopping_) {
    pollfd one{socket_, POLLIN, 0};
    if (poll(&one, 1, 50) != 1) continue;
    const ssize_t got = recv(socket_, buffer.data() + filled, buffer.size() - filled, 0);
    if (got <= 0) return;
    filled += static_cast<std::size_t>(got);
    const std::size_t used = scan(buffer.data(), filled, now_ns());
    std::memmove(buffer.data(), buffer.data() + used, filled - used);
    filled -= used;
  }
}

std::size_t subscriber::scan(const char* text, std::size_t size, std::int64_t now) {
  std::size_t at = 0;
  std::uint32_t found = 0;
  while (true) {
    const void* hit = memmem(text + at, size - at, mark.data(), mark.size());
    if (hit == nullptr) break;
    const std::size_t number =
        static_cast<std::size_t>(static_cast<const char*>(hit) - text) + mark.size();
    if (number + digits > size) break;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < digits; ++i)
      value = value * 10 + static_cast<std::uint32_t>(text[number + i] - '0');
    at = number + digits;
    const std::uint32_t tick = value - first_number;
    if (tick >= arrivals_.size()) continue;
    if (arrivals_[tick] != 0) {
      ++repeated_;
      continue;
    }
    arrivals_[tick] = now;
    ++found;
  }
  if (found > 0) {
    last_arrival_ = now;
    seen_.fetch_add(found, std::memory_order_release);
  }
  // What may be the beginning of a mark stays.
  return std::max(at, size > mark.size() + digits ? size - mark.size() - digits : 0);
}

bool subscriber::wait(std::uint32_t ticks, int quiet_ms) {
  std::uint32_t before = seen();
  for (int quiet = 0; seen() < ticks; quiet += 10) {
    usleep(10'000);
    if (seen() != before) quiet = 0;
    before = seen();
    if (quiet >= quiet_ms) return false;
  }
  return true;
}

}  // namespace bench
