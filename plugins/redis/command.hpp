// A command as Redis reads it. Not for the path of records: it allocates.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace sluice::redis {

/// Appends a command of these words to `out`.
void append_command(std::initializer_list<std::string_view> words, std::string& out);
void append_command(std::span<const std::string> words, std::string& out);

}  // namespace sluice::redis
