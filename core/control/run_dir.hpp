// Where running pipelines have their control sockets.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::control {

/// $SLUICE_RUN_DIR alone if it is set; else /run/sluice, $XDG_RUNTIME_DIR/sluice and
/// /tmp/sluice-<uid>.
std::vector<std::filesystem::path> run_dirs();

/// The first of them that this process may write to; made if it is missing. Throws
/// std::runtime_error that says why there is none.
std::filesystem::path own_run_dir(const std::vector<std::filesystem::path>& candidates);

std::filesystem::path socket_file(const std::filesystem::path& run_dir, std::string_view pipeline);

}  // namespace sluice::control
