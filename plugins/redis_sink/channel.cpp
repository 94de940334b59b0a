#include "channel.hpp"

#include <redis/slot.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace sluice::redis_sink {
namespace {

constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

/// A word of a command but for the '$' before its length.
void append_word(std::string& out, std::string_view word) {
  append_number(out, word.size());
  out += "\r\n";
  out += word;
  out += "\r\n";
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  for (const std::string_view word : {name, value}) {
    out += '$';
    append_word(out, word);
  }
}

}  // namespace

channel_template::channel_template(std::string_view text) {
  constexpr std::string_view example = "; an example is ticker:{type}:{key}";
  const auto refuse = [&](std::string_view what) {
    throw std::invalid_argument{std::string{what}.append(example)};
  };
  std::string literal;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool doubled = i + 1 < text.size() && text[i + 1] == text[i];
    if (text[i] == '}' && !doubled)
      refuse("has a '}' without its '{' (write }} for the character)");
    if ((text[i] == '{' || text[i] == '}') && doubled) {
      literal += text[i++];
    } else if (text[i] == '{') {
      const auto close = text.find('}', i);
      if (close == std::string_view::npos) refuse("has a '{' that is not closed");
      const std::string_view name = text.substr(i + 1, close - i - 1);
      if (name.empty() || name.find_first_not_of(name_characters) != std::string_view::npos)
        refuse("has a placeholder whose name is not made of letters, digits, '_', '.', '-'");
      if (!literal.empty()) pieces_.push_back({std::exchange(literal, {}), false});
      if (pieces_.empty()) refuse("does not begin with literal text");
      pieces_.push_back({std::string{name}, true});
      i = close;
    } else {
      literal += text[i];
    }
  }
  if (!literal.empty()) pieces_.push_back({std::move(literal), false});
  if (pieces_.empty()) refuse("is empty");
}

void channel_template::render(
    std::uint64_t key, const std::function<std::string_view(std::string_view name)>& attribute,
    std::string& out) const {
  for (const piece& part : pieces_) {
    if (!part.placeholder) {
      out += part.text;
    } else if (part.text == "key") {
      append_number(out, key);
    } else {
      const std::string_view value = attribute(part.text);
      out += value.empty() ? unknown_attribute : value;
    }
  }
}

channel_cache::channel_cache(std::vector<form> forms, sluice::host host)
    : forms_{std::move(forms)},
      names_schemas_{std::any_of(
          forms_.begin(), forms_.end(),
          [](const form& each) { return each.frame.fields == entry_fields::key_and_schema; })},
      host_{host},
      attributes_{host.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES)},
      codecs_{host.extension<sluice_codecs>(SLUICE_EXT_CODECS)} {}

void channel_cache::refresh() {
  if (attributes_ == nullptr) return;
  const std::uint64_t now = attributes_->generation(host_.raw()) + 1;
  if (now != generation_) channels_.clear();
  generation_ = now;
}

std::string_view channel_cache::attribute(const record& of, std::string_view name) const {
  if (attributes_ == nullptr) return {};
  return view(attributes_->get(host_.raw(), of.index, borrow(name)));
}

void channel_cache::render(const channel_template& name, const record& of) {
  text_.clear();
  name.render(
      of.key, [&](std::string_view placeholder) { return attribute(of, placeholder); }, text_);
}

void channel_cache::make(const record& of) {
  if (of.index >= entries_.size()) entries_.resize(of.index + 1);
  entry& at = entries_[of.index];
  at.parts.resize(forms_.size());
  for (std::size_t i = 0; i < forms_.size(); ++i) {
    render(forms_[i].name, of);
    if (i == 0)
      at.channel =
          channels_.try_emplace(text_, static_cast<std::uint32_t>(channels_.size())).first->second;
    const command_frame& frame = forms_[i].frame;
    fields_.clear();
    const std::uint64_t words = frame.words + append_fields(frame, of, fields_);
    std::string& prefix = at.parts[i].prefix;
    prefix = '*';
    append_number(prefix, words);
    prefix.append("\r\n").append(frame.head);
    append_word(prefix, text_);
    prefix.append(frame.middle).append(fields_).append(frame.tail);
    at.parts[i].slot = redis::slot_of(text_);
  }
  at.generation = generation_;
  at.schema = of.schema;
}

/// Returns how many words they are.
std::uint64_t channel_cache::append_fields(const command_frame& frame, const record& of,
                                           std::string& out) const {
  std::uint64_t words = 0;
  const auto append = [&](std::string_view name, std::string_view value) {
    append_field(out, name, value);
    words += 2;
  };
  if (frame.fields != entry_fields::none) {
    char digits[20];
    const char* end = std::to_chars(digits, digits + sizeof digits, of.key).ptr;
    append("key", {digits, static_cast<std::size_t>(end - digits)});
  }
  if (frame.fields == entry_fields::key_and_schema)
    append("schema", codecs_ == nullptr ? "" : view(codecs_->name(host_.raw(), of.schema)));
  for (const std::string& name : frame.attributes)
    if (const std::string_view value = attribute(of, name); !value.empty()) append(name, value);
  return words;
}

}  // namespace sluice::redis_sink
