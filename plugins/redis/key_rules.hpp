// What holds for the configuration keys that the Redis plugins have in common.
#pragma once

#include "url.hpp"

#include <sluice/stage.hpp>

namespace sluice::redis {

/// Adds what is wrong with `sentinel_user` and `sentinel_password` for a Redis at `to`.
template <typename Config>
void check_sentinel_keys(const Config& given, const address& to, problems& found) {
  if (to.sentinels.empty() && given.sentinel_password)
    found.add("sentinel_password",
              "is of no use without sentinels; allowed with a url of redis+sentinel://");
  if (!given.sentinel_user.empty() && !given.sentinel_password)
    found.add("sentinel_user", "there is a user but no sentinel_password");
}

}  // namespace sluice::redis
