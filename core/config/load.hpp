// A pipeline file to a checked, resolved graph, with every error at once.
#pragma once

#include "config/pipeline.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::config {

struct node;

struct found_plugin {
  const sluice_plugin* plugin = nullptr;
  std::shared_ptr<const void> library;  ///< keeps `plugin` loaded
  std::filesystem::path file = {};      ///< empty: it is in no file of its own
};
/// By name, or by path if it contains a slash. Throws std::runtime_error whose message says why it
/// cannot be used and names every path tried.
using plugin_lookup = std::function<found_plugin(std::string_view name)>;

/// A variable's value and where it is set: "environment", or the line of a .env file, ".env:3".
struct variable {
  variable(std::string value, std::string where = "environment")
      : text{std::move(value)}, origin{std::move(where)} {}
  std::string text, origin;
};
/// Nothing if the variable is not set.
using environment = std::function<std::optional<variable>(std::string_view name)>;

/// The process environment over what `dotenv` (a .env file, may be missing) says. Throws
/// std::runtime_error with file and line if that file is malformed.
environment process_environment(const std::filesystem::path& dotenv = ".env");

struct diagnostic {
  std::string file;
  std::uint32_t line = 0, column = 0;  ///< from 1; 0: the whole file
  std::string message;                 ///< "key: what is wrong and what is allowed"
};
/// "file:line:column: message".
std::string to_string(const diagnostic& what);

struct load_result {
  std::optional<pipeline_spec> pipeline;   ///< only without errors
  std::vector<diagnostic> errors;          ///< in the order of the file
  std::vector<diagnostic> warnings;        ///< in the order of the file
  std::vector<effective_value> effective;  ///< every key of every part, given or not
};

load_result load(const std::filesystem::path& file, const plugin_lookup& find,
                 const environment& variables);
load_result load_text(std::string_view text, const std::string& file, const plugin_lookup& find,
                      const environment& variables);
/// Of a document read already, for a file that holds a pipeline among other things.
load_result load_document(const node& document, const std::string& file, const plugin_lookup& find,
                          const environment& variables);

/// A file's text, or why it cannot be had. At most 4 MiB.
std::variant<std::string, diagnostic> read_file(const std::filesystem::path& file);

/// The settings of one stage from its keys alone ("ratio = 0.5"); for tests and for swaps. Throws
/// std::runtime_error with all errors, one a line.
std::shared_ptr<const values> load_settings(const sluice_plugin& plugin, std::string_view text,
                                            const environment& variables);

}  // namespace sluice::config
