// What a stage calls itself in Redis's CLIENT LIST.
#pragma once

#include <sluice/stage.hpp>

#include <string>

namespace sluice::redis {

/// "sluice:ticker:redis". CLIENT SETNAME takes no spaces or control characters.
inline std::string client_name(host of) {
  std::string name = "sluice:";
  name.append(of.pipeline()).append(":").append(of.stage());
  for (char& c : name)
    if (c <= ' ' || c > '~') c = '_';
  return name;
}

}  // namespace sluice::redis
