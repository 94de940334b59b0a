// Small texts: units in both directions, quoting for messages, suggestions for misspellings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// "100ms", "1.5s", "1m30s", "0" to nanoseconds; units ns us ms s m h d. With `bare_seconds` a
/// number without a unit is seconds. Nothing if it is not a duration or beyond an int64.
std::optional<std::int64_t> parse_duration(std::string_view text, bool bare_seconds);
/// "64KiB", "16MB", "512": B KB MB GB TB are powers of 1000, KiB MiB GiB TiB of 1024.
std::optional<std::int64_t> parse_size(std::string_view text);
/// Decimal, underscores between digits allowed as in TOML.
std::optional<std::int64_t> parse_integer(std::string_view text);
/// Finite.
std::optional<double> parse_number(std::string_view text);
/// true/false, and for environment variables 1/0, yes/no, on/off in any case.
std::optional<bool> parse_boolean(std::string_view text, bool loose);

/// The shortest exact form in one unit: "1.5s" is "1500ms".
std::string show_duration(std::int64_t nanoseconds);
std::string show_size(std::int64_t bytes);
std::string show_number(double value);

/// In double quotes, control characters escaped, long texts cut, a URL's password masked.
std::string in_quotes(std::string_view text);
/// Bytes of a sentence that somebody else wrote, in a message.
inline constexpr std::size_t longest_message = 1000;

/// Another's text as it may stand in a message: control characters escaped, cut after `most` bytes.
std::string printable(std::string_view text, std::size_t most = 80);
/// The passwords of all URLs in it replaced by ***; anything else as it is.
std::string without_password(std::string_view text);

/// The candidate nearest to a misspelt name, if one is near enough to be meant.
std::optional<std::string> nearest(std::string_view name, std::span<const std::string> candidates);
/// "did you mean "x"?" or "allowed are a, b, c".
std::string suggestion(std::string_view name, std::span<const std::string> candidates);

std::string joined(std::span<const std::string> parts, std::string_view separator);
std::vector<std::string> split(std::string_view text, char separator);
std::string_view trimmed(std::string_view text);

/// Letters, digits and _ - . up to 64, not starting with - or .: what names stages and pipelines.
bool is_name(std::string_view text);

}  // namespace sluice::config
