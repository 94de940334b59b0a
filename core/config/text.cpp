#include "config/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace sluice::config {

namespace {

struct unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array<unit, 8> durations{{{"ns", 1},
                                         {"us", 1'000},
                                         {"\u00b5s", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000},
                                         {"d", 86'400'000'000'000}}};

constexpr std::array<unit, 10> sizes{{{"", 1},
                                      {"B", 1},
                                      {"KB", 1'000},
                                      {"MB", 1'000'000},
                                      {"GB", 1'000'000'000},
                                      {"TB", 1'000'000'000'000},
                                      {"KiB", 1ll << 10},
                                      {"MiB", 1ll << 20},
                                      {"GiB", 1ll << 30},
                                      {"TiB", 1ll << 40}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Underscores between digits removed, as TOML allows them; nothing if one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
      continue;
    }
    if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1]))
      return std::nullopt;
  }
  return plain;
}

std::optional<std::int64_t> to_integer(long double value) {
  constexpr long double limit = 9.2e18L;
  if (!(value > -limit && value < limit)) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(value));
}

struct measure {
  long double amount;
  std::string_view unit;
  std::string_view rest;
};

/// "1.5s30ms" to 1.5, "s" and "30ms".
std::optional<measure> take_measure(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() &&
         (is_digit(text[digits]) || text[digits] == '.' || text[digits] == '_'))
    ++digits;
  const auto plain = without_underscores(text.substr(0, digits));
  if (!plain) return std::nullopt;
  const auto amount = parse_number(*plain);
  if (!amount) return std::nullopt;
  std::size_t end = digits;
  while (end < text.size() && !is_digit(text[end])) ++end;
  return measure{*amount, text.substr(digits, end - digits), text.substr(end)};
}

template <std::size_t N>
std::string show_in_units(std::int64_t value, const std::array<unit, N>& units,
                          std::string_view zero) {
  if (value == 0) return std::string{zero};
  const unit* best = nullptr;
  for (const unit& one : units)
    if (!one.name.empty() && value % one.factor == 0 &&
        (best == nullptr || one.factor > best->factor))
      best = &one;
  return std::to_string(value / best->factor) + std::string{best->name};
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[a.size()][b.size()];
}

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text, bool bare_seconds) {
  if (text == "0") return 0;
  if (bare_seconds)
    if (const auto seconds = parse_number(text)) return to_integer(*seconds * 1e9L);
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  long double total = 0;
  while (!text.empty()) {
    const auto part = take_measure(text);
    if (!part) return std::nullopt;
    const auto found = std::find_if(durations.begin(), durations.end(),
                                    [&](const unit& one) { return one.name == part->unit; });
    if (found == durations.end()) return std::nullopt;
    total += part->amount * static_cast<long double>(found->factor);
    text = part->rest;
  }
  return to_integer(negative ? -total : total);
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  const auto part = take_measure(text);
  if (!part || !part->rest.empty()) return std::nullopt;
  const std::string_view name = trimmed(part->unit);
  const auto found =
      std::find_if(sizes.begin(), sizes.end(), [&](const unit& one) { return one.name == name; });
  if (found == sizes.end()) return std::nullopt;
  return to_integer(part->amount * static_cast<long double>(found->factor));
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const auto plain = without_underscores(text);
  if (!plain || plain->empty()) return std::nullopt;
  const char* begin = plain->data();
  const char* end = begin + plain->size();
  if (*begin == '+') ++begin;
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  const auto plain = without_underscores(text);
  if (!plain || plain->empty()) return std::nullopt;
  double value = 0;
  const auto [stop, error] = std::from_chars(plain->data(), plain->data() + plain->size(), value);
  if (error != std::errc{} || stop != plain->data() + plain->size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<bool> parse_boolean(std::string_view text, bool loose) {
  std::string lower{text};
  if (loose)
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  if (lower == "true") return true;
  if (lower == "false") return false;
  if (loose && (lower == "1" || lower == "yes" || lower == "on")) return true;
  if (loose && (lower == "0" || lower == "no" || lower == "off")) return false;
  return std::nullopt;
}

std::string show_duration(std::int64_t nanoseconds) {
  return show_in_units(nanoseconds, durations, "0s");
}

std::string show_size(std::int64_t bytes) { return show_in_units(bytes, sizes, "0B"); }

std::string show_number(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return error == std::errc{} ? std::string{buffer.data(), end} : std::to_string(value);
}

std::string printable(std::string_view text, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && i < most; ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\x%02x", byte);
      out += code.data();
    } else {
      out += c;
    }
  }
  if (text.size() > most) out += "...";
  return out;
}

std::string without_password(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) return out += text;
    out += text.substr(0, scheme + 3);
    text.remove_prefix(scheme + 3);
    const std::string_view host = text.substr(0, text.find_first_of("/?#, \t\r\n\"'"));
    const std::size_t at = host.rfind('@');
    const std::size_t colon = host.find(':');
    if (at == std::string_view::npos || colon == std::string_view::npos || colon > at) continue;
    out += text.substr(0, colon + 1);
    out += "***";
    text.remove_prefix(at);
  }
}

std::string in_quotes(std::string_view text) {
  return "\"" + printable(without_password(text)) + "\"";
}

std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates) {
  if (name.size() > 64) return std::nullopt;
  std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
  std::optional<std::string> best;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, std::span<const std::string> candidates) {
  if (const auto meant = nearest(name, candidates))
    return "did you mean " + in_quotes(*meant) + "?";
  if (candidates.empty()) return "none is allowed here";
  return "allowed are " + joined(candidates, ", ");
}

std::string joined(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '-' || text.front() == '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
           c == '-' || c == '.';
  });
}

}  // namespace sluice::config
