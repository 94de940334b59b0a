// The control socket: its line protocol, its server and its client, over real Unix sockets.
#include "control/client.hpp"
#include "control/run_dir.hpp"
#include "control/server.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <fstream>
#include <stdexcept>
#include <thread>

namespace {

using namespace sluice::control;
namespace asio = boost::asio;
namespace fs = std::filesystem;
using local = asio::local::stream_protocol;

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::runtime_error& failed) {
    return failed.what();
  }
  return "";
}

/// A folder of its own, gone with it.
struct folder {
  folder() {
    std::string name = (fs::temp_directory_path() / "sluice-cli-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

/// A server in a thread: the client blocks.
struct served {
  explicit served(const fs::path& socket) : door{std::in_place, io, socket} {
    door->serve([](const request& asked) -> std::optional<std::string> {
      if (asked.get == "status") return "a document\nof two lines";
      if (asked.get == "events") return "after " + std::to_string(asked.after);
      if (asked.get == "large") return std::string(3'000'000, 'x');
      return std::nullopt;
    });
    thread = std::thread{[this] { io.run(); }};
  }
  served(const served&) = delete;
  served& operator=(const served&) = delete;
  ~served() {
    io.stop();
    thread.join();
    door.reset();
  }
  asio::io_context io;
  std::optional<server> door;
  std::thread thread;
};

TEST_CASE("a request and a reply survive their line") {
  const request asked = parse_request(render({"events", 17}));
  CHECK(asked.get == "events");
  CHECK(asked.after == 17);
  const request told = parse_request(render({"", 0, R"({"do":"breaker","state":"open"})"}));
  CHECK(told.act == R"({"do":"breaker","state":"open"})");
  CHECK(parse_reply_header(reply_header(1234)) == 1234);
  CHECK(error_of([] { parse_reply_header(refusal("no \"x\"")); }) == "no \"x\"");
}

TEST_CASE("what is no request or no reply is refused with the reason") {
  CHECK(error_of([] { parse_request("status"); }) == "the request is not a JSON object");
  CHECK(error_of([] { parse_request("[]"); }) == "the request is not a JSON object");
  CHECK(error_of([] { parse_request("{\"get\":1}"); }).starts_with("the request has no \"get\""));
  CHECK(error_of([] { parse_request("{\"get\":\"events\",\"after\":-1}"); }) ==
        "\"after\" is not the number of an event");
  CHECK(error_of([] { parse_reply_header("{}"); }) == "the reply is not a Sluice pipeline's");
  CHECK(error_of([] { parse_reply_header("HTTP/1.1 400"); }) == "the reply is not a JSON object");
}

TEST_CASE("a pipeline answers, whole documents, and refuses what it does not have") {
  const folder here;
  const fs::path socket = here.path / "ticker.sock";
  const served running{socket};
  CHECK(ask(socket, {"status", 0}) == "a document\nof two lines");
  CHECK(ask(socket, {"events", 5}) == "after 5");
  CHECK(ask(socket, {"large", 0}).size() == 3'000'000);
  CHECK(error_of([&] {
          ask(socket, {"secrets", 0});
        }) ==
        "there is no \"secrets\"; there are status, page, metrics, events, operations, commands, "
        "config and tap?stage=NAME");
}

TEST_CASE("only its own user may ask") {
  const folder here;
  const fs::path socket = here.path / "ticker.sock";
  const served running{socket};
  struct stat about {};
  REQUIRE(stat(socket.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
}

TEST_CASE("a second process of the same name is refused, a dead one's file replaced") {
  const folder here;
  const fs::path socket = here.path / "ticker.sock";
  {
    const served running{socket};
    asio::io_context io;
    CHECK(error_of([&] {
            server{io, socket};
          }) == "already running: another process serves " + socket.string());
    CHECK(ask(socket, {"status", 0}) == "a document\nof two lines");
  }
  CHECK_FALSE(fs::exists(socket));

  std::ofstream{socket} << "left behind";
  const served again{socket};
  CHECK(answers(socket));
}

TEST_CASE("a request that does not end is refused at its limit") {
  const folder here;
  const fs::path socket = here.path / "ticker.sock";
  const served running{socket};
  asio::io_context io;
  local::socket peer{io};
  peer.connect(local::endpoint{socket.string()});
  boost::system::error_code ended;
  asio::write(peer, asio::buffer(std::string(request_max, 'x')), ended);
  std::string reply;
  asio::read(peer, asio::dynamic_buffer(reply), ended);
  CHECK(reply == refusal("a request has at most 4096 bytes"));
}

TEST_CASE("one connection too many is closed, and the others are served") {
  const folder here;
  const fs::path socket = here.path / "ticker.sock";
  const served running{socket};
  asio::io_context io;
  std::vector<local::socket> idle;
  for (int i = 0; i < 16; ++i) {
    idle.emplace_back(io);
    idle.back().connect(local::endpoint{socket.string()});
  }
  CHECK(error_of([&] { ask(socket, {"status", 0}); }) != "");
  asio::write(idle[0], asio::buffer(render({"status", 0})));
  std::string reply;
  boost::system::error_code ended;
  asio::read(idle[0], asio::dynamic_buffer(reply), ended);
  CHECK(reply.ends_with("of two lines"));
}

TEST_CASE("one that holds its socket and does not answer has not ended") {
  const folder here;
  const fs::path socket = here.path / "ticker.sock";
  asio::io_context io;
  local::acceptor hung{io, local::endpoint{socket.string()}};
  const auto began = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH_AS(ask(socket, {"status", 0}, std::chrono::milliseconds{50}),
                       (socket.string() + ": no answer within 0.05 s").c_str(), no_answer);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds{5});
  CHECK(!has_ended(no_answer{"late"}));
  hung.close();
  CHECK(error_of([&] { ask(socket, {"status", 0}); }).ends_with("Connection refused"));
  CHECK(has_ended(std::runtime_error{"Connection refused"}));

  // Its place for connections is taken up: that is no end, either.
  local::acceptor full{io, local::endpoint{(here.path / "full.sock").string()}};
  full.listen(0);
  local::socket first{io};
  first.connect(full.local_endpoint());
  CHECK_THROWS_AS(ask(full.local_endpoint().path(), {"status", 0}), no_answer);
  CHECK(answers(full.local_endpoint().path()));
}

TEST_CASE("a pipeline is found by name, by path, or because it is the only one") {
  const folder here;
  const std::vector<fs::path> dirs{"/nowhere", here.path};
  CHECK(error_of([&] { find_socket(dirs, ""); }) ==
        "no pipeline runs; looked in /nowhere, " + here.path.string());
  const served one{here.path / "one.sock"};
  CHECK(find_socket(dirs, "") == here.path / "one.sock");
  CHECK(find_socket(dirs, "one") == here.path / "one.sock");
  CHECK(find_socket(dirs, "/x/y.sock") == "/x/y.sock");
  CHECK(error_of([&] { find_socket(dirs, "two"); }) ==
        "pipeline 'two' does not run; looked for /nowhere/two.sock, " +
            (here.path / "two.sock").string());
  const served two{here.path / "two.sock"};
  CHECK(error_of([&] { find_socket(dirs, ""); }).starts_with("several pipelines run, name one: "));
}

TEST_CASE("too long a path is refused before it is cut") {
  asio::io_context io;
  CHECK(error_of([&] {
          server{io, "/tmp/" + std::string(120, 'x')};
        }).find("a socket's path has at most 107 bytes") != std::string::npos);
}

TEST_CASE("the run folder is the first that can be used, and its own") {
  const folder here;
  CHECK(own_run_dir({"/proc/no/such", here.path / "made"}) == here.path / "made");
  struct stat about {};
  REQUIRE(stat((here.path / "made").c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0700);
  fs::create_directory_symlink(here.path / "made", here.path / "link");
  CHECK(error_of([&] { own_run_dir({here.path / "link"}); }).ends_with(": is not a folder"));
}

}  // namespace
