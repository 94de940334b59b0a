// console/lines.hpp - a record as a line of text.
#pragma once

#include <sluice/ext/attributes.h>
#include <sluice/ext/codec.h>
#include <sluice/stage.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::console {

/// One for a stage; for its lane.
class line_writer {
 public:
  /// `columns`: the fields of a pretty line; a record that has none of them is shown as JSON.
  line_writer(host of, std::vector<std::string> columns, bool color);

  /// Appends the record as one line of JSON; false, and nothing appended: the payload is malformed.
  bool json(const record& of, std::string& to);
  /// The same for people: its key (or symbol), its columns aligned.
  bool pretty(const record& of, std::string& to);

 private:
  const sluice_codec* codec_of(std::uint16_t schema) const;
  std::string_view schema_name(std::uint16_t schema) const;
  bool members(const record& of, std::string& to) const;
  bool columns(const record& of, const sluice_codec& codec, std::string& to);
  void padded(std::string& to, std::string_view text, std::size_t width, bool right) const;
  void paint(std::string& to, std::string_view code) const;

  host host_;
  const sluice_codecs* codecs_;
  const sluice_attributes* attributes_;
  std::vector<std::string> columns_;
  bool color_;
  std::string cell_;  ///< kept for its capacity
};

}  // namespace sluice::console
