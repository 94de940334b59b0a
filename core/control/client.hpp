// Asks a running pipeline.
#pragma once

#include "control/protocol.hpp"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::control {

/// Somebody holds the socket and does not answer: the pipeline hangs, or was stopped.
struct no_answer : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The document a pipeline answers with. Throws no_answer after `limit`, and std::runtime_error: it
/// does not run, or refuses.
std::string ask(const std::filesystem::path& socket, const request& asked,
                std::chrono::milliseconds limit = std::chrono::seconds{5});

/// Whether a pipeline that could not be asked again has ended, which what is watched may.
inline bool has_ended(const std::runtime_error& why) {
  return dynamic_cast<const no_answer*>(&why) == nullptr;
}

/// Whether somebody serves this socket.
bool answers(const std::filesystem::path& socket);

/// The sockets of all pipelines that run, by name.
std::vector<std::filesystem::path> running(const std::vector<std::filesystem::path>& run_dirs);

/// The socket of a pipeline by name, or by path if it contains a slash; of the only one that runs
/// if `pipeline` is empty. Throws std::runtime_error that says where it was looked for.
std::filesystem::path find_socket(const std::vector<std::filesystem::path>& run_dirs,
                                  std::string_view pipeline);

}  // namespace sluice::control
