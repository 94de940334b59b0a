#include "moneyness_filter.hpp"

#include <charconv>
#include <cmath>

namespace stages {

moneyness_filter::moneyness_filter(const config& given, sluice::host host)
    : host_{host}, config_{given} {}

// [process]
void moneyness_filter::process(sluice::batch& records) {
  for (const sluice::record& each : records) {
    const instrument& what = look_up(each);
    if (what.is_money) {
      if (const auto price = host_.number(each, "last_price")) money_ = *price;
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
const moneyness_filter::instrument& moneyness_filter::look_up(const sluice::record& of) {
  const std::uint64_t now = host_.attributes_generation();
  if (now != generation_) instruments_.clear();
  generation_ = now;
  if (of.index >= instruments_.size()) instruments_.resize(of.index + 1);
  instrument& found = instruments_[of.index];
  if (!found.known) {
    found.known = true;
    found.is_money = host_.attribute(of, "symbol") == config_.underlying;
    if (host_.attribute(of, "name") == config_.options)
      found.strike = price_in(host_.attribute(of, "strike"));
  }
  return found;
}
// [/look_up]

double price_in(std::string_view text) {
  double price = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, price, std::chars_format::fixed);
  return read.ec == std::errc{} && read.ptr == end && std::isfinite(price) ? price : 0;
}

}  // namespace stages

SLUICE_PLUGIN(stages::moneyness_filter);
