#include "moneyness_filter.hpp"

#include <charconv>
#include <cmath>

namespace stages {

moneyness_filter::moneyness_filter(const config& given, sluice::host host)
    : host_{host},
      config_{given},
      attributes_{host.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES)},
      codecs_{host.extension<sluice_codecs>(SLUICE_EXT_CODECS)} {}

// [process]
void moneyness_filter::process(sluice::batch& records) {
  for (const sluice::record& each : records) {
    const instrument& what = look_up(each.index);
    if (what.is_money) {
      if (const auto price = last_price(each)) money_ = *price;
    } else if (is_far(what.strike) && each.priority != SLUICE_PRIORITY_HIGH) {
      records.drop(each, sluice::reason::sampled);
    }
  }
}
// [/process]

bool moneyness_filter::is_far(double strike) const {
  if (strike <= 0 || money_ <= 0) return false;
  return std::abs(strike - money_) > money_ * config_.within / 100;
}

// [look_up]
/// A key's attributes are texts: worked out once for each key, and anew when any of them changed.
const moneyness_filter::instrument& moneyness_filter::look_up(std::uint32_t index) {
  const std::uint64_t now = attributes_ == nullptr ? 0 : attributes_->generation(host_.raw());
  if (now != generation_) instruments_.clear();
  generation_ = now;
  if (index >= instruments_.size()) instruments_.resize(index + 1);
  instrument& found = instruments_[index];
  if (!found.known) {
    const std::string_view symbol = attribute(index, "symbol");
    found.known = true;
    found.is_money = symbol == config_.underlying;
    if (attribute(index, "type") == "options") found.strike = strike_of(symbol, config_.options);
  }
  return found;
}
// [/look_up]

std::string_view moneyness_filter::attribute(std::uint32_t index, std::string_view name) const {
  if (attributes_ == nullptr) return {};
  return sluice::view(attributes_->get(host_.raw(), index, sluice::borrow(name)));
}

// [last_price]
/// The record's schema has a codec, which reads a field by name: no stage needs to know what the
/// bytes of a tick mean.
std::optional<double> moneyness_filter::last_price(const sluice::record& from) const {
  const sluice_codec* codec =
      codecs_ == nullptr ? nullptr : codecs_->find(host_.raw(), from.schema);
  sluice_scalar price{};
  if (codec == nullptr ||
      codec->read_field(&from, sluice::borrow("last_price"), &price) != SLUICE_OK)
    return std::nullopt;
  const bool is_number = price.kind == SLUICE_IS_NUMBER || price.kind == SLUICE_IS_INTEGER;
  return is_number ? std::optional{price.number} : std::nullopt;
}
// [/last_price]

double strike_of(std::string_view symbol, std::string_view name) {
  constexpr std::size_t expiry = 5, side = 2;
  if (!symbol.starts_with(name) || symbol.size() <= name.size() + expiry + side) return 0;
  if (!symbol.ends_with("CE") && !symbol.ends_with("PE")) return 0;
  const std::string_view digits =
      symbol.substr(name.size() + expiry, symbol.size() - name.size() - expiry - side);
  double strike = 0;
  const char* end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, strike, std::chars_format::fixed);
  return read.ec == std::errc{} && read.ptr == end && strike > 0 ? strike : 0;
}

}  // namespace stages

SLUICE_PLUGIN(stages::moneyness_filter);
