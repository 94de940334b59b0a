// Manual pages, written from the command line itself.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace sluice::cli {

/// The page sluice(1), or of one verb sluice-VERB(1), in man(7)'s macros. Throws
/// std::runtime_error if there is no such verb.
std::string manual(const CLI::App& app, std::string_view verb, std::string_view version);

}  // namespace sluice::cli
