#include "channel.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace sluice::redis_sink;

namespace {

std::string render(std::string_view text) {
  std::string out;
  channel_template{text}.render(
      256265,
      [](std::string_view name) -> std::string_view {
        return name == "type" ? "options" : name == "symbol" ? "NIFTY 50" : "";
      },
      out);
  return out;
}

}  // namespace

TEST_CASE("channel template: placeholders") {
  CHECK(render("ticker:{type}:{key}") == "ticker:options:256265");
  CHECK(render("plain") == "plain");
  CHECK(render("a{key}") == "a256265");
  CHECK(render("a{key}{key}z") == "a256265256265z");
  CHECK(render("a:{symbol}") == "a:NIFTY 50");
  CHECK(render("a:{expiry}") == "a:unknown");
  CHECK(render("a:{{{key}}}:b") == "a:{256265}:b");
  CHECK(render("{{a}}") == "{a}");
}

TEST_CASE("channel template: what is refused") {
  for (const char* text : {"", "{key}", "{type}:x", "a{", "a{key", "a}", "a{}", "a{b c}", "a{b{c}}",
                           "{key}}", "a{key}}"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(channel_template{text}, std::invalid_argument);
  }
}

namespace {

/// A host with a table of attributes for index 0 and 1.
struct fake_host {
  sluice_host raw{};
  sluice_attributes table{};
  std::uint64_t generation = 0, lookups = 0;
  std::string types[2] = {"equity", "futures"};

  fake_host() {
    raw.size = sizeof raw;
    raw.extension = [](const sluice_host* host, sluice_str) -> const void* {
      return &self(host).table;
    };
    table.size = sizeof table;
    table.generation = [](const sluice_host* host) { return self(host).generation; };
    table.get = [](const sluice_host* host, std::uint32_t index, sluice_str) {
      ++self(host).lookups;
      return sluice::borrow(self(host).types[index]);
    };
  }
  static fake_host& self(const sluice_host* host) {
    return *reinterpret_cast<fake_host*>(const_cast<sluice_host*>(host));
  }
};

sluice::record record_of(std::uint64_t key, std::uint32_t index) {
  sluice::record made{};
  made.key = key;
  made.index = index;
  return made;
}

}  // namespace

TEST_CASE("channel cache: resolves each key once, and anew when attributes changed") {
  fake_host host;
  channel_cache cache{{{channel_template{"t:{type}:{key}"}, publish_frame()}},
                      sluice::host{&host.raw}};
  for (int i = 0; i < 3; ++i) {
    cache.refresh();
    CHECK(cache.of(record_of(7, 0)).parts[0].prefix ==
          "*3\r\n$7\r\nPUBLISH\r\n$10\r\nt:equity:7\r\n$");
    CHECK(cache.of(record_of(12, 1)).parts[0].prefix ==
          "*3\r\n$7\r\nPUBLISH\r\n$12\r\nt:futures:12\r\n$");
  }
  CHECK(host.lookups == 2);
  host.types[0] = "";
  cache.refresh();
  CHECK(cache.of(record_of(7, 0)).parts[0].prefix ==
        "*3\r\n$7\r\nPUBLISH\r\n$10\r\nt:equity:7\r\n$");
  host.generation = 1;
  cache.refresh();
  CHECK(cache.of(record_of(7, 0)).parts[0].prefix ==
        "*3\r\n$7\r\nPUBLISH\r\n$11\r\nt:unknown:7\r\n$");
  CHECK(host.lookups == 3);
}

TEST_CASE("channel cache: a host without attributes") {
  fake_host host;
  host.raw.extension = [](const sluice_host*, sluice_str) -> const void* { return nullptr; };
  channel_cache cache{{{channel_template{"t:{type}"}, publish_frame()}}, sluice::host{&host.raw}};
  cache.refresh();
  CHECK(cache.of(record_of(7, 300)).parts[0].prefix ==
        "*3\r\n$7\r\nPUBLISH\r\n$9\r\nt:unknown\r\n$");
}
