// One [[stage]] or [[service]] as read from its table, before it is wired to the others.
#pragma once

#include "config/document.hpp"
#include "config/host_keys.hpp"
#include "config/load.hpp"
#include "config/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::config {

struct stage_draft {
  const node* table = nullptr;
  place at, name_at;
  bool service = false;
  stage_keys keys;
  bool bad_from = false;  ///< `from` was given and could not be read
  std::string name;
  found_plugin found;  ///< no plugin if it could not be used (reported)
  std::shared_ptr<const values> settings;
  where_spec where;
  std::optional<queue_spec> queue;
  std::string off_by;  ///< what switches it off, "enabled" or "environment NAME"; empty: it is on

  bool known() const { return found.plugin != nullptr; }
  bool is(std::uint32_t kind) const { return known() && found.plugin->kind == kind; }
  bool can(std::uint32_t capability) const {
    return known() && (found.plugin->capabilities & capability) != 0;
  }
  bool given(std::string_view key) const { return table->find(key) != nullptr; }
  /// Where a key stands, else where the stage begins.
  place place_of(std::string_view key) const {
    const entry* one = table->find(key);
    return one == nullptr ? at : one->at;
  }
};

stage_draft read_stage(const node& table, bool service, const plugin_lookup& find, reading& state);

/// The plugin's own values from `from`, its rules across keys included; null if there are errors.
std::shared_ptr<const values> read_settings(const found_plugin& found, const section& from,
                                            reading& state);

/// `where`, which may be missing. `owner` is the stage's name.
where_spec read_where(const node& table, const std::string& owner, reading& state);

}  // namespace sluice::config
