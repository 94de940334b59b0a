#include "cli/scaffold.hpp"

#include "config/text.hpp"
#include "plugin/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

/// What the templates call the stage, in their files and in the names of these.
constexpr std::string_view placeholder = "my_stage";
/// A schema is named after its source, "<name>/1", in at most 64 characters.
constexpr std::size_t longest_name = 48;

/// Words that would not build as a class of their own, as a target, or beside what a stage has.
constexpr std::array reserved{
    // C++, and macros of the system's headers
    "alignas", "alignof", "and", "and_eq", "asm", "assert", "auto", "bitand", "bitor", "bool",
    "break", "case", "catch", "char", "char16_t", "char32_t", "char8_t", "class", "co_await",
    "co_return", "co_yield", "compl", "concept", "const", "const_cast", "consteval", "constexpr",
    "constinit", "continue", "decltype", "default", "delete", "do", "double", "dynamic_cast",
    "else", "enum", "errno", "explicit", "export", "extern", "false", "float", "for", "friend",
    "goto", "if", "inline", "int", "linux", "long", "major", "minor", "mutable", "namespace", "new",
    "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private", "protected",
    "public", "register", "reinterpret_cast", "requires", "return", "short", "signed", "sizeof",
    "static", "static_assert", "static_cast", "std", "stderr", "stdin", "stdout", "struct",
    "switch", "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid",
    "typename", "union", "unix", "unsigned", "using", "virtual", "void", "volatile", "wchar_t",
    "while", "xor", "xor_eq",
    // members of a stage (sluice/stage.hpp)
    "about", "closed", "codecs", "config", "drain", "emits", "fields", "force", "load",
    "older_states", "on_timer", "permit", "poll", "process", "ready", "reconfigure", "result",
    "save", "self_test", "sluice", "start", "state_schema", "validate", "wake",
    // targets of CMake
    "all", "clean", "depend", "edit_cache", "help", "install", "list_install_components", "package",
    "package_source", "preinstall", "rebuild_cache", "test"};

/// Lower-case words and digits, joined by single underscores.
bool is_well_formed(std::string_view name) {
  return plugin::is_snake_case(name) && name.size() <= longest_name && !name.ends_with('_') &&
         name.find("__") == std::string_view::npos;
}

std::string replaced(std::string text, std::string_view by) {
  for (std::size_t at = 0; (at = text.find(placeholder, at)) != std::string::npos; at += by.size())
    text.replace(at, placeholder.size(), by);
  return text;
}

[[noreturn]] void refuse(const fs::path& file, std::string_view what) {
  throw std::runtime_error{
      fmt::format("{}: {}: {}", file.string(), what, std::generic_category().message(errno))};
}

std::string read_file(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) refuse(file, "cannot be read");
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write_file(const fs::path& file, const std::string& text) {
  std::ofstream out{file, std::ios::binary};
  out << text << std::flush;
  if (!out) refuse(file, "cannot be written");
}

void copy_all(const fs::path& from, const fs::path& to, const std::string& name) {
  for (const fs::directory_entry& each : fs::directory_iterator{from})
    write_file(to / replaced(each.path().filename().string(), name),
               replaced(read_file(each.path()), name));
}

}  // namespace

std::string name_problem(std::string_view name) {
  const std::string quoted = config::in_quotes(name);
  if (!is_well_formed(name))
    return fmt::format(
        "{} cannot be a stage's name; allowed are lower-case words and digits joined by single "
        "underscores, a letter first, {} characters at most, as volume_filter",
        quoted, longest_name);
  if (std::find(reserved.begin(), reserved.end(), name) != reserved.end())
    return fmt::format("{} is a word of C++, of CMake or of the SDK; allowed is any other, as {}",
                       quoted, config::in_quotes(fmt::format("my_{}", name)));
  return "";
}

std::vector<fs::path> template_dirs(const fs::path& executable) {
  std::vector<fs::path> found;
  if (executable.has_parent_path())
    found.push_back(executable.parent_path().parent_path() / SLUICE_TEMPLATE_DIR);
  found.emplace_back("/usr/share/sluice/template");
  return found;
}

void make_stage_folder(const fs::path& templates, std::string_view kind, const fs::path& folder) {
  std::error_code error;
  if (!fs::create_directory(folder, error)) {
    const bool taken = !error || error == std::errc::file_exists;
    throw std::runtime_error{fmt::format(
        "{}: {}", folder.string(),
        taken ? "is there already; allowed is a name that is not taken" : error.message())};
  }
  try {
    const std::string name = folder.filename().string();
    copy_all(templates / "common", folder, name);
    copy_all(templates / kind, folder, name);
  } catch (const std::exception&) {
    fs::remove_all(folder, error);
    throw;
  }
}

}  // namespace sluice::cli
