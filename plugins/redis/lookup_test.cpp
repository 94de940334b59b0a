#include "lookup.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace lookup_test {

using namespace std::chrono_literals;
using namespace sluice;
using redis::lookup;

namespace {

/// A host whose resolver answers when it is told to.
struct slow_resolver {
  sluice_host raw{};
  sluice_resolver names{};
  std::int64_t now = 0;
  std::uint64_t begun = 0;
  std::string answer;  ///< of all lookups; empty: not yet

  slow_resolver() {
    raw.size = sizeof raw;
    raw.now = [](const sluice_host* host) { return self(host).now; };
    raw.extension = [](const sluice_host* host, sluice_str) -> const void* {
      return &self(host).names;
    };
    names.size = sizeof names;
    names.begin = [](const sluice_host* host, sluice_str) { return ++self(host).begun; };
    names.result = [](const sluice_host* host, std::uint64_t, sluice_text* out) -> sluice_status {
      const std::string& text = self(host).answer;
      if (text.empty()) return SLUICE_AGAIN;
      out->size = text.copy(out->data, out->capacity);
      return SLUICE_OK;
    };
  }
  static slow_resolver& self(const sluice_host* host) {
    return *reinterpret_cast<slow_resolver*>(const_cast<sluice_host*>(host));
  }
  void pass(duration time) { now += time.count(); }
};

const redis::place somewhere{"name", 6379};

}  // namespace

TEST_CASE("a lookup that took longer than an attempt serves the next one") {
  slow_resolver host;
  lookup on{sluice::host{&host.raw}};
  CHECK(on.begin(somewhere) == lookup::progress::waiting);
  CHECK(on.poll() == lookup::progress::waiting);
  host.pass(1s);
  CHECK(on.begin(somewhere) == lookup::progress::waiting);
  host.answer = "127.0.0.1\n::1";
  CHECK(on.poll() == lookup::progress::found);
  CHECK(on.endpoints().size() == 2);
  CHECK(host.begun == 1);
}

TEST_CASE("an answer that came long ago is not taken for where the server is now") {
  slow_resolver host;
  lookup on{sluice::host{&host.raw}};
  CHECK(on.begin(somewhere) == lookup::progress::waiting);
  host.answer = "127.0.0.1";
  host.pass(1h);
  CHECK(on.begin(somewhere) == lookup::progress::waiting);
  CHECK(host.begun == 2);
  // One that is still under way is waited for: a resolver that hangs is not asked again and again.
  host.answer.clear();
  host.pass(1h);
  CHECK(on.begin(somewhere) == lookup::progress::waiting);
  CHECK(host.begun == 2);
}

}  // namespace lookup_test
