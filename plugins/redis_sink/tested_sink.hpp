// For tests: the sink with a codec beside it, running in real time, and what it is asked and given.
#pragma once

#include "redis_sink.hpp"

#include <redis/real_redis.hpp>

#include <sluice/testing.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace sluice::redis_sink::testing {

using namespace std::chrono_literals;
using namespace redis::testing;
using sluice::testing::harness;
using sluice::testing::input;

/// Members are the payload as it is; a payload that begins with '!' is malformed.
inline const sluice_codec echo{sizeof(sluice_codec), 64, sluice::borrow("test/1"),
                               [](const sluice_record* of, char* out, std::uint64_t capacity) {
                                 if (of->size <= capacity) std::copy_n(of->data, of->size, out);
                                 return of->data[0] == '!' ? std::uint64_t{0}
                                                           : std::uint64_t{of->size};
                               },
                               [](const sluice_record*, sluice_str, sluice_scalar* out) {
                                 *out = {};
                                 return sluice_status{SLUICE_OK};
                               }};

/// The sink with a codec beside it, as a source would bring one.
struct tested_sink : sluice::redis_sink::sink {
  tested_sink(const config& settings, sluice::host host) : sink{settings, host}, given{settings} {
    last = this;
  }
  static constexpr std::array codecs{&echo};
  config given;
  static inline tested_sink* last = nullptr;
};

inline sluice::testing::options real_time() {
  sluice::testing::options made;
  made.real_time = true;
  return made;
}

struct running : harness {
  explicit running(const std::string& settings)
      : harness{sluice::plugin_of<tested_sink>, settings, real_time()} {}

  bool connected() {
    return run_until([this] { return metric("connected") == 1; });
  }
  bool published(std::uint64_t count_wanted) {
    return run_until([&] { return count().published == count_wanted; });
  }
  /// Waits for an event of this kind; all others that came are kept in `told`.
  bool hears_of(const std::string& kind) {
    return run_until([&] {
      for (auto& each : events()) told.push_back(std::move(each));
      return std::any_of(told.begin(), told.end(),
                         [&](const auto& each) { return each.kind == kind; });
    });
  }
  std::string text_of(const std::string& kind) const {
    for (const auto& each : told)
      if (each.kind == kind) return each.text;
    return "";
  }
  std::size_t times(const std::string& kind) const {
    return static_cast<std::size_t>(std::count_if(
        told.begin(), told.end(), [&](const auto& each) { return each.kind == kind; }));
  }
  std::vector<sluice::testing::message> told;
};

inline std::string at(const real_redis& server) {
  return "url = 'unix://" + server.socket() + "'\n";
}

inline bool hears(running& run, listener& who, std::size_t count) {
  return run.run_until([&] { return who.messages().size() >= count; });
}

inline std::vector<input> ticks(std::size_t count, std::uint64_t key = 7) {
  return std::vector<input>(count, input{.key = key, .text = "\"a\":1"});
}

inline void write(const std::string& file, const std::string& text) {
  std::ofstream{file + ".new"} << text;
  std::filesystem::rename(file + ".new", file);
}

}  // namespace sluice::redis_sink::testing
