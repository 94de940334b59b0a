#include "config/load.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>

namespace sluice::config {

namespace {

using variables = std::map<std::string, variable, std::less<>>;

/// What follows a value: nothing, or a comment.
bool is_tail(std::string_view text) {
  const std::string_view rest = trimmed(text);
  return rest.empty() || rest.front() == '#';
}

/// A .env value in quotes; throws the reason.
std::string quoted_value(std::string_view text) {
  const char quote = text.front();
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    char c = text[i];
    if (c == quote) {
      if (!is_tail(text.substr(i + 1)))
        throw std::runtime_error{"only a comment may follow the closing quote"};
      return value;
    }
    if (c == '\\' && quote == '"' && i + 1 < text.size()) {
      c = text[++i];
      if (c == 'n') c = '\n';
      if (c == 't') c = '\t';
      if (c == 'r') c = '\r';
    }
    value += c;
  }
  throw std::runtime_error{"the quote is not closed on its line"};
}

std::string plain_value(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t'))
      return std::string{trimmed(text.substr(0, i))};
  return std::string{trimmed(text)};
}

/// One line of a .env file, nothing for a blank or a comment; throws the reason.
std::optional<std::pair<std::string, std::string>> parse_line(std::string_view line) {
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return std::nullopt;
  if (line.starts_with("export ") || line.starts_with("export\t")) line = trimmed(line.substr(7));
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) throw std::runtime_error{"allowed are lines KEY=VALUE"};
  const std::string_view key = trimmed(line.substr(0, equals));
  const bool valid = !key.empty() && !(key.front() >= '0' && key.front() <= '9') &&
                     std::all_of(key.begin(), key.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '_';
                     });
  if (!valid)
    throw std::runtime_error{
        "a variable's name is made of letters, digits and _, and does not "
        "begin with a digit"};
  const std::string_view value = trimmed(line.substr(equals + 1));
  const bool has_quotes = !value.empty() && (value.front() == '"' || value.front() == '\'');
  return std::pair{std::string{key}, has_quotes ? quoted_value(value) : plain_value(value)};
}

variables read_dotenv(const std::filesystem::path& path) {
  variables read;
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return read;
  if (!std::filesystem::is_regular_file(status))
    throw std::runtime_error{path.string() + ": not a regular file"};
  std::ifstream in{path};
  if (!in) throw std::runtime_error{path.string() + ": cannot be read"};
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    try {
      if (auto pair = parse_line(line))
        read.insert_or_assign(pair->first,
                              variable{pair->second, path.string() + ":" + std::to_string(number)});
    } catch (const std::runtime_error& reason) {
      throw std::runtime_error{path.string() + ":" + std::to_string(number) + ": " + reason.what()};
    }
  }
  if (in.bad()) throw std::runtime_error{path.string() + ": cannot be read"};
  return read;
}

}  // namespace

environment process_environment(const std::filesystem::path& dotenv) {
  auto from_file = std::make_shared<const variables>(read_dotenv(dotenv));
  return [from_file](std::string_view name) -> std::optional<variable> {
    if (const char* value = std::getenv(std::string{name}.c_str())) return variable{value};
    const auto found = from_file->find(name);
    if (found == from_file->end()) return std::nullopt;
    return found->second;
  };
}

}  // namespace sluice::config
