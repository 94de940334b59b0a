// For tests: the source, in real time, against a ticker on the loopback.
#pragma once

#include "kite_source.hpp"

#include "loopback_server.hpp"

#include <kite/frame.hpp>
#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::kite_source {

using testing::harness;
using testing::output;

inline constexpr duration enough = std::chrono::seconds{60};
inline constexpr std::string_view token_text = "to/ken+1=";

/// A source of a server, with short times.
struct tested_source {
  loopback_server server;
  std::string token_file;
  std::unique_ptr<harness> run;
  std::vector<output> got;
  std::vector<testing::message> told;

  explicit tested_source(loopback_server::transport over = loopback_server::transport::plain)
      : server{over},
        token_file{(std::filesystem::temp_directory_path() /
                    ("kite_source_test_" + std::to_string(server.port()) + ".token"))
                       .string()} {
    write_token(token_text);
  }
  ~tested_source() { std::remove(token_file.c_str()); }

  void write_token(std::string_view text) const {
    const std::string next = token_file + ".next";
    std::ofstream{next} << text << '\n';
    std::filesystem::rename(next, token_file);
  }

  void start(const std::string& more = "tokens = [408065, 256265]", const std::string& url = "") {
    run = std::make_unique<harness>(
        plugin_of<source>,
        "url = \"" + (url.empty() ? server.url() : url) +
            "\"\napi_key = \"the-key\"\naccess_token = \"${file:" + token_file +
            "}\"\nbackoff_first = \"20ms\"\nbackoff_max = \"50ms\"\ntoken_poll = \"100ms\"\n" +
            more,
        testing::options{.real_time = true, .environment = {}});
  }
  void start_open(const std::string& more = "tokens = [408065, 256265]") {
    start(more);
    REQUIRE(until([&] { return server.open() == 1 && server.texts().size() >= 2; }));
  }
  bool until(const std::function<bool()>& done, duration limit = enough) {
    return run->run_until(done, limit);
  }
  bool got_records(std::size_t count) {
    return until([&] {
      for (output& one : run->outputs()) got.push_back(std::move(one));
      return got.size() >= count;
    });
  }
  /// The first event of a kind, waited for; "" if none comes.
  std::string event(std::string_view kind) {
    std::string found;
    until([&] {
      for (testing::message& one : run->events()) told.push_back(std::move(one));
      for (const testing::message& one : told)
        if (found.empty() && one.kind == kind) found = one.text;
      return !found.empty();
    });
    return found;
  }
  level signal(std::string_view name) const {
    for (const testing::signal& one : run->signals())
      if (one.name == name) return one.level;
    return level::healthy;
  }
  bool metric_is(std::string_view name, double value) {
    return until([&] { return run->metric(name) == value; });
  }
};

inline std::vector<std::uint8_t> bytes_of(kite::bytes_view view) {
  return {view.begin(), view.end()};
}

inline std::vector<std::uint8_t> frame_of(const std::vector<kite::packet>& packets) {
  kite::frame_builder frame;
  for (const kite::packet& one : packets) frame.add(one);
  return bytes_of(frame.frame());
}

inline kite::packet tick(std::uint32_t token, kite::packet_kind kind,
                         std::uint32_t exchange_time = 0) {
  kite::packet made;
  made.kind = kind;
  made.token = token;
  made.last_price = 150'025;
  made.exchange_time = exchange_time;
  return made;
}

}  // namespace sluice::kite_source
