// conflating_sampler/trades.hpp - tells a trade from a quote by a field that each trade changes.
#pragma once

#include <sluice/ext/codec.h>
#include <sluice/stage.hpp>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sluice::conflating_sampler {

class trades {
 public:
  /// `field` as the schema's codec names it; empty: there are no trades.
  trades(host from, std::string field)
      : host_{from},
        codecs_{from.extension<sluice_codecs>(SLUICE_EXT_CODECS)},
        field_{std::move(field)} {}

  /// Whether the field has another value than in the key's record before. To be asked of every
  /// record, once. False for a key's first, and for what has no such number.
  bool is(const record& each) {
    const std::optional<double> now = read(each);
    if (!now) return false;
    if (each.index >= last_.size()) last_.resize(each.index + 1);
    const std::optional<double> before = std::exchange(last_[each.index], now);
    return before && *before != *now;
  }

  void save(state_writer& out) const {
    std::vector<std::uint8_t> known;
    std::vector<double> values;
    for (const std::optional<double>& each : last_) {
      known.push_back(each.has_value());
      values.push_back(each.value_or(0));
    }
    out.put(field_);
    out.put(known);
    out.put(values);
  }
  /// False: it is about another field.
  bool load(state_reader& in) {
    if (in.get<std::string>() != field_) return false;
    const auto known = in.get<std::vector<std::uint8_t>>();
    const auto values = in.get<std::vector<double>>();
    if (values.size() != known.size())
      throw std::runtime_error{"the state's lists are not equally long"};
    last_.assign(known.size(), std::nullopt);
    for (std::size_t i = 0; i < known.size(); ++i)
      if (known[i] != 0) last_[i] = values[i];
    return true;
  }

 private:
  std::optional<double> read(const record& from) {
    if (field_.empty()) return std::nullopt;
    const sluice_codec* codec = codec_of(from.schema);
    sluice_scalar value{};
    if (codec == nullptr || codec->read_field(&from, borrow(field_), &value) != SLUICE_OK)
      return std::nullopt;
    if (value.kind != SLUICE_IS_INTEGER && value.kind != SLUICE_IS_NUMBER) return std::nullopt;
    return value.number;
  }
  /// The host looks it up under a lock: once a schema.
  const sluice_codec* codec_of(std::uint16_t schema) {
    if (schema >= by_schema_.size()) by_schema_.resize(schema + 1u);
    if (!by_schema_[schema])
      by_schema_[schema] = codecs_ == nullptr ? nullptr : codecs_->find(host_.raw(), schema);
    return *by_schema_[schema];
  }

  const host host_;
  const sluice_codecs* const codecs_;
  const std::string field_;
  std::vector<std::optional<const sluice_codec*>> by_schema_;
  std::vector<std::optional<double>> last_;  ///< by index
};

}  // namespace sluice::conflating_sampler
