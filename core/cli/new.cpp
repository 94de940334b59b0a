#include "cli/output.hpp"
#include "cli/scaffold.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

/// The first folder with templates. Throws std::runtime_error that names all that were tried.
fs::path find_templates() {
  const std::vector<fs::path> all = template_dirs(plugin::this_executable());
  std::string tried;
  for (const fs::path& one : all) {
    if (fs::is_directory(one)) return one;
    tried += fmt::format("\n  {}", one.string());
  }
  throw std::runtime_error{"the SDK's templates were not found; looked in" + tried};
}

/// A plugin of this name that is found without --plugin-path hides, or is hidden.
void warn_of_namesake(const std::string& name) {
  const plugin::loader installed = make_loader({});
  for (const fs::path& file : plugin::candidates(installed.directories(), name)) {
    if (!fs::exists(file)) continue;
    complain(
        fmt::format("sluice: warning: there is a plugin {} already, {}; which of the two a "
                    "pipeline gets depends on --plugin-path\n",
                    name, file.string()));
    return;
  }
}

}  // namespace

int new_stage(const new_options& asked) {
  if (const std::string problem = name_problem(asked.name); !problem.empty()) {
    complain(fmt::format("sluice: {}\n", problem));
    return usage;
  }
  make_stage_folder(find_templates(), asked.kind, asked.name);
  warn_of_namesake(asked.name);
  print(
      fmt::format("{0}/ is a {1} that builds and passes its test. Next:\n"
                  "  cd {0}\n"
                  "  cmake -B build && cmake --build build && ctest --test-dir build\n"
                  "  sluice run --plugin-path build pipeline.toml\n",
                  asked.name, asked.kind));
  return done;
}

}  // namespace sluice::cli
