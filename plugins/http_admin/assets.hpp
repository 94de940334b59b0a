// The files of the dashboard, served as they are, embedded at build time.
#pragma once

#include <array>
#include <string_view>

namespace sluice::http_admin {

struct asset {
  std::string_view path, type, text;
};

extern const std::array<asset, 8> assets;

}  // namespace sluice::http_admin
