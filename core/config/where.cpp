#include "config/effective.hpp"
#include "config/interpolate.hpp"
#include "config/stages.hpp"
#include "config/text.hpp"

#include <array>

namespace sluice::config {

namespace {

/// A condition's values: one, or a list of them, each handed to `take`.
template <typename Take>
void each_value(const entry& condition, reading& state, const Take& take) {
  if (condition.value.is != node::type::array) {
    take(condition.value);
    return;
  }
  if (condition.value.items.empty())
    state.out.error(condition.value.at, "where." + printable(condition.key) +
                                            ": an empty list lets nothing pass; leave it out");
  for (const node& item : condition.value.items) take(item);
}

void read_priorities(const entry& condition, where_spec& where, reading& state) {
  each_value(condition, state, [&](const node& value) {
    if (value.is == node::type::integer && value.integer >= SLUICE_PRIORITY_HIGH &&
        value.integer <= SLUICE_PRIORITY_LOW)
      where.priorities.push_back(static_cast<std::uint8_t>(value.integer));
    else
      state.out.error(value.at,
                      "where.priority: must be 0 (high), 1 (normal) or 2 (low), or a list of them");
  });
}

std::vector<std::string> read_texts(const entry& condition, reading& state) {
  std::vector<std::string> texts;
  const std::string key = "where." + printable(condition.key) + ": ";
  each_value(condition, state, [&](const node& value) {
    if (value.is != node::type::string) {
      state.out.error(value.at,
                      key + "must be a string or a list of strings, not " + describe(value.is));
      return;
    }
    expansion text = expand(value.text, state.variables);
    if (text.failed != expansion::failure::none)
      state.out.error(value.at, key + text.error);
    else
      texts.push_back(std::move(text.text));
  });
  return texts;
}

}  // namespace

where_spec read_where(const node& table, const std::string& owner, reading& state) {
  where_spec where;
  const entry* given = table.find("where");
  if (given == nullptr) return where;
  if (given->value.is != node::type::table) {
    state.out.error(given->value.at, "where: must be a table such as { type = \"options\" }, not " +
                                         std::string{describe(given->value.is)});
    return where;
  }
  const std::array<std::string, 2> own{"priority", "schema"};
  for (const entry& condition : given->value.entries) {
    if (condition.key == "priority") {
      read_priorities(condition, where, state);
    } else if (condition.key == "schema") {
      where.schemas = read_texts(condition, state);
    } else if (const auto meant = nearest(condition.key, own)) {
      // Any other name is an attribute of the key, which only the source knows.
      state.out.error(condition.at, "where." + printable(condition.key) +
                                        ": unknown key; did you mean " + in_quotes(*meant) + "?");
    } else {
      where.attributes.push_back({condition.key, read_texts(condition, state)});
    }
    amend(state, owner, "where." + printable(condition.key),
          reference_of(condition.value, state.variables).shown, origin_of(condition, state));
  }
  return where;
}

}  // namespace sluice::config
