#include "identity.hpp"

#include "command.hpp"

namespace sluice::redis {

bool append_auth(const identity& as, std::string& out) {
  if (as.password.empty() && as.user.empty()) return false;
  if (as.user.empty())
    append_command({"AUTH", as.password}, out);
  else
    append_command({"AUTH", as.user, as.password}, out);
  return true;
}

}  // namespace sluice::redis
