#include "config/settings.hpp"

#include "config/effective.hpp"
#include "config/interpolate.hpp"
#include "config/text.hpp"
#include "config/value.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace sluice::config {

namespace {

class stored_values final : public values {
 public:
  explicit stored_values(std::vector<checked> from) : owned_{std::move(from)} {
    raw_.reserve(owned_.size());
    lists_.resize(owned_.size());
    for (std::size_t i = 0; i < owned_.size(); ++i) {
      checked& one = owned_[i];
      one.value.string = borrow(one.string);
      for (const std::string& item : one.list) lists_[i].push_back(borrow(item));
      one.value.list = lists_[i].data();
      one.value.list_size = lists_[i].size();
      if (one.secret.read) {
        secrets_.push_back(&one.secret);
        one.value.secret = secrets_.size();
      }
      raw_.push_back(one.value);
    }
  }
  const sluice_value* data() const override { return raw_.data(); }
  std::uint32_t size() const override { return static_cast<std::uint32_t>(raw_.size()); }
  const secret_reader* secret(std::uint64_t handle) const override {
    return handle == 0 || handle > secrets_.size() ? nullptr : secrets_[handle - 1];
  }

 private:
  std::vector<checked> owned_;  // never changes size: the others point into it
  std::vector<std::vector<sluice_str>> lists_;
  std::vector<const secret_reader*> secrets_;
  std::vector<sluice_value> raw_;
};

bool is_secret(const sluice_field& row) { return (row.flags & SLUICE_FIELD_SECRET) != 0; }

/// Whether the file itself already says that the value is the variable's.
bool mentions(const node& value, const std::string& variable) {
  return value.is == node::type::string &&
         (value.text.find("${" + variable + "}") != std::string::npos ||
          value.text.find("${" + variable + ":") != std::string::npos);
}

/// Reads one row: the environment first, then the file, then the default.
class row_reader {
 public:
  row_reader(const sluice_field& row, const section& from, reading& state)
      : row_{row}, from_{from}, state_{state}, key_{from.prefix + std::string{view(row.key)}} {}

  checked read() {
    const entry* given = from_.table == nullptr ? nullptr : from_.table->find(view(row_.key));
    const bool fine = from_environment(given) || (given != nullptr && from_file(*given));
    if (!fine) {
      const bool failed = given != nullptr || failed_;
      value_ = {};
      fall_back(failed);
    }
    value_.value.kind = row_.kind;
    record();
    return std::move(value_);
  }

 private:
  std::string of_owner() const { return key_ + " of " + in_quotes(from_.owner); }

  bool from_environment(const entry* given) {
    const std::string variable{view(row_.environment)};
    if (variable.empty()) return false;
    const auto text = state_.variables(variable);
    if (!text || text->text.empty()) return false;
    std::string error;
    bool fine = true;
    if (is_secret(row_))
      fine = set_secret("${" + variable + "}", error);
    else
      fine = parse_value(row_, text->text, rules::loose, value_, error);
    if (!fine) {
      state_.out.environment_error(variable, of_owner() + ": " + error);
      failed_ = true;
      return false;
    }
    origin_ = text->origin + ' ' + variable;
    if (given != nullptr && !mentions(given->value, variable))
      state_.out.environment_warning(variable, of_owner() + ": overrides line " +
                                                   std::to_string(given->at.line) + " of the file");
    return true;
  }

  bool from_file(const entry& given) {
    if ((row_.flags & SLUICE_FIELD_DEPRECATED) != 0)
      state_.out.warn(given.at, key_ + ": deprecated: " + std::string{view(row_.doc)});
    std::string error;
    const bool fine = is_secret(row_)
                          ? secret_of_file(given, error)
                          : convert_value(row_, given.value, state_.variables, value_, error);
    if (!fine) {
      state_.out.error(given.value.at.line == 0 ? given.at : given.value.at, key_ + ": " + error);
      return false;
    }
    if ((row_.flags & SLUICE_FIELD_FILE) != 0 && !value_.string.empty())
      value_.string = (std::filesystem::path{state_.out.file()}.parent_path() / value_.string)
                          .lexically_normal()
                          .string();
    origin_ = origin_of(given, state_);
    if (row_.kind == SLUICE_STRING || row_.kind == SLUICE_STRINGS)
      said_ = reference_of(given.value, state_.variables);
    return true;
  }

  bool secret_of_file(const entry& given, std::string& error) {
    if (given.value.is != node::type::string) {
      error = "must be a string such as \"${VARIABLE}\" or \"${file:/path}\", not " +
              std::string{describe(given.value.is)};
      return false;
    }
    if (!set_secret(given.value.text, error)) return false;
    if (given.value.text.find("${") == std::string::npos)
      state_.out.warn(given.value.at,
                      key_ +
                          ": a secret in the file itself is seen by whoever reads the file; "
                          "write \"${VARIABLE}\" or \"${file:/path}\"");
    return true;
  }

  /// What a secret says now is only looked at, not kept: it is read again at each use.
  bool set_secret(const std::string& text, std::string& error) {
    const expansion now = expand(text, state_.variables, redis_keys::named);
    if (now.failed == expansion::failure::file) {
      state_.out.warn(place_of(from_, view(row_.key)),
                      key_ + ": " + now.error + "; it is tried again at each use");
    } else if (now.failed != expansion::failure::none) {
      error = now.error;
      return false;
    } else if (now.text.empty() && !now.redis && row_.minimum > 0) {
      error = "is empty";
      return false;
    }
    value_.value.set = 1;
    canonical_ = now.redis ? now.shown : now.used ? text : "literal";
    if (now.password)
      state_.out.warn(place_of(from_, view(row_.key)),
                      key_ + ": a password in the file itself is seen by whoever reads the file");
    value_.secret.read = [text, variables = state_.variables, key = key_] {
      expansion read = expand(text, variables, redis_keys::read);
      if (read.failed != expansion::failure::none)
        throw std::runtime_error{key + ": " + read.error};
      return std::move(read.text);
    };
    if (text.find("${redis:") != std::string::npos) value_.secret.remote = text;
    value_.secret.text = text;
    return true;
  }

  void fall_back(bool failed) {
    if (row_.default_text.data == nullptr) {
      if (!failed && (row_.flags & SLUICE_FIELD_REQUIRED) != 0)
        state_.out.error(from_.at,
                         key_ + ": is required: " + printable(view(row_.doc), longest_message));
      return;
    }
    std::string error;
    if (!parse_default(row_, value_, error)) {
      state_.out.error(from_.at, key_ + ": the default of " + in_quotes(from_.owner) + " is " +
                                     in_quotes(view(row_.default_text)) +
                                     " and not valid: " + error);
      value_ = {};
    }
    origin_ = "default";
  }

  void record() {
    const bool hidden = said_.outside && !is_secret(row_);
    // The tables of the file's top are owners themselves.
    const bool nested = from_.prefix == "queue.";
    state_.effective.push_back({from_.owner, nested ? key_ : std::string{view(row_.key)},
                                hidden ? said_.shown : show_value(row_, value_), origin_});
    std::string text = canonical_;
    if (!is_secret(row_)) {
      text = std::to_string(value_.value.integer) + ' ' + show_number(value_.value.number) + ' ' +
             value_.string;
      for (const std::string& item : value_.list) text += '\n' + item;
    }
    state_.canonical += from_.owner + '\0' + key_ + '\0' + text + '\0';
  }

  const sluice_field& row_;
  const section& from_;
  reading& state_;
  const std::string key_;
  checked value_;
  bool failed_ = false;
  std::string origin_ = "not set", canonical_;
  reference said_;  // by the file, when it is a string
};

}  // namespace

std::vector<sluice_field> rows_of(const sluice_plugin& plugin) {
  std::vector<sluice_field> rows(plugin.field_count);
  const auto* bytes = reinterpret_cast<const unsigned char*>(plugin.fields);
  const std::size_t known = std::min<std::size_t>(plugin.field_size, sizeof(sluice_field));
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::memcpy(&rows[i], bytes + i * plugin.field_size, known);
  return rows;
}

std::vector<checked> read_rows(std::span<const sluice_field> rows, const section& from,
                               reading& state) {
  std::vector<checked> values;
  values.reserve(rows.size());
  for (const sluice_field& row : rows) values.push_back(row_reader{row, from, state}.read());
  return values;
}

void refuse_unknown(const section& from, std::span<const std::string> known, reading& state) {
  if (from.table == nullptr) return;
  for (const entry& one : from.table->entries)
    if (std::find(known.begin(), known.end(), one.key) == known.end())
      state.out.error(one.at, from.prefix + printable(one.key) + ": unknown key; " +
                                  suggestion(one.key, known));
}

std::vector<std::string> keys_of(std::span<const sluice_field> rows) {
  std::vector<std::string> keys;
  for (const sluice_field& row : rows) keys.emplace_back(view(row.key));
  return keys;
}

bool parse_default(const sluice_field& row, checked& out, std::string& error) {
  const std::string_view text = view(row.default_text);
  if (is_secret(row)) {
    error = "a secret has no default";
    return false;
  }
  if (row.kind != SLUICE_STRINGS) return parse_value(row, text, rules::file, out, error);
  const auto parsed = parse_document("list = " + std::string{text}, "default");
  const auto* table = std::get_if<node>(&parsed);
  const entry* list = table == nullptr ? nullptr : table->find("list");
  if (list == nullptr || list->value.is != node::type::array) {
    error = "must be a list as in the file, such as [\"a\", \"b\"]";
    return false;
  }
  const environment none = [](std::string_view) { return std::nullopt; };
  return convert_value(row, list->value, none, out, error);
}

place place_of(const section& from, std::string_view key) {
  const entry* found = from.table == nullptr ? nullptr : from.table->find(key);
  return found == nullptr ? from.at : found->at;
}

std::shared_ptr<const values> store(std::vector<checked> values) {
  return std::make_shared<const stored_values>(std::move(values));
}

}  // namespace sluice::config
