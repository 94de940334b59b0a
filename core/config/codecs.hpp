// The plugins that [pipeline] names for their codecs alone.
#pragma once

#include "config/settings.hpp"

#include <string>
#include <vector>

namespace sluice::config {

/// Of each of `names`, the value of `codecs` in `from`. One that cannot be loaded or has no codec
/// is reported at its place.
std::vector<codecs_spec> read_codecs(const std::vector<std::string>& names, const section& from,
                                     const plugin_lookup& find, reading& state);

}  // namespace sluice::config
