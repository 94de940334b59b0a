#include <kite/json_scan.hpp>

#include <charconv>
#include <cstdlib>

namespace sluice::kite {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Length of the string that begins at text[0] == '"', with both quotes; what is there if cut.
std::size_t string_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return text.size();
}

/// Length of the value that begins at text[0]: up to a comma or closing bracket of its own level.
std::size_t value_length(std::string_view text) {
  std::size_t depth = 0, i = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (c == '"') {
      i += string_length(text.substr(i));
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return i;
      --depth;
    }
    if (c == ',' && depth == 0) return i;
    ++i;
  }
  return i;
}

json_token number_token(std::string_view text) {
  json_token made{json_kind::number, text, 0, 0};
  const char* end = text.data() + text.size();
  if (const auto read = std::from_chars(text.data(), end, made.integer);
      read.ec == std::errc{} && read.ptr == end) {
    made.kind = json_kind::integer;
    made.number = static_cast<double>(made.integer);
  } else if (const auto whole = std::from_chars(text.data(), end, made.number);
             whole.ec != std::errc{} || whole.ptr != end) {
    return {};
  }
  return made;
}

json_token token(std::string_view text) {
  if (text.empty()) return {};
  if (text.front() == '"')
    return {json_kind::string,
            text.size() < 2 ? std::string_view{} : text.substr(1, text.size() - 2), 0, 0};
  if (text.front() == '{' || text.front() == '[') return {json_kind::compound, text, 0, 0};
  if (text == "null") return {json_kind::null, text, 0, 0};
  if (text == "true" || text == "false") return {json_kind::boolean, text, 0, 0};
  return number_token(text);
}

}  // namespace

std::string_view members_of(std::string_view object) {
  object = trim(object);
  if (object.size() < 2 || object.front() != '{' || object.back() != '}') return {};
  return trim(object.substr(1, object.size() - 2));
}

json_token find_member(std::string_view object, std::string_view name) {
  std::string_view rest = members_of(object);
  while (!rest.empty() && rest.front() == '"') {
    const std::size_t length = string_length(rest);
    const bool wanted = length >= 2 && rest.substr(1, length - 2) == name;
    rest = trim(rest.substr(length));
    if (rest.empty() || rest.front() != ':') return {};
    rest = trim(rest.substr(1));
    const std::size_t value = value_length(rest);
    if (wanted) return token(trim(rest.substr(0, value)));
    rest.remove_prefix(value);
    if (!rest.empty()) rest.remove_prefix(1);
    rest = trim(rest);
  }
  return {};
}

std::string compact(std::string_view json) {
  std::string made;
  made.reserve(json.size());
  for (std::size_t i = 0; i < json.size();) {
    const std::size_t length = json[i] == '"' ? string_length(json.substr(i)) : 1;
    if (!is_space(json[i])) made.append(json.substr(i, length));
    i += length;
  }
  return made;
}

std::string quote(std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  std::string made{"\""};
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      made += '\\';
      made += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      made += "\\u00";
      made += hex[static_cast<unsigned char>(c) >> 4];
      made += hex[c & 15];
    } else {
      made += c;
    }
  }
  return made += '"';
}

}  // namespace sluice::kite
