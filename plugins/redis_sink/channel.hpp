// The channel a record is published on, from a template with placeholders.
#pragma once

#include "command_frame.hpp"

#include <sluice/ext/attributes.h>
#include <sluice/ext/codec.h>
#include <sluice/stage.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::redis_sink {

/// What stands for an attribute that a key does not have.
inline constexpr std::string_view unknown_attribute = "unknown";

/// "ticker:{type}:{key}" in pieces. {key} is the record's key, any other name an attribute of it;
/// {{ and }} are braces. It begins with literal text, so that no data chooses the name space.
class channel_template {
 public:
  /// Throws std::invalid_argument saying what is wrong and what is allowed.
  explicit channel_template(std::string_view text);

  /// Appends the channel. `attribute(name)` gives a value, empty if unknown.
  void render(std::uint64_t key,
              const std::function<std::string_view(std::string_view name)>& attribute,
              std::string& out) const;

 private:
  struct piece {
    std::string text;  ///< literal text, or the placeholder's name
    bool placeholder = false;
  };
  std::vector<piece> pieces_;
};

/// The beginnings of each key's commands up to the message's length, by record index: made at a
/// key's first record, and anew when the attributes changed, or the schema where entries name it.
class channel_cache {
 public:
  /// A command for each record: to whom, and what it is.
  struct form {
    channel_template name;
    command_frame frame;
  };

  channel_cache(std::vector<form> forms, sluice::host host);

  /// Once a batch: notices changed attributes.
  void refresh();
  /// From now on another command in place of form `which`.
  void set_frame(std::size_t which, command_frame frame) {
    forms_[which].frame = std::move(frame);
    entries_.clear();
  }

  struct part {
    std::string prefix;
    std::uint16_t slot = 0;  ///< of the channel or key, in a cluster
  };
  struct entry {
    std::uint64_t generation = 0;  ///< 0: never made
    std::uint32_t channel = 0;     ///< alike for records of one channel (the first form's name)
    std::uint16_t schema = 0;      ///< of the record it was made for
    std::vector<part> parts;       ///< of each form
  };
  /// Valid until the next call for another record.
  const entry& of(const record& which) {
    if (which.index >= entries_.size() || entries_[which.index].generation != generation_ ||
        (names_schemas_ && entries_[which.index].schema != which.schema))
      make(which);
    return entries_[which.index];
  }

 private:
  void make(const record& of);
  void render(const channel_template& name, const record& of);
  std::string_view attribute(const record& of, std::string_view name) const;
  std::uint64_t append_fields(const command_frame& frame, const record& of, std::string& out) const;

  std::vector<form> forms_;
  const bool names_schemas_;  ///< in one of the forms
  sluice::host host_;
  const sluice_attributes* attributes_;
  const sluice_codecs* codecs_;
  std::uint64_t generation_ = 1;  ///< the table's generation and one
  std::vector<entry> entries_;
  std::unordered_map<std::string, std::uint32_t> channels_;  ///< their numbers, by name
  std::string text_, fields_;
};

}  // namespace sluice::redis_sink
