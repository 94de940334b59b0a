// The two texts a broker sends first on every connection.
#pragma once

#include <sluice/record.hpp>

#include <cstddef>
#include <string>

namespace sluice::kite_server {

std::string instruments_meta_text(std::size_t instruments);
/// `unix_time`: since 1970, UTC; written as Indian time, as the broker does.
std::string app_code_text(duration unix_time);

}  // namespace sluice::kite_server
