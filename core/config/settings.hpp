// Values by their rows: a table of the file, the environment and the defaults to what a stage gets.
#pragma once

#include "config/document.hpp"
#include "config/report.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// One checked value with what it owns.
struct checked {
  sluice_value value{};  ///< its pointers are set by store()
  std::string string;
  std::vector<std::string> list;
  secret_reader secret;
};

/// What reading one file needs and fills.
struct reading {
  const environment& variables;
  report& out;
  std::vector<effective_value>& effective;
  std::string& canonical;  ///< what the hash is made of: resolved values, no secrets
};

/// A part of the file that rows describe.
struct section {
  const node* table = nullptr;  ///< null: the file does not have it
  place at;                     ///< for what is missing
  std::string owner;            ///< "pipeline", "level", or a stage's name
  std::string prefix;           ///< of keys in messages: "" or "queue."
};

/// A plugin's rows, whatever size of row it was built with.
std::vector<sluice_field> rows_of(const sluice_plugin& plugin);

/// Every row's value, in their order; a row with an error (reported) has its default, or is unset.
std::vector<checked> read_rows(std::span<const sluice_field> rows, const section& from,
                               reading& state);

/// Reports every key of the table that is in neither list.
void refuse_unknown(const section& from, std::span<const std::string> known, reading& state);

std::vector<std::string> keys_of(std::span<const sluice_field> rows);

/// A row's default. False: `error` says what is wrong with it.
bool parse_default(const sluice_field& row, checked& out, std::string& error);

/// The place of a key in the section, else the section's.
place place_of(const section& from, std::string_view key);

std::shared_ptr<const values> store(std::vector<checked> values);

/// The rows of a struct of host keys, which are written as a stage's are (sluice/config.hpp).
template <typename Keys>
std::vector<sluice_field> raw_rows() {
  std::vector<sluice_field> rows;
  for (const auto& row : Keys::fields) rows.push_back(row.raw);
  return rows;
}

/// Fills such a struct; `rows` are its own, perhaps with another environment variable.
template <typename Keys>
Keys read_keys(const section& from, reading& state,
               const std::vector<sluice_field>& rows = raw_rows<Keys>()) {
  const auto stored = store(read_rows(rows, from, state));
  Keys keys{};
  for (std::uint32_t i = 0; i < stored->size(); ++i)
    Keys::fields[i].assign(&keys, stored->data()[i]);
  return keys;
}

template <typename Keys>
std::vector<std::string> key_names() {
  return keys_of(raw_rows<Keys>());
}

}  // namespace sluice::config
