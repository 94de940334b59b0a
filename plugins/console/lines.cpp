#include "lines.hpp"

#include <charconv>
#include <cmath>

namespace sluice::console {
namespace {

constexpr std::size_t key_width = 24, column_width = 12;
constexpr std::string_view dim = "2", green = "32", red = "31", bold = "1";

template <typename Number>
void append(std::string& to, Number value) {
  char text[32];
  to.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append(std::string& to, const sluice_scalar& value) {
  switch (value.kind) {
    case SLUICE_IS_BOOLEAN: to += value.integer != 0 ? "true" : "false"; break;
    case SLUICE_IS_INTEGER: append(to, value.integer); break;
    case SLUICE_IS_NUMBER: append(to, value.number); break;
    case SLUICE_IS_STRING: to += view(value.string); break;
    default: to += '-';
  }
}

void append_string(std::string& to, std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') to += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      to += "\\u00";
      to += hex[static_cast<unsigned char>(c) >> 4];
      to += hex[c & 15];
    } else {
      to += c;
    }
  }
  to += '"';
}

}  // namespace

line_writer::line_writer(host of, std::vector<std::string> columns, bool color)
    : host_{of},
      codecs_{of.extension<sluice_codecs>(SLUICE_EXT_CODECS)},
      attributes_{of.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES)},
      columns_{std::move(columns)},
      color_{color} {}

const sluice_codec* line_writer::codec_of(std::uint16_t schema) const {
  return codecs_ == nullptr ? nullptr : codecs_->find(host_.raw(), schema);
}

std::string_view line_writer::schema_name(std::uint16_t schema) const {
  return codecs_ == nullptr ? std::string_view{} : view(codecs_->name(host_.raw(), schema));
}

/// The members of the record's JSON without braces.
bool line_writer::members(const record& of, std::string& to) const {
  const sluice_codec* codec = codec_of(of.schema);
  if (codec == nullptr) {
    to += "\"schema\":";
    append_string(to, schema_name(of.schema));
    to += ",\"key\":";
    append(to, of.key);
    to += ",\"size\":";
    append(to, of.size);
    return true;
  }
  const std::size_t at = to.size();
  std::uint64_t capacity = codec->json_max;
  for (;;) {
    to.resize(at + capacity);
    const std::uint64_t size = codec->write_json(&of, to.data() + at, capacity);
    if (size == 0 || size <= capacity) {
      to.resize(at + size);
      return size != 0;
    }
    capacity = size;
  }
}

bool line_writer::json(const record& of, std::string& to) {
  const std::size_t before = to.size();
  to += '{';
  if (!members(of, to)) {
    to.resize(before);
    return false;
  }
  to += ",\"seq\":";
  append(to, of.seq);
  if (of.weight != 1) {
    to += ",\"w\":";
    append(to, of.weight);
  }
  to += "}\n";
  return true;
}

void line_writer::paint(std::string& to, std::string_view code) const {
  if (color_) to.append("\x1b[").append(code).append("m");
}

/// One more space than asked for at least, so that columns never touch.
void line_writer::padded(std::string& to, std::string_view text, std::size_t width,
                         bool right) const {
  const std::size_t pad = text.size() < width ? width - text.size() : 0;
  if (right) to.append(pad, ' ');
  to.append(text);
  if (!right) to.append(pad, ' ');
  to += ' ';
}

/// False: the record has none of the columns.
bool line_writer::columns(const record& of, const sluice_codec& codec, std::string& to) {
  bool any = false;
  for (const std::string& name : columns_) {
    sluice_scalar value{};
    if (codec.read_field == nullptr || codec.read_field(&of, borrow(name), &value) != SLUICE_OK)
      return false;
    any = any || value.kind != SLUICE_ABSENT;
    cell_.clear();
    append(cell_, value);
    const bool sign = name == "change" && value.kind == SLUICE_IS_NUMBER && value.number != 0;
    if (sign) paint(to, value.number > 0 ? green : red);
    padded(to, cell_, column_width, value.kind != SLUICE_IS_STRING);
    if (sign) paint(to, "0");
  }
  return any;
}

bool line_writer::pretty(const record& of, std::string& to) {
  const std::size_t before = to.size();
  cell_.clear();
  if (attributes_ != nullptr)
    cell_ = view(attributes_->get(host_.raw(), of.index, borrow("symbol")));
  if (cell_.empty()) append(cell_, of.key);
  paint(to, of.priority == SLUICE_PRIORITY_HIGH ? red : bold);
  padded(to, cell_, key_width, false);
  paint(to, "0");

  const sluice_codec* codec = codec_of(of.schema);
  const std::size_t after_name = to.size();
  if (codec == nullptr || !columns(of, *codec, to)) {
    to.resize(after_name);
    to += '{';
    if (!members(of, to)) {
      to.resize(before);
      return false;
    }
    to += "} ";
  }
  paint(to, dim);
  to += '#';
  append(to, of.seq);
  if (of.weight != 1) {
    to += " x";
    append(to, of.weight);
  }
  paint(to, "0");
  to += '\n';
  return true;
}

}  // namespace sluice::console
