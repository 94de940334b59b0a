#include "secure_socket.hpp"

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

using namespace sluice::net;
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

struct ledger {
  int taken = 0, given_back = 0;
};

template <typename T>
struct counting_allocator {
  using value_type = T;
  explicit counting_allocator(ledger& of) : counts{&of} {}
  template <typename Other>
  counting_allocator(const counting_allocator<Other>& other) : counts{other.counts} {}
  T* allocate(std::size_t count) { return ++counts->taken, std::allocator<T>{}.allocate(count); }
  void deallocate(T* memory, std::size_t count) {
    ++counts->given_back;
    std::allocator<T>{}.deallocate(memory, count);
  }
  template <typename Other>
  bool operator==(const counting_allocator<Other>& other) const {
    return counts == other.counts;
  }
  ledger* counts;
};

}  // namespace

TEST_CASE("any_handler gives its memory back before the handler is called") {
  ledger memory;
  int held_in_call = -1;
  auto handler = asio::bind_allocator(counting_allocator<char>{memory}, [&](int) {
    held_in_call = memory.taken - memory.given_back;
  });
  any_handler<std::allocator<void>, int> kept{std::move(handler), {}};
  CHECK(memory.taken == 1);
  CHECK(memory.given_back == 0);
  kept(1);
  CHECK(held_in_call == 0);
  CHECK(memory.taken == 1);
}

TEST_CASE("any_handler destroyed uncalled destroys the handler") {
  ledger memory;
  const auto witness = std::make_shared<int>();
  {
    any_handler<std::allocator<void>> kept{
        asio::bind_allocator(counting_allocator<char>{memory}, [witness] { FAIL("called"); }), {}};
    CHECK(witness.use_count() == 2);
    auto moved = std::move(kept);
    CHECK(witness.use_count() == 2);
  }
  CHECK(witness.use_count() == 1);
  CHECK(memory.given_back == memory.taken);
}

TEST_CASE("a secure_socket without TLS sends every one of many buffers, and takes memory as told") {
  ledger memory;
  asio::io_context io;
  tcp::acceptor acceptor{io, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  secure_socket<tcp::socket, counting_allocator<void*>> one{
      std::allocator_arg, counting_allocator<void*>{memory}, nullptr, io};
  one.socket().connect(acceptor.local_endpoint());
  secure_socket<tcp::socket> other{nullptr, acceptor.accept()};

  std::vector<std::string> words{""};
  std::string sent;
  for (int i = 0; i < 20; ++i) sent += words.emplace_back("word " + std::to_string(i) + ", ");
  std::vector<asio::const_buffer> buffers;
  for (const std::string& word : words) buffers.push_back(asio::buffer(word));

  bool greeted = false, written = false;
  one.async_handshake(asio::ssl::stream_base::client, [&](error_code error) {
    CHECK_FALSE(error);
    greeted = true;
    asio::async_write(one, buffers, [&](error_code failed, std::size_t size) {
      CHECK_FALSE(failed);
      CHECK(size == sent.size());
      written = true;
    });
  });
  CHECK_FALSE(greeted);  // never from within
  std::string received(sent.size(), '\0');
  asio::async_read(other, asio::buffer(received),
                   [](error_code error, std::size_t) { CHECK_FALSE(error); });
  io.run();
  CHECK(written);
  CHECK(received == sent);
  CHECK(memory.taken > 0);
  CHECK(memory.taken == memory.given_back);
}
