// JSON for people: two spaces a level.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace sluice::config {

/// Ends with a line end.
std::string pretty(const boost::json::value& value);

}  // namespace sluice::config
