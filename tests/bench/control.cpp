// The control program of the full chain: reads the feed with bare Beast and publishes one
// pre-encoded message of equal length per packet, with the same window as redis_sink. What any
// publisher must do, and nothing else.
//
//   bench_control FEED_PORT REDIS_PORT
#include "feed.hpp"
#include "message.hpp"

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <kite/frame.hpp>
#include <string>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace kite = sluice::kite;

constexpr std::size_t batch = 100, window = 4 * batch;

/// The message as redis_sink makes it for one tick, and where its nine digits are.
struct message {
  std::string text;
  std::size_t digits;
};

message make_message() {
  std::string text = bench::publish_command("PUBLISH", 0);
  const std::size_t at = text.find("\"volume_traded\":") + 16;
  return {std::move(text), at};
}

void put_number(char* at, std::uint32_t number) {
  for (int i = 8; i >= 0; --i, number /= 10) at[i] = static_cast<char>('0' + number % 10);
}

}  // namespace

int main(int count, char** words) try {
  if (count != 3) throw std::invalid_argument{"usage: bench_control FEED_PORT REDIS_PORT"};
  const auto port = [](const char* text) {
    return static_cast<std::uint16_t>(std::strtoul(text, nullptr, 10));
  };
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  asio::io_context io;
  const auto loopback = asio::ip::address_v4::loopback();
  beast::websocket::stream<asio::ip::tcp::socket, false> source{io};
  source.next_layer().connect({loopback, port(words[1])});
  source.next_layer().set_option(asio::ip::tcp::no_delay{true});
  source.read_message_max(4 << 20);
  source.handshake("127.0.0.1", "/");
  source.write(asio::buffer(std::string{R"({"a":"subscribe","v":[256265]})"}));
  asio::ip::tcp::socket redis{io};
  redis.connect({loopback, port(words[2])});
  redis.set_option(asio::ip::tcp::no_delay{true});

  const message prepared = make_message();
  std::string out;
  char replies[65'536];
  std::size_t unanswered = 0, packed = 0;
  const auto read_replies = [&] {
    const std::size_t got = redis.read_some(asio::buffer(replies));
    unanswered -= static_cast<std::size_t>(std::count(replies, replies + got, '\n'));
  };
  const auto flush = [&] {
    while (unanswered + packed > window) read_replies();
    asio::write(redis, asio::buffer(out));
    unanswered += packed;
    packed = 0;
    out.clear();
  };
  beast::flat_buffer frame;
  while (true) {
    frame.clear();
    source.read(frame);
    const auto* bytes = static_cast<const std::uint8_t*>(frame.data().data());
    kite::split({bytes, frame.size()}, [&](kite::bytes_view packet, kite::packet_kind) {
      out.append(prepared.text);
      put_number(out.data() + out.size() - prepared.text.size() + prepared.digits,
                 kite::load_u32(packet.data() + 16));
      if (++packed == batch) flush();
    });
    if (packed > 0) flush();
    while (redis.available() > 0) read_replies();
  }
} catch (const std::exception& error) {
  std::cerr << "bench_control: " << error.what() << '\n';
  return 1;
}
