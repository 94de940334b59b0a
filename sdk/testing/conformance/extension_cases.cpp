#include "conformance/cases.hpp"
#include "conformance/traffic.hpp"
#include "conformance/watch.hpp"

#include <sluice/ext/codec.h>
#include <sluice/ext/guard.h>
#include <sluice/record.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

namespace sluice::testing::conformance {

namespace {

constexpr std::uint32_t fuzz_seed = 20'260'106;
constexpr char canary = '\x5a';
constexpr std::uint64_t canaries = 64;

const sluice_codec* codec_of(bench& on, std::string_view schema) {
  const auto* list = on.extension<sluice_codec_list>(SLUICE_EXT_CODEC);
  for (std::uint32_t i = 0; list != nullptr && i < list->count; ++i)
    if (view(list->codecs[i]->schema) == schema) return list->codecs[i];
  return nullptr;
}

/// Its members; empty: malformed. No byte beyond what was offered is written to.
std::string members(bench& on, const sluice_codec& codec, const sluice_record& record) {
  std::uint64_t capacity = codec.json_max;
  for (int tries = 0; tries < 2; ++tries) {
    std::string text(capacity + canaries, canary);
    const std::uint64_t size = codec.write_json(&record, text.data(), capacity);
    on.expect(std::all_of(text.begin() + static_cast<std::ptrdiff_t>(capacity), text.end(),
                          [](char c) { return c == canary; }),
              "write_json wrote beyond its capacity of " +
                  amount(static_cast<std::int64_t>(capacity), "byte") + " (ext/codec.h)");
    if (size <= capacity) return text.substr(0, size);
    capacity = size;
  }
  throw failed{
      "write_json, called again with the capacity it asked for, asks for more "
      "(ext/codec.h)"};
}

void check_members(bench& on, std::string_view schema, const sluice_codec& codec,
                   const sluice_record& record) {
  const std::string text = members(on, codec, record);
  if (text.empty()) return;
  boost::system::error_code wrong;
  const boost::json::value read = boost::json::parse("{" + text + "}", wrong);
  on.expect(!wrong && read.is_object(), "write_json of " + std::string{schema} +
                                            " does not write JSON members: " + text.substr(0, 120));
  sluice_scalar found{};
  for (const auto& [name, value] : read.as_object()) {
    const sluice_status status = codec.read_field(&record, borrow(name), &found);
    on.expect(status == SLUICE_OK, "read_field of " + std::string{schema} + " fails for \"" +
                                       std::string{name} + "\", which write_json writes");
  }
  on.expect(codec.read_field(&record, borrow("no such field"), &found) == SLUICE_OK &&
                found.kind == SLUICE_ABSENT,
            "read_field of " + std::string{schema} +
                ": a field that a record does not have is SLUICE_OK with SLUICE_ABSENT "
                "(ext/codec.h)");
}

sluice_record record_with(const std::vector<std::uint8_t>& payload) {
  sluice_record made{};
  made.key = 7;
  made.schema = 1;
  made.priority = SLUICE_PRIORITY_NORMAL;
  made.seq = 1;
  made.weight = 1;
  made.data = payload.data();
  made.size = static_cast<std::uint32_t>(payload.size());
  return made;
}

/// What it emits itself, by schema.
std::vector<output> emitted(bench& on) {
  harness run = on.make();
  std::vector<output> all;
  for (int i = 0; i < 5; ++i) {
    if (takes_input(on)) run.push(mixed(40));
    on.let_pass(run, std::chrono::milliseconds{200});
    for (output& each : run.outputs()) all.push_back(std::move(each));
    if (all.size() > 500) break;
  }
  return all;
}

}  // namespace

void explains_its_schemas(bench& on) {
  const sluice_plugin& plugin = on.plugin();
  if (plugin.emit_count == 0) on.skip("it emits no schema");
  const std::vector<output> made = emitted(on);
  std::mt19937 random{fuzz_seed};
  for (std::uint32_t i = 0; i < plugin.emit_count; ++i) {
    const std::string_view schema = view(plugin.emits[i]);
    const sluice_codec* codec = codec_of(on, schema);
    on.expect(codec != nullptr, "it emits " + std::string{schema} +
                                    " and exports no codec for it (ext/codec.h): no sink could "
                                    "say what is in such a record");
    on.doing("explaining records of " + std::string{schema});
    for (const output& each : made)
      if (each.schema == schema)
        check_members(on, schema, *codec, record_with({each.text.begin(), each.text.end()}));
    on.doing("explaining damaged records of " + std::string{schema});
    for (std::uint32_t n = 0; n < 3'000; ++n) {
      std::vector<std::uint8_t> payload(random() % 256);
      if (!made.empty() && n % 2 == 0) {
        const std::string& text = made[random() % made.size()].text;
        payload.assign(text.begin(), text.end());
        payload.resize(payload.empty() ? 0 : random() % (payload.size() + 1));
      }
      for (std::uint8_t& each : payload)
        if (n % 2 == 1 || random() % 16 == 0) each = static_cast<std::uint8_t>(random());
      check_members(on, schema, *codec, record_with(payload));
    }
  }
}

void guards(bench& on) {
  if (!on.is(SLUICE_GUARD)) on.skip("it is not a guard");
  const auto& table = *on.extension<sluice_guard>(SLUICE_EXT_GUARD);
  watch seen{on.plugin()};
  harness run = on.make(seen.plugin());
  on.expect(table.closed(seen.self()) == 1,
            "a new guard is not closed: it would be CRITICAL from "
            "the start (ext/guard.h: closed)");
  run.push(mixed(40));
  on.let_pass(run, std::chrono::milliseconds{10});
  on.expect(!run.outputs().empty(), "a new guard lets nothing pass (ext/guard.h: permit)");
  if (table.force != nullptr)
    on.expect(table.force(seen.self(), 99) == SLUICE_INVALID,
              "it took the state 99, which does not exist: SLUICE_INVALID says that it has no such "
              "state (ext/guard.h: force)");
  live(on, run, 10);
  on.expect_sound(run, "behind a guard");
}

}  // namespace sluice::testing::conformance
