// What the verbs share: finding plugins, printing, diagnostics.
#pragma once

#include "cli/verbs.hpp"
#include "config/load.hpp"
#include "plugin/loader.hpp"

#include <boost/json/array.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

plugin::loader make_loader(const places& from);

/// Reads and checks a pipeline file with the plugins and variables of `from`.
config::load_result load(const std::filesystem::path& file, const places& from);

/// A folder stands for the .toml files in it. False, and told: there is none, or it cannot be read.
bool add_files(const std::string& path, std::vector<std::filesystem::path>& files);

/// To standard output, and to standard error.
void print(std::string_view text);
void complain(std::string_view text);
/// What was printed goes to whoever reads it, though more is to come.
void flush_output();
/// What went wrong, for people.
std::string words_of(const std::exception& why);

/// The exit code. Does not return it but ends the process with it, all output written, if a
/// plugin's call was left behind: an orderly end might wait for that call.
int ended(int code);

/// "file:line:column: message" of each to standard error, warnings marked as such.
void complain(const config::load_result& result);

/// Each value as an object; no secret is among them.
boost::json::array to_json(const std::vector<config::effective_value>& all);

}  // namespace sluice::cli
