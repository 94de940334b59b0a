// sluice/meters.hpp - a stage's own counters and gauges (ext/metrics.h): a table, and its values.
//
//   enum class meter : std::uint8_t { sent, waiting };
//   inline constexpr std::array meter_rows{
//       sluice::counter(meter::sent, "sent", "Records sent"),
//       sluice::gauge(meter::waiting, "waiting", "Records that wait")};
//
//   sluice::meters<meter_rows> meters_{host};    // a member, made in the stage's constructor
//   meters_[meter::sent] += 3;
//   meters_.publish();                           // behind a call of the stage
#pragma once

#include <sluice/ext/metrics.h>
#include <sluice/stage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice {

/// One of a stage's metrics. `Meter` is the stage's enum, from 0 on in the order of the table.
template <typename Meter>
struct meter_row {
  Meter which;
  std::uint32_t kind;
  std::string_view name, doc;
};

/// A total, never less than before. Its name is without `_total`, which the host adds.
template <typename Meter>
constexpr meter_row<Meter> counter(Meter which, std::string_view name, std::string_view doc) {
  return {which, SLUICE_COUNTER, name, doc};
}
/// A value of this moment.
template <typename Meter>
constexpr meter_row<Meter> gauge(Meter which, std::string_view name, std::string_view doc) {
  return {which, SLUICE_GAUGE, name, doc};
}

/// The values of a table: a std::array of rows with static lifetime. All are 0 at first.
template <const auto& rows>
class meters {
  using meter = decltype(rows[0].which);
  static constexpr std::size_t at(meter which) { return static_cast<std::size_t>(which); }
  static constexpr bool in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (at(rows[i].which) != i) return false;
    return true;
  }
  static_assert(in_order(), "the rows stand in the order of their enum, from 0 on");
  static_assert(rows.size() <= SLUICE_METRICS_MAX, "too many metrics for one stage");

 public:
  /// [control] In the stage's constructor. A host without metrics: the values are only kept.
  explicit meters(host of)
      : host_{of}, exporter_{of.extension<sluice_metrics>(SLUICE_EXT_METRICS)} {
    if (exporter_ == nullptr) return;
    for (std::size_t i = 0; i < rows.size(); ++i)
      numbers_[i] =
          exporter_->add(host_.raw(), rows[i].kind, borrow(rows[i].name), borrow(rows[i].doc));
  }

  double& operator[](meter which) { return values_[at(which)]; }
  double operator[](meter which) const { return values_[at(which)]; }

  /// [lane] Hands over what has changed.
  void publish() {
    if (exporter_ == nullptr) return;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (values_[i] == published_[i]) continue;
      published_[i] = values_[i];
      exporter_->set(host_.raw(), numbers_[i], values_[i]);
    }
  }

 private:
  host host_;
  const sluice_metrics* exporter_;
  std::array<std::uint32_t, rows.size()> numbers_{};
  std::array<double, rows.size()> values_{}, published_{};
};

}  // namespace sluice
