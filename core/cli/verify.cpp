#include "cli/case_process.hpp"
#include "cli/conformance.hpp"
#include "cli/output.hpp"
#include "config/document.hpp"
#include "config/text.hpp"
#include "conformance/given_settings.hpp"
#include "plugin/within_limit.hpp"

#include <fmt/format.h>

#include <stdlib.h>

#include <optional>
#include <variant>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;
using testing::conformance::result;

/// A folder that goes with what is in it.
class scratch_folder {
 public:
  scratch_folder() {
    std::string pattern = (fs::temp_directory_path() / "sluice-verify-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{pattern + ": cannot be made"};
    path_ = pattern;
  }
  ~scratch_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// The file itself, or of a name the first in the search path. Nothing, and told: there is none.
std::optional<fs::path> find_file(const std::string& given, const places& from) {
  if (fs::is_regular_file(given)) return given;
  for (const fs::path& each : plugin::candidates(make_loader(from).directories(), given))
    if (fs::is_regular_file(each)) return each;
  complain(fmt::format("sluice: {}: there is no such file\n", given));
  return std::nullopt;
}

/// The stage's keys. Nothing, and told: they cannot be read.
std::optional<std::string> settings_of(const verify_options& asked) {
  std::string text;
  if (!asked.config.empty()) {
    const auto read = config::read_file(asked.config);
    if (const auto* problem = std::get_if<config::diagnostic>(&read)) {
      complain(to_string(*problem) + "\n");
      return std::nullopt;
    }
    text = std::get<std::string>(read) + "\n";
  }
  for (const std::string& each : asked.set) {
    const std::size_t equals = each.find('=');
    text += testing::conformance::setting(config::trimmed(each.substr(0, equals)),
                                          config::trimmed(each.substr(equals + 1)));
  }
  const auto parsed = config::parse_document(text, asked.config.empty() ? "--set" : asked.config);
  if (const auto* problem = std::get_if<config::diagnostic>(&parsed)) {
    complain(to_string(*problem) + "\n");
    return std::nullopt;
  }
  return text;
}

/// The process of one case.
int be_case(const verify_options& asked, const std::string& settings, std::int64_t limit_ns) {
  // A call with a limit of its own is named before the whole process is ended.
  plugin::call_limit = std::chrono::nanoseconds{limit_ns / 4 * 3};
  const case_teller told{asked.report_to};
  const fs::path scratch = fs::path{asked.scratch} / asked.cases.front();
  fs::create_directory(scratch);
  testing::conformance::subject of{asked.files.front(), settings, scratch,
                                   [&](std::string_view step) { told.doing(step); }};
  told.ended(run(*testing::conformance::find_case(asked.cases.front()), of));
  return done;
}

}  // namespace

int verify(const verify_options& asked) {
  const auto limit = config::parse_duration(asked.limit, false);
  if (!limit || *limit <= 0) {
    complain(fmt::format("sluice: --limit {}: must be a duration such as 10s\n", asked.limit));
    return usage;
  }
  const auto settings = settings_of(asked);
  if (!settings) return bad_configuration;
  if (asked.report_to >= 0) return be_case(asked, *settings, *limit);

  std::vector<fs::path> files;
  for (const std::string& each : asked.files) {
    const auto found = find_file(each, asked.from);
    if (!found) return usage;
    files.push_back(*found);
  }
  // What the heap keeps for its next calls would look like leaks to those who count it.
  setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0", 0);
  std::vector<file_report> all;
  bool sound = true;
  for (const fs::path& file : files) {
    const scratch_folder scratch;
    all.push_back(verify_file(file, asked, std::chrono::nanoseconds{*limit}, scratch.path()));
    sound = sound && all.back().count(result::fail) == 0;
    if (asked.format == "text") print((all.size() > 1 ? "\n" : "") + as_text(all.back()));
  }
  if (asked.format == "json") print(as_json(all));
  return sound ? done : failure;
}

}  // namespace sluice::cli
