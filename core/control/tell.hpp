// Tells a running pipeline to do something.
#pragma once

#include <boost/json/object.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace sluice::control {

/// Told in a line that an operation still goes on, now and then after the first second.
using waiting = std::function<void(std::string_view)>;

/// The operation's row (operations.hpp) once it has ended. Throws std::runtime_error: it cannot be
/// asked, refuses, or has not ended within five minutes.
boost::json::object tell(const std::filesystem::path& socket, const boost::json::object& command,
                         const waiting& waits = {});

/// The result of one that was done. Throws std::runtime_error with that of one that was not.
std::string done_by(const boost::json::object& row);

}  // namespace sluice::control
