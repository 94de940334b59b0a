// What entries said of their keys, as the host's table of attributes (ext/attributes.h). In the
// lane.
#pragma once

#include "consumer.hpp"

#include <sluice/ext/attributes.h>
#include <sluice/stage.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace sluice::redis_stream_source {

class key_attributes {
 public:
  /// Bytes; a longer value is left out: entries come from others, and the table stays.
  static constexpr std::size_t value_max = 256;

  /// `names` are those of entry::attributes.
  key_attributes(std::vector<std::string> names, host to);

  /// Before the entries go out: publishes the table, whole, if they say what is new. What an entry
  /// does not say of its key stays; what names no key says nothing.
  void learn(std::span<const entry> entries);

 private:
  bool learn(const entry& from);
  bool is_value(std::string_view text);
  void publish();

  const std::vector<std::string> names_;
  host host_;
  const sluice_attributes* table_;
  std::map<std::uint64_t, std::vector<std::string>> rows_;  ///< by key: a value of each name
  bool full_ = false;      ///< the host has max_keys: further ones are dropped, so none is kept
  bool too_long_ = false;  ///< an event was written
};

}  // namespace sluice::redis_stream_source
