// Each broken plugin is refused with its own message; sound ones load.
#include "plugin/loader.hpp"

#include <sluice/record.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace loader_test {

namespace {

namespace fs = std::filesystem;
using sluice::plugin::loader;

const fs::path fixtures{SLUICE_FIXTURES};
const loader in_fixtures{{"/nowhere/plugins", fixtures}};

std::string refusal(const std::string& name) {
  try {
    in_fixtures.find(name);
  } catch (const std::runtime_error& refused) {
    return refused.what();
  }
  return "(loaded)";
}

/// The message without the file it begins with.
std::string reason(const std::string& name) {
  const std::string whole = refusal(name), file = (fixtures / (name + ".so")).string() + ": ";
  CHECK(whole.starts_with(file));
  return whole.starts_with(file) ? whole.substr(file.size()) : whole;
}

TEST_CASE("what is no plugin is refused before it is loaded") {
  CHECK(reason("garbage") == "is not a shared object (ELF file)");
  CHECK(reason("empty") == "is not a shared object (ELF file)");
  CHECK(reason("no_symbol") == "exports no sluice_plugin_entry: it is not a Sluice plugin");
  CHECK(reason("function_entry") == "sluice_plugin_entry is not data: it must be a sluice_plugin");
  CHECK(reason("extra_symbol") ==
        "exports 'a_helper' beside sluice_plugin_entry, a plugin exports that one symbol: build it "
        "with sluice_add_plugin()");
  CHECK(reason("unique_symbol") ==
        "exports the unique symbol '_ZN7countedIlE9instancesE', which would keep it from ever "
        "being replaced: compile it with -fno-gnu-unique, or build it with sluice_add_plugin()");
  CHECK(reason("unresolved").find("a_function_that_nobody_has") != std::string::npos);
}

TEST_CASE("another version of the contract is refused by number") {
  CHECK(reason("bad_magic") ==
        "its sluice_plugin_entry begins with 0x21544f4e, a plugin's with 0x49554c53");
  CHECK(reason("wrong_major") ==
        "was built for plugin ABI 2.0, this host has 1.0: build it with this host's SDK");
  CHECK(reason("newer_minor") ==
        "was built for plugin ABI 1.1, newer than this host's 1.0: update the host, or build it "
        "with this host's SDK");
  CHECK(reason("small_struct") ==
        "too small a struct: its sluice_plugin has 64 bytes, ABI 1.0 has 184");
  CHECK(reason("large_struct") ==
        "too small a struct: its sluice_plugin says 248 bytes, the file has 184");
  CHECK(reason("short_rows") ==
        "too small a struct: its sluice_field has 96 bytes, ABI 1.0 has 120");
}

TEST_CASE("rows that are longer than this host's are read as far as it knows them") {
  const auto found = in_fixtures.find("long_rows");
  REQUIRE(found.plugin != nullptr);
  CHECK(found.plugin->field_size > sizeof(sluice_field));
}

TEST_CASE("an incomplete descriptor is refused") {
  CHECK(reason("null_process") == "is a transform, but its process is null");
  CHECK(reason("null_create") == "its create is null");
  CHECK(reason("null_destroy") == "its destroy is null");
  CHECK(reason("null_wake") == "declares CAN_IO, but its wake is null");
  CHECK(reason("guard_with_io") ==
        "declares CAN_IO, which a guard cannot have: it runs in the lane of its sink, which waits "
        "for the sink's I/O");
  CHECK(reason("undeclared_io") == "has poll, but does not declare CAN_IO");
  CHECK(reason("unknown_kind") == "its kind is 9, known are 0 to 4");
  CHECK(reason("unknown_capability") == "declares unknown capabilities 0x100000");
  CHECK(reason("bad_name") ==
        "its name must be of a-z, 0-9 and _, beginning with a letter, 64 at most");
  CHECK(reason("bad_version") == "its version '' must be of letters, digits and .+~-, 64 at most");
  CHECK(reason("bad_emits") == "emits 'a tick', a schema reads \"name/version\", as kite.tick/1");
  CHECK(reason("idle_source") ==
        "is a source, but its start, poll and on_timer are null: it would never run");
  CHECK(reason("sink_holds") ==
        "declares CAN_HOLD, which a sink cannot have: only a transform can");
  CHECK(reason("small_swap") ==
        "too small a struct: its sluice_swap has 8 bytes, sluice.swap/1 has 64");
  CHECK(reason("guard_without_table") == "is a guard, but has no sluice.guard/1");
}

TEST_CASE("a wrong row is refused by its key") {
  CHECK(
      reason("bad_row_default").starts_with("its rows: limit: its default \"99\" is not valid: "));
  CHECK(reason("bad_row_text").starts_with("its rows: limit: its default \"many\" is not valid: "));
  CHECK(reason("bad_row_key") == "its rows: Limit: a key is a snake_case noun");
  CHECK(reason("host_key") ==
        "its rows: queue: the name is the host's; reserved are plugin, name, from, where, queue, "
        "shards, hold, on_fault, enabled");
  CHECK(reason("no_doc") == "its rows: limit: it has no doc");
  CHECK(reason("double_key") == "its rows: limit: the key stands twice");
}

TEST_CASE("a plugin is found by name and by path") {
  const auto by_name = in_fixtures.find("sound");
  REQUIRE(by_name.plugin != nullptr);
  CHECK(sluice::view(by_name.plugin->name) == "sound");
  CHECK(by_name.library != nullptr);
  CHECK(in_fixtures.find((fixtures / "sound.so").string()).plugin == by_name.plugin);
}

TEST_CASE("a file found by name holds the plugin of that name, by path any") {
  CHECK(reason("other_name") == "its plugin is named 'another_name', the file says 'other_name'");
  const auto by_path = in_fixtures.find((fixtures / "other_name.so").string());
  CHECK(sluice::view(by_path.plugin->name) == "another_name");
}

TEST_CASE("every path tried is named") {
  CHECK(refusal("nobody") ==
        fmt::format("plugin 'nobody' was not found; tried /nowhere/plugins/nobody.so, {}",
                    (fixtures / "nobody.so").string()));
  CHECK(refusal("/nowhere/x.so") == "plugin '/nowhere/x.so' was not found; tried /nowhere/x.so");
}

TEST_CASE("discovery lists what loads and what does not") {
  const auto all = loader{{fixtures, fixtures / "../fixtures"}}.discover();
  const auto entry = [&](const char* file) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const auto& one) { return one.file == fixtures / file; });
    REQUIRE(found != all.end());
    return *found;
  };
  CHECK(entry("sound.so").found.plugin != nullptr);
  CHECK(entry("sound.so").error == "");
  CHECK(entry("garbage.so").found.plugin == nullptr);
  CHECK(entry("garbage.so").error == "is not a shared object (ELF file)");
  const auto hidden = std::count_if(all.begin(), all.end(), [](const auto& one) {
    return one.file.filename() == "sound.so" && one.error.starts_with("hidden by ");
  });
  CHECK(hidden == 1);
}

}  // namespace

}  // namespace loader_test
