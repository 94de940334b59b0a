// The broker's instruments file.
#include "harness.hpp"

#include <kite/instruments.hpp>

#include <unordered_set>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const kite::instruments_file file =
      kite::parse_instruments({reinterpret_cast<const char*>(data), size});
  std::unordered_set<std::uint32_t> tokens;
  for (const kite::instrument& row : file.rows) {
    FUZZ_REQUIRE(tokens.insert(row.token).second);
    FUZZ_REQUIRE(!row.symbol.empty());
    FUZZ_REQUIRE(row.type == "options" || row.type == "futures" || row.type == "underlying" ||
                 row.type == "equity");
  }
  for (const kite::instruments_error& each : file.errors) FUZZ_REQUIRE(!each.what.empty());
  return 0;
}
