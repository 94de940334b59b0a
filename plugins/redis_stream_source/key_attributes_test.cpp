#include "key_attributes.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace key_attributes_test {

using namespace sluice;
using namespace sluice::redis_stream_source;

namespace {

/// Keeps what was published last as "key:value,value ...".
struct fake_host {
  sluice_host raw{};
  sluice_attributes table{};
  std::string names, rows;
  std::uint64_t published = 0, alerts = 0, most = 100;

  fake_host() {
    raw.size = sizeof raw;
    raw.extension = [](const sluice_host* host, sluice_str) -> const void* {
      return &self(host).table;
    };
    raw.event = [](const sluice_host* host, std::uint32_t, sluice_str, sluice_str) {
      ++self(host).alerts;
    };
    table.size = sizeof table;
    table.publish = [](const sluice_host* host, const sluice_str* given_names,
                       std::uint32_t name_count, const sluice_key_row* given,
                       std::uint64_t count) -> sluice_status {
      fake_host& on = self(host);
      ++on.published;
      on.names = list(given_names, name_count);
      on.rows.clear();
      for (std::uint64_t i = 0; i < count && i < on.most; ++i)
        on.rows += (i == 0 ? "" : " ") + std::to_string(given[i].key) + ":" +
                   list(given[i].values, name_count);
      return count > on.most ? SLUICE_FULL : SLUICE_OK;
    };
  }
  static std::string list(const sluice_str* texts, std::uint32_t count) {
    std::string made;
    for (std::uint32_t i = 0; i < count; ++i) made.append(i == 0 ? "" : ",").append(view(texts[i]));
    return made;
  }
  static fake_host& self(const sluice_host* host) {
    return *reinterpret_cast<fake_host*>(const_cast<sluice_host*>(host));
  }
};

struct rig {
  fake_host host;
  key_attributes on{{"type", "symbol"}, sluice::host{&host.raw}};

  void learn(std::vector<std::pair<std::uint64_t, std::vector<std::string>>> said) {
    std::vector<entry> entries;
    for (auto& [key, values] : said) {
      entry& made = entries.emplace_back();
      made.key = key;
      made.keyed = true;
      made.attributes = std::move(values);
    }
    on.learn(entries);
  }
};

}  // namespace

TEST_CASE("key attributes: the whole table, once a batch, when something is new") {
  rig test;
  test.learn({{7, {"equity", "INFY"}}, {9, {"options", ""}}, {7, {"equity", "INFY"}}});
  CHECK(test.host.published == 1);
  CHECK(test.host.names == "type,symbol");
  CHECK(test.host.rows == "7:equity,INFY 9:options,");
  test.learn({{9, {"options", ""}}, {7, {"", "INFY"}}});
  CHECK(test.host.published == 1);
  test.learn({{9, {"", "NIFTY"}}, {8, {"", ""}}, {9, {"futures", ""}}});
  CHECK(test.host.published == 2);
  CHECK(test.host.rows == "7:equity,INFY 8:, 9:futures,NIFTY");
}

TEST_CASE("key attributes: of further keys than the host takes nothing is kept") {
  rig test;
  test.host.most = 2;
  test.learn({{1, {"a", ""}}, {2, {"b", ""}}});
  test.learn({{3, {"c", ""}}});
  CHECK(test.host.published == 2);
  CHECK(test.host.rows == "1:a, 2:b,");
  test.learn({{4, {"d", ""}}, {5, {"e", ""}}});
  CHECK(test.host.published == 2);
  test.learn({{1, {"z", ""}}});
  CHECK(test.host.rows == "1:z, 2:b,");
  CHECK(test.host.published == 3);
}

TEST_CASE("key attributes: an entry that names no key says nothing of the key 0") {
  rig test;
  entry keyless;
  keyless.attributes = {"equity", "INFY"};
  test.on.learn({&keyless, 1});
  CHECK(test.host.published == 0);
}

TEST_CASE("key attributes: a value that is too long is left out, and said once") {
  rig test;
  const std::string most(key_attributes::value_max, 'x');
  test.learn({{1, {most, most + "x"}}, {2, {most + "x", ""}}});
  CHECK(test.host.rows == "1:" + most + ", 2:,");
  CHECK(test.host.alerts == 1);
}

TEST_CASE("key attributes: without names nothing is published, nor where there is no table") {
  fake_host host;
  key_attributes none{{}, sluice::host{&host.raw}};
  entry given;
  given.keyed = true;
  none.learn({&given, 1});
  CHECK(host.published == 0);
  host.raw.extension = [](const sluice_host*, sluice_str) -> const void* { return nullptr; };
  key_attributes nowhere{{"type"}, sluice::host{&host.raw}};
  nowhere.learn({&given, 1});
  CHECK(host.published == 0);
}

}  // namespace key_attributes_test
