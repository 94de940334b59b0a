// Asks a running pipeline.
#pragma once

#include "control/protocol.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::control {

/// The document a pipeline answers with. Throws std::runtime_error: it does not run, does not
/// answer within 5 s, or refuses.
std::string ask(const std::filesystem::path& socket, const request& asked);

/// Whether somebody serves this socket.
bool answers(const std::filesystem::path& socket);

/// The sockets of all pipelines that run, by name.
std::vector<std::filesystem::path> running(const std::vector<std::filesystem::path>& run_dirs);

/// The socket of a pipeline by name, or by path if it contains a slash; of the only one that runs
/// if `pipeline` is empty. Throws std::runtime_error that says where it was looked for.
std::filesystem::path find_socket(const std::vector<std::filesystem::path>& run_dirs,
                                  std::string_view pipeline);

}  // namespace sluice::control
