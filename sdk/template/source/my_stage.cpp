#include "my_stage.hpp"

#include <charconv>
#include <cstddef>
#include <cstring>

namespace stages {
namespace {

constexpr std::uint64_t the_key = 1;  // all records are about one thing: the count
constexpr std::string_view member{"\"count\":"};
constexpr std::size_t longest_number = 20;  // characters of a 64-bit number

/// The number in a record's payload; false: there is none, the payload is malformed.
bool number_of(const sluice_record& from, std::int64_t& number) {
  const char* begin = reinterpret_cast<const char*>(from.data);
  const auto [end, error] = std::from_chars(begin, begin + from.size, number);
  return error == std::errc{} && end == begin + from.size;
}

std::uint64_t write_json(const sluice_record* from, char* out, std::uint64_t capacity) {
  std::int64_t number = 0;
  if (!number_of(*from, number)) return 0;
  char text[longest_number];
  const char* end = std::to_chars(text, text + sizeof text, number).ptr;
  const auto digits = static_cast<std::size_t>(end - text);
  if (member.size() + digits <= capacity) {
    std::memcpy(out, member.data(), member.size());
    std::memcpy(out + member.size(), text, digits);
  }
  return member.size() + digits;
}

sluice_status read_field(const sluice_record* from, sluice_str name, sluice_scalar* out) {
  *out = {};
  if (!number_of(*from, out->integer)) return SLUICE_FAILED;
  if (sluice::view(name) != "count") return SLUICE_OK;
  out->kind = SLUICE_IS_INTEGER;
  out->number = static_cast<double>(out->integer);
  return SLUICE_OK;
}

}  // namespace

const sluice_codec count_codec{sizeof(sluice_codec), member.size() + longest_number,
                               sluice::borrow(count_schema), &write_json, &read_field};

my_stage::my_stage(const config& given, sluice::host host)
    : host_{host}, interval_{given.interval}, schema_{host.schema(count_schema)} {}

void my_stage::start() {
  next_ = host_.now() + interval_;
  host_.wake_at(next_);
}

void my_stage::on_timer(sluice::time_point now) {
  char text[longest_number];
  const char* end = std::to_chars(text, text + sizeof text, ++count_).ptr;
  sluice::record made{};
  made.key = the_key;
  made.schema = schema_;
  made.priority = SLUICE_PRIORITY_NORMAL;
  made.received_ns = now.time_since_epoch().count();
  made.data = reinterpret_cast<const std::uint8_t*>(text);
  made.size = static_cast<std::uint32_t>(end - text);
  made.weight = 1;
  host_.push({&made, 1});  // the host copies what it keeps
  next_ += interval_;      // not from now: a late wake-up does not slow the count down
  host_.wake_at(next_);
}

}  // namespace stages

SLUICE_PLUGIN(stages::my_stage);
