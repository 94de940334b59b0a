#include "config/value.hpp"

#include "config/interpolate.hpp"
#include "config/text.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <cmath>

namespace sluice::config {

namespace {

constexpr double beyond = 9.2e18;  // bounds past an int64 are none

bool bounded(const sluice_field& row) { return row.minimum < row.maximum; }

/// How many characters, not bytes.
double length(std::string_view text) {
  return static_cast<double>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

const char* noun(const sluice_field& row) {
  switch (row.kind) {
    case SLUICE_BOOLEAN: return "true or false";
    case SLUICE_INTEGER: return "an integer";
    case SLUICE_NUMBER: return "a number";
    case SLUICE_STRING: return "a string";
    case SLUICE_DURATION: return "a duration such as \"100ms\", \"1.5s\", \"2m\" or \"1h\"";
    case SLUICE_SIZE: return "a size such as 4096, \"64KiB\" or \"16MB\"";
    case SLUICE_STRINGS: return "a list of strings";
    default: return "a value";
  }
}

std::string range(const sluice_field& row) {
  const bool text = row.kind == SLUICE_STRING;
  const std::string unit = text ? " characters" : "";
  if (has_minimum(row) && has_maximum(row))
    return "between " + show_amount(row, row.minimum) + " and " + show_amount(row, row.maximum) +
           unit;
  if (has_minimum(row)) return "at least " + show_amount(row, row.minimum) + unit;
  if (has_maximum(row)) return "at most " + show_amount(row, row.maximum) + unit;
  return {};
}

bool within(const sluice_field& row, double amount, std::string& error) {
  if ((!has_minimum(row) || amount >= row.minimum) && (!has_maximum(row) || amount <= row.maximum))
    return true;
  const bool text = row.kind == SLUICE_STRING;
  error = (text ? "must have " : "must be ") + range(row) + (text ? ", has " : ", is ") +
          show_amount(row, amount);
  return false;
}

bool set_integer(const sluice_field& row, std::int64_t amount, checked& out, std::string& error) {
  if (!within(row, static_cast<double>(amount), error)) return false;
  out.value.integer = amount;
  out.value.set = 1;
  return true;
}

bool set_number(const sluice_field& row, double amount, checked& out, std::string& error) {
  if (!within(row, amount, error)) return false;
  out.value.number = amount;
  out.value.set = 1;
  return true;
}

bool set_string(const sluice_field& row, std::string_view text, checked& out, std::string& error) {
  if (!within(row, length(text), error)) return false;
  out.string = text;
  out.value.set = 1;
  return true;
}

bool set_choice(const sluice_field& row, std::string_view text, checked& out, std::string& error) {
  const auto choices = choices_of(row);
  const auto found = std::find(choices.begin(), choices.end(), text);
  if (found == choices.end()) {
    error = "must be " + allowed(row);
    return false;
  }
  out.string = text;
  out.value.integer = found - choices.begin();
  out.value.set = 1;
  return true;
}

bool not_this(const sluice_field& row, std::string& error) {
  error = "must be " + allowed(row);
  return false;
}

/// "a, b,c" as a list; blanks around an item are not part of it.
bool set_list(std::string_view text, checked& out) {
  if (!trimmed(text).empty())
    for (const std::string& item : split(text, ',')) out.list.emplace_back(trimmed(item));
  out.value.set = 1;
  return true;
}

bool convert_string(const sluice_field& row, const node& from, const environment& variables,
                    checked& out, std::string& error) {
  const expansion text = expand(from.text, variables);
  if (text.failed != expansion::failure::none) {
    error = text.error;
    if (error.ends_with(" is not set"))
      error += "; set it, or give a default: ${VARIABLE:-default}";
    return false;
  }
  const bool by_text = row.kind == SLUICE_STRING || row.kind == SLUICE_CHOICE ||
                       row.kind == SLUICE_DURATION || row.kind == SLUICE_SIZE;
  if (!by_text && !text.whole) {
    const bool meant =
        row.kind != SLUICE_STRINGS && parse_value(row, from.text, rules::file, out, error);
    error = "must be " + allowed(row) + ", not a string";
    if (meant) error += ": write it without quotes";
    if (row.kind == SLUICE_STRINGS) error += ": write [" + in_quotes(from.text) + "]";
    out = {};
    return false;
  }
  if (parse_value(row, text.text, text.whole ? rules::loose : rules::file, out, error)) return true;
  // What was substituted may be a secret in the wrong place; what the file says is not.
  if (error.starts_with("must be ") && error.find(", is ") == std::string::npos)
    error += ", is " + in_quotes(from.text);
  return false;
}

bool convert_list(const sluice_field& row, const node& from, const environment& variables,
                  checked& out, std::string& error) {
  for (const node& item : from.items) {
    if (item.is == node::type::integer) {
      out.list.push_back(std::to_string(item.integer));
    } else if (item.is == node::type::string) {
      expansion text = expand(item.text, variables);
      if (text.failed != expansion::failure::none) {
        error = text.error;
        return false;
      }
      out.list.push_back(std::move(text.text));
    } else {
      error = "must be " + allowed(row) + ", holds " + describe(item.is);
      return false;
    }
  }
  out.value.set = 1;
  return true;
}

/// A number of the file that is no duration: a unit is missing.
bool refuse_bare(const node& from, std::string& error) {
  const std::string number =
      from.is == node::type::integer ? std::to_string(from.integer) : show_number(from.number);
  error = "a duration needs its unit, is " + number + ": write \"" + number + "s\" or \"" + number +
          "ms\"";
  return false;
}

}  // namespace

bool has_minimum(const sluice_field& row) {
  if (!bounded(row) || row.minimum < -beyond) return false;
  // A length is never negative: a lower bound of 0 says nothing.
  return row.kind != SLUICE_STRING || row.minimum > 0;
}

bool has_maximum(const sluice_field& row) { return bounded(row) && row.maximum < beyond; }

std::vector<std::string> choices_of(const sluice_field& row) {
  const std::string_view choices = view(row.choices);
  return choices.empty() ? std::vector<std::string>{} : split(choices, '|');
}

std::string show_amount(const sluice_field& row, double amount) {
  const auto whole = static_cast<std::int64_t>(std::clamp(amount, -beyond, beyond));
  switch (row.kind) {
    case SLUICE_DURATION: return show_duration(whole);
    case SLUICE_SIZE: return show_size(whole);
    case SLUICE_NUMBER: break;
    default: return std::to_string(whole);
  }
  return show_number(amount);
}

std::string allowed(const sluice_field& row) {
  if (row.kind == SLUICE_CHOICE) {
    std::string text;
    for (const std::string& choice : choices_of(row))
      text += (text.empty() ? "one of " : ", ") + in_quotes(choice);
    return text;
  }
  std::string text = noun(row);
  const std::string limits = range(row);
  if (!limits.empty() && row.kind != SLUICE_BOOLEAN && row.kind != SLUICE_STRINGS)
    text += (row.kind == SLUICE_STRING ? " of " : " ") + limits;
  if (const std::string_view unit = view(row.unit); !unit.empty() && row.kind != SLUICE_STRING)
    text += " (" + std::string{unit} + ")";
  return text;
}

bool parse_value(const sluice_field& row, std::string_view text, rules by, checked& out,
                 std::string& error) {
  const bool loose = by == rules::loose;
  if (loose && row.kind != SLUICE_STRING) text = trimmed(text);
  switch (row.kind) {
    case SLUICE_BOOLEAN:
      if (const auto value = parse_boolean(text, loose)) {
        out.value.integer = *value ? 1 : 0;
        out.value.set = 1;
        return true;
      }
      return not_this(row, error);
    case SLUICE_INTEGER:
      if (const auto value = parse_integer(text)) return set_integer(row, *value, out, error);
      return not_this(row, error);
    case SLUICE_NUMBER:
      if (const auto value = parse_number(text)) return set_number(row, *value, out, error);
      return not_this(row, error);
    case SLUICE_DURATION:
      if (const auto value = parse_duration(text, loose))
        return set_integer(row, *value, out, error);
      return not_this(row, error);
    case SLUICE_SIZE:
      if (const auto value = parse_size(text)) return set_integer(row, *value, out, error);
      return not_this(row, error);
    case SLUICE_STRING: return set_string(row, text, out, error);
    case SLUICE_CHOICE: return set_choice(row, text, out, error);
    case SLUICE_STRINGS: return set_list(text, out);
    default: error = "has a kind this version does not know"; return false;
  }
}

bool convert_value(const sluice_field& row, const node& from, const environment& variables,
                   checked& out, std::string& error) {
  const bool integer = from.is == node::type::integer;
  const bool number = integer || from.is == node::type::number;
  if (from.is == node::type::string) return convert_string(row, from, variables, out, error);
  if (from.is == node::type::array && row.kind == SLUICE_STRINGS)
    return convert_list(row, from, variables, out, error);
  if (row.kind == SLUICE_BOOLEAN && from.is == node::type::boolean) {
    out.value.integer = from.boolean ? 1 : 0;
    out.value.set = 1;
    return true;
  }
  if ((row.kind == SLUICE_INTEGER || row.kind == SLUICE_SIZE) && integer)
    return set_integer(row, from.integer, out, error);
  if (row.kind == SLUICE_NUMBER && number) {
    const double amount = integer ? static_cast<double>(from.integer) : from.number;
    if (std::isfinite(amount)) return set_number(row, amount, out, error);
  }
  if (row.kind == SLUICE_DURATION && integer && from.integer == 0)
    return set_integer(row, 0, out, error);
  if (row.kind == SLUICE_DURATION && number) return refuse_bare(from, error);
  error = "must be " + allowed(row) + ", not " + describe(from.is);
  return false;
}

std::string show_value(const sluice_field& row, const checked& value) {
  if (value.value.set == 0) return "(not set)";
  if ((row.flags & SLUICE_FIELD_SECRET) != 0) return "(secret)";
  switch (row.kind) {
    case SLUICE_BOOLEAN: return value.value.integer != 0 ? "true" : "false";
    case SLUICE_INTEGER: return std::to_string(value.value.integer);
    case SLUICE_NUMBER: return show_number(value.value.number);
    case SLUICE_DURATION: return in_quotes(show_duration(value.value.integer));
    case SLUICE_SIZE: return in_quotes(show_size(value.value.integer));
    case SLUICE_STRINGS: {
      std::string text;
      for (const std::string& item : value.list)
        text += (text.empty() ? "" : ", ") + in_quotes(item);
      return "[" + text + "]";
    }
    default: return in_quotes(value.string);
  }
}

}  // namespace sluice::config
