#include <kite/instruments.hpp>

#include <sluice/ext/attributes.h>
#include <kite/csv.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <unordered_map>

namespace sluice::kite {
namespace {

constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
enum column : std::size_t {
  at_token,
  at_symbol,
  at_last_price,
  at_strike,
  at_tick_size,
  at_type,
  at_segment,
  at_exchange,
  at_name,
  at_expiry,
  columns
};
constexpr std::array<std::string_view, columns> names{
    "instrument_token", "tradingsymbol", "last_price", "strike", "tick_size",
    "instrument_type",  "segment",       "exchange",   "name",   "expiry"};

std::string_view type_of(std::string_view instrument_type, std::string_view segment) {
  if (segment == "INDICES") return "underlying";
  if (instrument_type == "CE" || instrument_type == "PE") return "options";
  if (instrument_type == "FUT") return "futures";
  return "equity";
}

template <typename Number>
bool read(std::string_view text, Number& into) {
  const char* end = text.data() + text.size();
  const auto done = std::from_chars(text.data(), end, into);
  return done.ec == std::errc{} && done.ptr == end;
}

/// 24000, 412.5; empty for 0 and for what is no price.
struct strike_text {
  std::array<char, 32> digits;
  std::string_view write(double strike) {
    const auto done = std::to_chars(digits.data(), digits.data() + digits.size(), strike,
                                    std::chars_format::fixed);
    if (strike <= 0 || done.ec != std::errc{}) return {};
    return {digits.data(), static_cast<std::size_t>(done.ptr - digits.data())};
  }
};

class parser {
 public:
  explicit parser(std::string_view csv) : rest_{csv} {
    if (rest_.starts_with("\xef\xbb\xbf")) rest_.remove_prefix(3);
  }

  instruments_file run() {
    if (!header()) return std::move(file_);
    while (!rest_.empty()) {
      ++line_;
      const bool closed = next_csv_line(rest_, fields_);
      if (fields_.size() == 1 && fields_[0].empty()) continue;
      if (!closed)
        error("a quote is not closed");
      else if (fields_.size() != width_)
        error("has " + std::to_string(fields_.size()) + " fields, the header has " +
              std::to_string(width_));
      else
        row();
    }
    return std::move(file_);
  }

 private:
  bool header() {
    line_ = 1;
    next_csv_line(rest_, fields_);
    width_ = fields_.size();
    places_.fill(none);
    for (std::size_t i = 0; i < width_; ++i)
      for (std::size_t name = 0; name < columns; ++name)
        if (fields_[i] == names[name]) places_[name] = i;
    for (const column needed : {at_token, at_symbol})
      if (places_[needed] == none) error("the header has no column " + std::string{names[needed]});
    return file_.errors.empty();
  }

  std::string_view field(column which) const {
    return places_[which] == none ? std::string_view{} : std::string_view{fields_[places_[which]]};
  }

  /// An absent or empty number is 0.
  bool number(column which, double& into) {
    const std::string_view text = field(which);
    if (text.empty()) return true;
    if (read(text, into) && std::isfinite(into)) return true;
    error(std::string{names[which]} + " is '" + std::string{text} + "': a number is allowed");
    return false;
  }

  void row() {
    instrument made;
    if (!read(field(at_token), made.token) || made.token == 0)
      return error("instrument_token is '" + std::string{field(at_token)} +
                   "': a number of 1 to 4294967295 is allowed");
    made.symbol = field(at_symbol);
    if (made.symbol.empty()) return error("tradingsymbol is empty");
    if (!number(at_last_price, made.last_price) || !number(at_strike, made.strike) ||
        !number(at_tick_size, made.tick_size))
      return;
    made.exchange = field(at_exchange);
    made.name = field(at_name);
    made.expiry = field(at_expiry);
    made.segment = field(at_segment);
    made.type = type_of(field(at_type), made.segment);
    const auto [seen, inserted] = first_lines_.emplace(made.token, line_);
    if (!inserted)
      return error("instrument_token " + std::to_string(made.token) + " was in line " +
                   std::to_string(seen->second) + " already");
    file_.rows.push_back(std::move(made));
  }

  void error(std::string what) { file_.errors.push_back({line_, std::move(what)}); }

  std::string_view rest_;
  std::size_t line_ = 0;
  std::size_t width_ = 0;
  std::vector<std::string> fields_;
  std::array<std::size_t, columns> places_{};
  std::unordered_map<std::uint32_t, std::size_t> first_lines_;
  instruments_file file_;
};

}  // namespace

instruments_file parse_instruments(std::string_view csv) { return parser{csv}.run(); }

instruments_file load_instruments(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream all;
  if (in) all << in.rdbuf();
  if (!in || all.bad()) throw std::runtime_error{"cannot read the instruments file " + path};
  return parse_instruments(all.view());
}

void publish_attributes(const sluice_host* host, std::span<const instrument> rows) {
  const auto* table = static_cast<const sluice_attributes*>(
      host->extension(host, {SLUICE_EXT_ATTRIBUTES, sizeof SLUICE_EXT_ATTRIBUTES - 1}));
  if (table == nullptr) return;
  const auto text = [](std::string_view of) { return sluice_str{of.data(), of.size()}; };
  constexpr std::size_t count = 7;
  const std::array<sluice_str, count> attribute_names{
      text("symbol"), text("exchange"), text("segment"), text("type"),
      text("name"),   text("expiry"),   text("strike")};
  std::vector<std::array<sluice_str, count>> values;
  values.reserve(rows.size());
  std::vector<strike_text> strikes(rows.size());
  std::vector<sluice_key_row> keys;
  keys.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const instrument& row = rows[i];
    values.push_back({text(row.symbol), text(row.exchange), text(row.segment), text(row.type),
                      text(row.name), text(row.expiry), text(strikes[i].write(row.strike))});
    keys.push_back({row.token, values.back().data()});
  }
  if (table->publish(host, attribute_names.data(), attribute_names.size(), keys.data(),
                     keys.size()) != SLUICE_OK)
    throw std::runtime_error{"the host refused the key attributes of " +
                             std::to_string(rows.size()) + " instruments"};
}

}  // namespace sluice::kite
