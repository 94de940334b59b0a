#include "config/codecs.hpp"

#include "config/text.hpp"
#include "plugin/within_limit.hpp"

#include <sluice/ext/codec.h>
#include <sluice/record.hpp>

#include <exception>
#include <stdexcept>

namespace sluice::config {

namespace {

/// Throws std::runtime_error saying why not, plugin::hung among them.
codecs_spec find_codecs(const std::string& name, const plugin_lookup& find) {
  const found_plugin found = find(name);
  const bool any =
      found.plugin->extension != nullptr && plugin::within_limit(name + ": extension", [found] {
        return found.plugin->extension(borrow(SLUICE_EXT_CODEC)) != nullptr;
      });
  if (!any) throw std::runtime_error{in_quotes(name) + " has no codec"};
  return {name, found.plugin, found.library};
}

}  // namespace

std::vector<codecs_spec> read_codecs(const std::vector<std::string>& names, const section& from,
                                     const plugin_lookup& find, reading& state) {
  std::vector<codecs_spec> made;
  for (const std::string& name : names) {
    try {
      made.push_back(find_codecs(name, find));
    } catch (const std::exception& why) {
      state.out.error(place_of(from, "codecs"), std::string{"pipeline.codecs: "} + why.what());
    }
  }
  return made;
}

}  // namespace sluice::config
