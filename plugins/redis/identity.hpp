// As whom a connection to a Redis, or to a Sentinel, introduces itself.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::redis {

struct identity {
  std::string user;  ///< empty: the default user
  std::string password;
  std::uint32_t database = 0;
  std::string client_name;
};

/// Appends AUTH, if it is for somebody; whether it did.
bool append_auth(const identity& as, std::string& out);

}  // namespace sluice::redis
