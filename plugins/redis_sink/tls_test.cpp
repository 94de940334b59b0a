#include "redis_sink.hpp"

#include <redis/real_redis.hpp>

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>

namespace tls_test {

using namespace std::chrono_literals;
using namespace sluice::redis::testing;
using sluice::testing::harness;

namespace {

void run_to_end(command_line words, const temporary_folder& folder) {
  int status = 1;
  ::waitpid(launch(std::move(words), folder.file("openssl.log")), &status, 0);
  REQUIRE(status == 0);
}

/// An authority with a server's and a client's certificate for `localhost` and 127.0.0.1.
struct certificates {
  temporary_folder folder;

  certificates() {
    const auto subject = [](const std::string& name) { return "/CN=" + name; };
    run_to_end({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-days", "2", "-subj", subject("test authority"), "-keyout", at("ca.key"),
                "-out", at("ca.pem")},
               folder);
    for (const std::string name : {"server", "client"})
      run_to_end({"openssl",
                  "req",
                  "-x509",
                  "-newkey",
                  "ec",
                  "-pkeyopt",
                  "ec_paramgen_curve:P-256",
                  "-nodes",
                  "-days",
                  "2",
                  "-subj",
                  subject(name),
                  "-CA",
                  at("ca.pem"),
                  "-CAkey",
                  at("ca.key"),
                  "-addext",
                  "subjectAltName=DNS:localhost,IP:127.0.0.1",
                  "-addext",
                  "basicConstraints=critical,CA:FALSE",
                  "-keyout",
                  at(name + ".key"),
                  "-out",
                  at(name + ".pem")},
                 folder);
  }
  std::string at(const std::string& name) const { return folder.file(name); }
};

struct tls_server {
  certificates made;
  std::string port = std::to_string(free_port());
  real_redis redis;

  explicit tls_server(const std::string& auth_clients)
      : redis{{"--tls-port", port, "--bind", "127.0.0.1", "--tls-cert-file", made.at("server.pem"),
               "--tls-key-file", made.at("server.key"), "--tls-ca-cert-file", made.at("ca.pem"),
               "--tls-auth-clients", auth_clients}} {}

  std::string url(const std::string& host) const {
    return "url = 'rediss://" + host + ":" + port + "'\nformat = 'raw'\n";
  }
  std::string ca() const { return "tls_ca_file = '" + made.at("ca.pem") + "'\n"; }
};

sluice::testing::options real_time() {
  sluice::testing::options made;
  made.real_time = true;
  return made;
}

harness run_with(const std::string& settings) {
  return harness{sluice::plugin_of<sluice::redis_sink::sink>, settings, real_time()};
}

bool connects(harness& run) {
  return run.run_until([&] { return run.metric("connected") == 1; });
}

/// The text of the first `unreachable` event.
std::string reason(harness& run) {
  std::string text;
  run.run_until([&] {
    for (const auto& each : run.events())
      if (each.kind == "unreachable") text = each.text;
    return !text.empty();
  });
  return text;
}

}  // namespace

TEST_CASE("redis_sink tls: publishes to a verified server, by name and by address") {
  tls_server server{"no"};
  listener who{server.redis};
  std::size_t count = 0;
  for (const char* host : {"localhost", "127.0.0.1"}) {
    CAPTURE(host);
    harness run = run_with(server.url(host) + server.ca());
    REQUIRE(connects(run));
    for (int i = 0; i < 20; ++i)
      run.push(std::vector<sluice::testing::input>(100, {.key = 1, .text = std::string(500, 'x')}));
    REQUIRE(run.run_until([&] { return run.count().published == 2'000; }));
    count += 2'000;
    CHECK(run.run_until([&] { return who.messages().size() == count; }));
    CHECK(run.balanced());
    CHECK(run.drain());
  }
}

TEST_CASE("redis_sink tls: a message larger than every buffer") {
  tls_server server{"no"};
  listener who{server.redis};
  harness run =
      run_with(server.url("localhost") + server.ca() + "message_max = '8MiB'\ntimeout = '60s'");
  REQUIRE(connects(run));
  const std::string large(5'000'000, 'y');
  run.push({.key = 1, .text = large});
  run.push({.key = 1, .text = "small"});
  REQUIRE(run.run_until([&] { return run.count().published == 2; }));
  REQUIRE(run.run_until([&] { return who.messages().size() == 2; }));
  CHECK(who.messages()[0].text == large);
  CHECK(who.messages()[1].text == "small");
}

TEST_CASE("redis_sink tls: a server that cannot be trusted is not talked to") {
  tls_server server{"no"};
  harness unknown = run_with(server.url("localhost"));
  CHECK(reason(unknown).find("the server's certificate: ") != std::string::npos);
  CHECK(unknown.metric("connected") == 0);

  harness other_name =
      run_with(server.url("localhost") + server.ca() + "tls_server_name = 'redis.example'");
  CHECK(reason(other_name).find("mismatch") != std::string::npos);

  harness careless = run_with(server.url("localhost") + "tls_verify = false");
  CHECK(connects(careless));
}

TEST_CASE("redis_sink tls: a server that asks for our certificate") {
  tls_server server{"yes"};
  harness without = run_with(server.url("localhost") + server.ca());
  CHECK(reason(without) != "");
  CHECK(without.metric("connected") == 0);

  harness with = run_with(server.url("localhost") + server.ca() + "tls_cert_file = '" +
                          server.made.at("client.pem") + "'\ntls_key_file = '" +
                          server.made.at("client.key") + "'");
  CHECK(connects(with));
}

TEST_CASE("redis_sink tls: a plain server, and a plain client at a TLS port") {
  tls_server server{"no"};
  const std::string port = std::to_string(free_port());
  real_redis plain{{"--port", port, "--bind", "127.0.0.1"}};
  harness run = run_with("url = 'rediss://127.0.0.1:" + port + "'\nconnect_timeout = '300ms'");
  CHECK(reason(run) != "");
  harness other = run_with("url = 'redis://127.0.0.1:" + server.port + "'");
  CHECK(reason(other) != "");
}

TEST_CASE("redis_sink tls: frozen, then on again") {
  tls_server server{"no"};
  harness run = run_with(server.url("localhost") + server.ca() +
                         "timeout = '500ms'\nconnect_timeout = '500ms'");
  REQUIRE(connects(run));
  server.redis.freeze();
  run.push(std::vector<sluice::testing::input>(10, {.key = 1, .text = "x"}));
  CHECK(run.run_until([&] { return run.count().unknown == 10; }));
  server.redis.thaw();
  CHECK(connects(run));
  run.push({.key = 1, .text = "x"});
  CHECK(run.run_until([&] { return run.count().published == 1; }));
  CHECK(run.balanced());
}

}  // namespace tls_test
