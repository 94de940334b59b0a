#include "plugin/search_path.hpp"

#include <doctest/doctest.h>

namespace {

using sluice::plugin::candidates;
using sluice::plugin::make_search_path;
using sluice::plugin::search_path;

TEST_CASE("the given directories come first, then the environment's, then the program's") {
  const search_path found = make_search_path({"/a:/b", "/c/"}, "/d::/a", "/opt/sluice/bin/sluice");
  REQUIRE(found.size() >= 6);
  CHECK(found[0] == "/a");
  CHECK(found[1] == "/b");
  CHECK(found[2] == "/c/");
  CHECK(found[3] == "/d");
  CHECK(found[4] == "/opt/sluice/lib/sluice/plugins");
  CHECK(found.back() == "/usr/lib/sluice/plugins");
}

TEST_CASE("a directory is tried once") {
  const search_path found = make_search_path({"/a", "/a:/x/../a"}, "/a", {});
  REQUIRE(found.size() == 2);
  CHECK(found[0] == "/a");
}

TEST_CASE("a name means a file of each directory, a path means itself") {
  const search_path path{"/a", "/b"};
  CHECK(candidates(path, "x") == search_path{"/a/x.so", "/b/x.so"});
  CHECK(candidates(path, "./x.so") == search_path{"./x.so"});
}

TEST_CASE("the program knows its own file") {
  CHECK(sluice::plugin::this_executable().filename() == "core_plugin_test");
}

}  // namespace
