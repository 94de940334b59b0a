#include "control/tap_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <stdexcept>

namespace sluice::control {

namespace {

constexpr std::string_view allowed = "allowed are stage, key, priority, schema and every";

template <typename Number>
Number number(std::string_view name, std::string_view text, Number least, Number most) {
  Number value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    throw std::invalid_argument{
        fmt::format("{}: \"{}\" is not a whole number from {} to {}", name, text, least, most)};
  return value;
}

/// "%2F" as "/".
std::string decoded(std::string_view text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    const bool escaped = text[i] == '%' && i + 2 < text.size() &&
                         std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    made += escaped ? static_cast<char>(byte) : text[i];
    if (escaped) i += 2;
  }
  return made;
}

std::string encoded(std::string_view text) {
  constexpr std::string_view plain = "_-./";
  std::string made;
  for (const char each : text) {
    const bool stays = (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z') ||
                       (each >= '0' && each <= '9') || plain.find(each) != std::string_view::npos;
    made += stays ? std::string(1, each)
                  : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(each)));
  }
  return made;
}

}  // namespace

runtime::tap_question parse_tap(std::string_view query) {
  runtime::tap_question asked;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos)
      throw std::invalid_argument{fmt::format("\"{}\" is not NAME=VALUE; {}", pair, allowed)};
    const std::string_view name = pair.substr(0, equals);
    const std::string value = decoded(pair.substr(equals + 1));
    if (name == "stage")
      asked.stage = value;
    else if (name == "key")
      asked.key = number<std::uint64_t>(name, value, 0, UINT64_MAX);
    else if (name == "priority")
      asked.priority = number<std::uint8_t>(name, value, 0, 2);
    else if (name == "schema")
      asked.schema = value;
    else if (name == "every")
      asked.every = number<std::uint32_t>(name, value, 1, 1'000'000'000);
    else
      throw std::invalid_argument{fmt::format("there is no \"{}\"; {}", name, allowed)};
  }
  if (asked.stage.empty()) throw std::invalid_argument{"which stage? it reads stage=NAME"};
  return asked;
}

std::string render(const runtime::tap_question& asked) {
  std::string made = "stage=" + encoded(asked.stage);
  if (asked.key) made += fmt::format("&key={}", *asked.key);
  if (asked.priority) made += fmt::format("&priority={}", *asked.priority);
  if (!asked.schema.empty()) made += "&schema=" + encoded(asked.schema);
  if (asked.every != 1) made += fmt::format("&every={}", asked.every);
  return made;
}

}  // namespace sluice::control
