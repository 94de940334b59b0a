#include "channel.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace channel_test {

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

/// A host with a table of attributes for index 0 and 1, where schema N is called "test/N".
struct fake_host {
  sluice_host raw{};
  sluice_attributes table{};
  sluice_codecs codecs{};
  std::uint64_t generation = 0, lookups = 0;
  std::string types[2] = {"equity", "futures"};

  fake_host() {
    raw.size = sizeof raw;
    raw.extension = [](const sluice_host* host, sluice_str id) -> const void* {
      if (sluice::view(id) == SLUICE_EXT_CODECS) return &self(host).codecs;
      return &self(host).table;
    };
    codecs.size = sizeof codecs;
    codecs.name = [](const sluice_host*, std::uint16_t schema) {
      return sluice::borrow(schema == 1 ? "test/1" : "test/10");
    };
    table.size = sizeof table;
    table.generation = [](const sluice_host* host) { return self(host).generation; };
    table.get = [](const sluice_host* host, std::uint32_t index, sluice_str name) {
      ++self(host).lookups;
      return sluice::view(name) == "type" ? sluice::borrow(self(host).types[index]) : sluice_str{};
    };
  }
  static fake_host& self(const sluice_host* host) {
    return *reinterpret_cast<fake_host*>(const_cast<sluice_host*>(host));
  }
};

sluice::record record_of(std::uint64_t key, std::uint32_t index, std::uint16_t schema = 1) {
  sluice::record made{};
  made.key = key;
  made.index = index;
  made.schema = schema;
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

TEST_CASE("channel cache: an entry's fields follow the record's schema") {
  fake_host host;
  const auto cache_with = [&](entry_fields fields) {
    return channel_cache{{{channel_template{"s"}, stream_frame(50, fields, {})}},
                         sluice::host{&host.raw}};
  };
  const std::string begin =
      "\r\n$4\r\nXADD\r\n$1\r\ns\r\n$6\r\nMAXLEN\r\n$1\r\n~\r\n$2\r\n50\r\n$1\r\n*\r\n";
  const std::string key = "$3\r\nkey\r\n$2\r\n12\r\n", data = "$4\r\ndata\r\n$";
  channel_cache plain = cache_with(entry_fields::none);
  CHECK(plain.of(record_of(12, 0)).parts[0].prefix == "*8" + begin + data);

  channel_cache keyed = cache_with(entry_fields::key);
  CHECK(keyed.of(record_of(12, 0)).parts[0].prefix == "*10" + begin + key + data);

  channel_cache named = cache_with(entry_fields::key_and_schema);
  for (int i = 0; i < 2; ++i) {
    CHECK(named.of(record_of(12, 0, 1)).parts[0].prefix ==
          "*12" + begin + key + "$6\r\nschema\r\n$6\r\ntest/1\r\n" + data);
    CHECK(named.of(record_of(12, 0, 2)).parts[0].prefix ==
          "*12" + begin + key + "$6\r\nschema\r\n$7\r\ntest/10\r\n" + data);
  }
}

TEST_CASE("channel cache: an entry has the attributes that its key has, as they are now") {
  fake_host host;
  channel_cache cache{
      {{channel_template{"s"}, stream_frame(50, entry_fields::key_and_schema, {"symbol", "type"})}},
      sluice::host{&host.raw}};
  const auto prefix = [&](std::uint32_t index) {
    cache.refresh();
    return cache.of(record_of(12, index)).parts[0].prefix;
  };
  const std::string begin =
      "\r\n$4\r\nXADD\r\n$1\r\ns\r\n$6\r\nMAXLEN\r\n$1\r\n~\r\n$2\r\n50\r\n$1\r\n*\r\n"
      "$3\r\nkey\r\n$2\r\n12\r\n$6\r\nschema\r\n$6\r\ntest/1\r\n";
  const std::string data = "$4\r\ndata\r\n$";
  for (int i = 0; i < 2; ++i) {
    CHECK(prefix(0) == "*14" + begin + "$4\r\ntype\r\n$6\r\nequity\r\n" + data);
    CHECK(prefix(1) == "*14" + begin + "$4\r\ntype\r\n$7\r\nfutures\r\n" + data);
  }
  CHECK(host.lookups == 4);  // of each name, once a key
  host.types[0] = "";
  host.types[1] = "a\r\nb";
  host.generation = 1;
  CHECK(prefix(0) == "*12" + begin + data);
  CHECK(prefix(1) == "*14" + begin + "$4\r\ntype\r\n$4\r\na\r\nb\r\n" + data);
}

TEST_CASE("channel cache: a host without attributes") {
  fake_host host;
  host.raw.extension = [](const sluice_host*, sluice_str) -> const void* { return nullptr; };
  channel_cache cache{{{channel_template{"t:{type}"}, publish_frame()}}, sluice::host{&host.raw}};
  cache.refresh();
  CHECK(cache.of(record_of(7, 300)).parts[0].prefix ==
        "*3\r\n$7\r\nPUBLISH\r\n$9\r\nt:unknown\r\n$");
  channel_cache stream{{{channel_template{"s"}, stream_frame(50, entry_fields::none, {"type"})}},
                       sluice::host{&host.raw}};
  CHECK(stream.of(record_of(7, 300)).parts[0].prefix.starts_with("*8\r\n"));
}

}  // namespace channel_test
