#include "feed.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/beast/core/detail/base64.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <kite/packet.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bench {

namespace kite = sluice::kite;

std::int64_t now_ns() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1'000'000'000LL + at.tv_nsec;
}

std::uint32_t token_of(std::uint32_t instrument) { return (1000 + instrument) << 8 | 1; }

void encode_tick(std::uint32_t number, std::uint32_t instruments, std::uint8_t* out) {
  kite::packet made;
  made.kind = kite::packet_kind::full;
  made.token = token_of(number % instruments);
  made.last_price = 157'015;
  made.last_quantity = 25;
  made.average_price = 157'033;
  made.volume = first_number + number;
  made.buy_quantity = 256'511;
  made.sell_quantity = 360'503;
  made.open = 156'900;
  made.high = 157'500;
  made.low = 156'105;
  made.close = 156'715;
  made.last_trade_time = 1'767'585'600;
  made.exchange_time = 1'767'585'601;
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto step = static_cast<std::int32_t>(i) * 5;
    made.buy[i] = {100 + i, 157'010 - step, static_cast<std::uint16_t>(3 + i)};
    made.sell[i] = {200 + i, 157'015 + step, static_cast<std::uint16_t>(4 + i)};
  }
  kite::encode(made, {out, kite::size_of(kite::packet_kind::full)});
}

namespace {

void check(bool fine, const char* what) {
  if (!fine) throw std::runtime_error{std::string{what} + ": " + std::strerror(errno)};
}

bool readable(int socket, int wait_ms) {
  pollfd one{socket, POLLIN, 0};
  return poll(&one, 1, wait_ms) == 1;
}

std::string accept_key(std::string_view request) {
  constexpr std::string_view header = "sec-websocket-key: ";
  std::string lower{request};
  for (char& each : lower) each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
  const std::size_t at = lower.find(header);
  if (at == std::string::npos) throw std::runtime_error{"not a WebSocket request"};
  const std::size_t begin = at + header.size();
  std::string key{request.substr(begin, request.find("\r\n", begin) - begin)};
  key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, section 1.3
  unsigned char hash[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash);
  namespace base64 = boost::beast::detail::base64;
  std::string text(base64::encoded_size(sizeof hash), '\0');
  text.resize(base64::encode(text.data(), hash, sizeof hash));
  return text;
}

}  // namespace

feed::feed() {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  check(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  check(listen(listener_, 4) == 0, "listen");
  socklen_t size = sizeof address;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

feed::~feed() {
  hang_up();
  close(listener_);
}

void feed::hang_up() {
  if (client_ >= 0) close(client_);
  client_ = -1;
}

void feed::wait_for_subscription() {
  hang_up();
  if (!readable(listener_, 10'000)) throw std::runtime_error{"no client connected within 10 s"};
  client_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  check(client_ >= 0, "accept");
  const int on = 1;
  setsockopt(client_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

  std::string request;
  while (request.find("\r\n\r\n") == std::string::npos) {
    char text[4096];
    if (!readable(client_, 10'000)) throw std::runtime_error{"no request within 10 s"};
    const ssize_t got = recv(client_, text, sizeof text, 0);
    if (got <= 0) throw std::runtime_error{"the client left during its request"};
    request.append(text, static_cast<std::size_t>(got));
  }
  const std::string answer =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_key(request) + "\r\n\r\n";
  write_all(reinterpret_cast<const std::uint8_t*>(answer.data()), answer.size());
  // A client subscribes at once; what it says is not looked at.
  if (!readable(client_, 10'000)) throw std::runtime_error{"no subscription within 10 s"};
  usleep(100'000);
  discard_input();
}

void feed::discard_input() {
  char text[4096];
  while (recv(client_, text, sizeof text, MSG_DONTWAIT) > 0) {
  }
}

void feed::write_all(const std::uint8_t* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(client_, data, size, MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error{"the client left"};
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
}

void feed::send(const load& what) {
  due_.assign(what.ticks, 0);
  std::vector<std::uint8_t> frame;
  const std::int64_t began = now_ns();
  for (std::uint32_t first = 0; first < what.ticks; first += what.per_frame) {
    const std::uint32_t count = std::min(what.per_frame, what.ticks - first);
    const std::uint32_t size = 2 + count * 186;
    frame.clear();
    frame.push_back(0x82);  // binary, final
    if (size < 65'536) {
      frame.insert(frame.end(),
                   {126, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)});
    } else {
      frame.push_back(127);
      for (int shift = 56; shift >= 0; shift -= 8)
        frame.push_back(static_cast<std::uint8_t>(std::uint64_t{size} >> shift));
    }
    frame.insert(frame.end(),
                 {static_cast<std::uint8_t>(count >> 8), static_cast<std::uint8_t>(count)});
    for (std::uint32_t i = 0; i < count; ++i) {
      frame.insert(frame.end(), {0, 184});
      frame.resize(frame.size() + 184);
      encode_tick(first + i, what.instruments, frame.data() + frame.size() - 184);
    }
    std::int64_t due = now_ns();
    if (what.ticks_per_s > 0) {
      due = began + static_cast<std::int64_t>(first / what.ticks_per_s * 1e9);
      const timespec until{due / 1'000'000'000, due % 1'000'000'000};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    }
    std::fill_n(due_.begin() + first, count, due);
    write_all(frame.data(), frame.size());
    discard_input();
  }
}

}  // namespace bench
