#include "lines.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using sluice::console::line_writer;

namespace {

// A schema of the test's own: the payload is the value of its one field, "price"; "?" is malformed.
std::uint64_t write_json(const sluice_record* record, char* out, std::uint64_t capacity) {
  const std::string text = "\"price\":" + std::string{record->data, record->data + record->size};
  if (text.ends_with('?')) return 0;
  if (text.size() <= capacity) std::memcpy(out, text.data(), text.size());
  return text.size();
}
sluice_status read_field(const sluice_record* record, sluice_str name, sluice_scalar* out) {
  *out = {};
  if (record->data[0] == '?') return SLUICE_FAILED;
  if (sluice::view(name) == "change") {
    out->kind = SLUICE_IS_NUMBER;
    out->number = -1.5;
  } else if (sluice::view(name) == "price") {
    out->kind = SLUICE_IS_STRING;
    out->string = {reinterpret_cast<const char*>(record->data), record->size};
  }
  return SLUICE_OK;
}
// A capacity that never suffices the first time.
constexpr sluice_codec codec{sizeof(sluice_codec), 1, {"t/1", 3}, &write_json, &read_field};
constexpr sluice_codecs codecs{
    sizeof(sluice_codecs),
    [](const sluice_host*, std::uint16_t schema) { return schema == 1 ? &codec : nullptr; },
    [](const sluice_host*, std::uint16_t) {
      return sluice_str{"other/1", 7};
    }};

const void* extension(const sluice_host*, sluice_str id) {
  return sluice::view(id) == SLUICE_EXT_CODECS ? &codecs : nullptr;
}

struct fixture {
  sluice_host raw{};
  sluice_record record{};
  std::string line;

  fixture() {
    raw.size = sizeof raw;
    raw.extension = &extension;
    record.key = 7;
    record.seq = 3;
    record.schema = 1;
    record.priority = SLUICE_PRIORITY_NORMAL;
    record.weight = 1;
    payload("12");
  }
  void payload(const char* text) {
    record.data = reinterpret_cast<const std::uint8_t*>(text);
    record.size = static_cast<std::uint32_t>(std::strlen(text));
  }
  line_writer writer(std::vector<std::string> columns, bool color = false) {
    return {sluice::host{&raw}, std::move(columns), color};
  }
};

}  // namespace

TEST_CASE_FIXTURE(fixture, "the codec's members, then seq and weight") {
  line_writer made = writer({});
  CHECK(made.json(record, line));
  CHECK(line == "{\"price\":12,\"seq\":3}\n");
  record.weight = 4;
  line = "before\n";
  CHECK(made.json(record, line));
  CHECK(line == "before\n{\"price\":12,\"seq\":3,\"w\":4}\n");
}

TEST_CASE_FIXTURE(fixture, "a schema without a codec says what is known") {
  record.schema = 2;
  CHECK(writer({}).json(record, line));
  CHECK(line == "{\"schema\":\"other/1\",\"key\":7,\"size\":2,\"seq\":3}\n");
}

TEST_CASE_FIXTURE(fixture, "a malformed payload adds nothing") {
  payload("?");
  line = "before\n";
  CHECK(!writer({"price"}).json(record, line));
  CHECK(!writer({"price"}).pretty(record, line));
  CHECK(line == "before\n");
}

TEST_CASE_FIXTURE(fixture, "columns are aligned, numbers to the right, absent ones a dash") {
  CHECK(writer({"price", "change", "volume"}).pretty(record, line));
  CHECK(line == "7                        12                   -1.5            - #3\n");
  line.clear();
  CHECK(writer({"volume"}).pretty(record, line));
  CHECK(line == "7                        {\"price\":12} #3\n");
}

TEST_CASE_FIXTURE(fixture, "colours show the direction and end where they should") {
  CHECK(writer({"change"}, true).pretty(record, line));
  CHECK(line.find("\x1b[31m        -1.5 \x1b[0m") != std::string::npos);
  CHECK(line.ends_with("\x1b[2m#3\x1b[0m\n"));
}
