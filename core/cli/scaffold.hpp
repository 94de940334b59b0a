// A new stage's folder, from the templates that come with the SDK.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// Why a new stage cannot have this name, and what is allowed; empty: it can. Its name becomes a
/// class, files and build targets.
std::string name_problem(std::string_view name);

/// Where the templates may be: with the program, installed or built, then /usr/share/sluice.
std::vector<std::filesystem::path> template_dirs(const std::filesystem::path& executable);

/// Makes `folder`, whose name is the stage's, of `templates`/common and `templates`/`kind`. Throws
/// std::runtime_error that says why it cannot, and leaves nothing behind then.
void make_stage_folder(const std::filesystem::path& templates, std::string_view kind,
                       const std::filesystem::path& folder);

}  // namespace sluice::cli
