#include "config/effective.hpp"

#include "config/interpolate.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

namespace sluice::config {

namespace {

/// The strings of a value: itself, or a list's items.
std::span<const node> strings_of(const node& value) {
  return value.is == node::type::array ? std::span{value.items} : std::span{&value, 1};
}

}  // namespace

std::string origin_of(const entry& given, const reading& state) {
  std::vector<std::string> references;
  for (const node& item : strings_of(given.value))
    if (item.is == node::type::string)
      for (std::string& origin : expand(item.text, state.variables).origins)
        references.push_back(std::move(origin));
  std::string text = state.out.file() + ":" + std::to_string(given.at.line) + ":" +
                     std::to_string(given.at.column);
  return references.empty() ? text : text + " (" + joined(references, ", ") + ")";
}

reference reference_of(const node& value, const environment& variables) {
  reference made;
  std::vector<std::string> items;
  for (const node& item : strings_of(value)) {
    if (item.is != node::type::string) {
      items.push_back(std::to_string(item.integer));
      continue;
    }
    const expansion text = expand(item.text, variables);
    made.outside |= text.outside;
    items.push_back(in_quotes(text.shown));
  }
  made.shown = value.is == node::type::array ? "[" + joined(items, ", ") + "]" : items.front();
  return made;
}

void amend(reading& state, std::string_view owner, std::string_view key, std::string value,
           std::string origin) {
  const auto found = std::find_if(
      state.effective.rbegin(), state.effective.rend(),
      [&](const effective_value& one) { return one.owner == owner && one.key == key; });
  if (found == state.effective.rend()) {
    state.effective.push_back(
        {std::string{owner}, std::string{key}, std::move(value), std::move(origin)});
    return;
  }
  found->value = std::move(value);
  found->origin = std::move(origin);
}

std::optional<std::string> switched_off(std::string_view variable, const std::string& of,
                                        reading& state) {
  const auto given = state.variables(variable);
  if (!given || trimmed(given->text).empty()) return std::nullopt;
  const auto on = parse_boolean(trimmed(given->text), true);
  if (!on) state.out.environment_error(variable, of + ": must be true or false");
  if (!on || *on) return std::nullopt;
  return given->origin + ' ' + std::string{variable};
}

}  // namespace sluice::config
