// The event loop and its connections, without a host.
#include "network.hpp"

#include "loopback_server.hpp"

#include <kite/frame.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <new>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;

namespace {
thread_local std::size_t allocations = 0;  // of this thread, in the whole program
}

// Not inlined: g++ would take the pairs for mismatched.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* made = std::malloc(size)) return made;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace sluice::kite_source::network_test {
namespace {

struct recorder : connection_listener {
  std::function<void()> at_open, at_message;
  std::size_t opened = 0, messages = 0, bytes = 0, pings = 0, ended = 0;
  ending last;

  void on_open() override {
    ++opened;
    if (at_open) at_open();
  }
  void on_message(std::span<const std::uint8_t> message, bool) override {
    ++messages;
    bytes += message.size();
    if (at_message) at_message();
  }
  void on_ping() override { ++pings; }
  void on_end(const ending& how) override {
    ++ended;
    last = how;
  }
};

struct bench {
  loopback_server server;
  recorder heard;
  network net;
  std::unique_ptr<connection> link;

  explicit bench(loopback_server::transport over = loopback_server::transport::plain)
      : server{over}, net{options(server, over)} {}

  static network_options options(const loopback_server& server, loopback_server::transport over) {
    network_options made;
    made.tls = over == loopback_server::transport::tls;
    if (made.tls) made.ca_file = server.certificate_file();
    return made;
  }
  void open() { link = net.open({parse_endpoint(server.url()), {"127.0.0.1"}, "/"}, heard); }
  template <typename Done>
  bool until(Done done) {
    const auto limit = std::chrono::steady_clock::now() + 60s;
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      if (net.run_ready(64) == 0) net.wait(1ms);
    }
    return true;
  }
};

TEST_CASE("a listener hears nothing before the loop runs, then open, messages and one end") {
  bench b;
  b.open();
  CHECK(b.heard.opened == 0);
  REQUIRE(b.until([&] { return b.heard.opened == 1 && b.server.open() == 1; }));
  b.link->send("one");
  b.link->send("two");
  CHECK(b.until([&] { return b.server.texts() == std::vector<std::string>{"one", "two"}; }));
  b.server.send_text("three");
  CHECK(b.until([&] { return b.heard.bytes == 5; }));
  b.server.cut();
  CHECK(b.until([&] { return b.heard.ended == 1; }));
  b.net.run_ready(1'000);
  CHECK(b.heard.ended == 1);
  CHECK(b.heard.last.what.starts_with("read: "));
}

TEST_CASE("pings go both ways; what answers ours is not told") {
  bench b;
  b.open();
  REQUIRE(b.until([&] { return b.heard.opened == 1 && b.server.open() == 1; }));
  b.link->ping();
  b.link->ping();  // one is on its way
  CHECK(b.until([&] { return b.server.pings() == 1; }));
  b.server.send_text("behind the pong");
  REQUIRE(b.until([&] { return b.heard.messages == 1; }));
  CHECK(b.heard.pings == 0);
  b.server.ping();
  CHECK(b.until([&] { return b.heard.pings == 1; }));
  b.link->ping();
  CHECK(b.until([&] { return b.server.pings() == 2; }));
  CHECK(b.heard.ended == 0);
}

TEST_CASE("which hosts are this machine") {
  for (const char* here : {"127.0.0.1", "127.8.9.1", "::1", "localhost"})
    CHECK_MESSAGE(loopback_host(here), here);
  for (const char* away : {"192.168.0.1", "0.0.0.0", "::", "localhost.example", "ws.kite.trade"})
    CHECK_MESSAGE(!loopback_host(away), away);
}

TEST_CASE("a connection may be destroyed at any moment, and nobody is told") {
  bench b;
  SUBCASE("before the first step") {
    b.open();
    b.link.reset();
  }
  SUBCASE("while it dials") {
    b.server.answer(0);
    b.open();
    REQUIRE(b.until([&] { return b.server.targets().size() == 1; }));
    b.link.reset();
  }
  SUBCASE("when it is open") {
    b.heard.at_open = [&b] { b.link.reset(); };
    b.open();
    REQUIRE(b.until([&] { return b.heard.opened == 1; }));
  }
  SUBCASE("in a message") {
    b.heard.at_message = [&b] { b.link.reset(); };
    b.open();
    REQUIRE(b.until([&] { return b.server.open() == 1 && b.heard.opened == 1; }));
    b.server.send_text("x");
    b.server.send_text("y");
    REQUIRE(b.until([&] { return b.heard.messages == 1; }));
  }
  SUBCASE("while it writes and closes") {
    b.open();
    REQUIRE(b.until([&] { return b.heard.opened == 1; }));
    b.link->send(std::string(4u << 20, 'x'));
    b.link->close();
    b.link.reset();
  }
  b.until([&] { return b.server.open() == 0; });
  for (int i = 0; i < 10; ++i) b.net.run_ready(64);
  CHECK(b.heard.ended == 0);
  CHECK(b.heard.messages <= 1);
}

TEST_CASE("the loop may be destroyed under a connection in any state") {
  auto b = std::make_unique<bench>();
  SUBCASE("dialling") { b->server.answer(0); }
  SUBCASE("open") {}
  b->open();
  b->until([&] { return b->server.targets().size() == 1; });
}

TEST_CASE("a listener's exception is the caller's, the next message comes all the same") {
  bench b;
  b.open();
  REQUIRE(b.until([&] { return b.server.open() == 1 && b.heard.opened == 1; }));
  b.heard.at_message = [] { throw std::runtime_error{"fault"}; };
  b.server.send_text("x");
  CHECK_THROWS_AS(b.until([] { return false; }), std::runtime_error);
  b.heard.at_message = nullptr;
  b.server.send_text("y");
  CHECK(b.until([&] { return b.heard.messages == 2; }));
}

TEST_CASE("addresses are tried one after another") {
  bench b;
  b.link = b.net.open(
      {parse_endpoint(b.server.url()), {"not an address", "127.0.0.2", "127.0.0.1"}, "/"}, b.heard);
  CHECK(b.until([&] { return b.heard.opened == 1; }));
  b.link = b.net.open({parse_endpoint("ws://x:1"), {"127.0.0.1", "::1"}, "/"}, b.heard);
  REQUIRE(b.until([&] { return b.heard.ended == 1; }));
  CHECK(b.heard.last.what.find("connect to 127.0.0.1: ") != std::string::npos);
  CHECK(b.heard.last.what.find("connect to ::1: ") != std::string::npos);
  b.link = b.net.open({parse_endpoint("ws://x:1"), {}, "/"}, b.heard);
  CHECK(b.until([&] { return b.heard.ended == 2; }));
}

TEST_CASE("wake ends a wait, from any thread") {
  network net{{}};
  for (int i = 0; i < 100; ++i) {
    std::thread other{[&net] { net.wake(); }};
    net.wait(60s);
    other.join();
  }
  net.wake();
  net.wake();
  CHECK(net.run_ready(64) == 1);
  CHECK(net.run_ready(64) == 0);
}

TEST_CASE("messages cost no allocation once the first ones were read") {
  for (const auto over : {loopback_server::transport::plain, loopback_server::transport::tls}) {
    CAPTURE(static_cast<int>(over));
    bench b{over};
    b.open();
    REQUIRE(b.until([&] { return b.server.open() == 1 && b.heard.opened == 1; }));
    const std::vector<std::uint8_t> large(kite::frame_size_max, 1), small(188, 2);
    const auto send = [&](int rounds) {
      for (int i = 0; i < rounds; ++i) {
        b.server.send(large);
        for (int j = 0; j < 20; ++j) b.server.send(small);
      }
    };
    send(3);
    REQUIRE(b.until([&] { return b.heard.messages == 63; }));
    send(30);
    const std::size_t before = allocations;
    REQUIRE(b.until([&] { return b.heard.messages == 33 * 21; }));
    CHECK(allocations - before == 0);
  }
}

}  // namespace
}  // namespace sluice::kite_source::network_test
