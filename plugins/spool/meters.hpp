// The spool's own metrics, beside those that the host keeps for every stage.
#pragma once

#include <sluice/ext/metrics.h>
#include <sluice/stage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::spool {

enum class meter : std::uint8_t { spooled, replayed, lost, refused, waiting, bytes, spilling };

class meters {
 public:
  /// [control]
  explicit meters(host host)
      : host_{host}, table_{host.extension<sluice_metrics>(SLUICE_EXT_METRICS)} {
    if (table_ == nullptr) return;
    for (std::size_t i = 0; i < rows.size(); ++i)
      numbers_[i] =
          table_->add(host_.raw(), rows[i].kind, borrow(rows[i].name), borrow(rows[i].doc));
  }

  double& operator[](meter which) { return values_[static_cast<std::size_t>(which)]; }

  /// [lane] Hands over what changed.
  void publish() {
    if (table_ == nullptr) return;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (values_[i] == published_[i]) continue;
      published_[i] = values_[i];
      table_->set(host_.raw(), numbers_[i], values_[i]);
    }
  }

 private:
  struct description {
    std::uint32_t kind;
    std::string_view name, doc;
  };
  static constexpr std::array<description, 7> rows{{
      {SLUICE_COUNTER, "spooled", "Records written to the files"},
      {SLUICE_COUNTER, "replayed", "Records sent from the files"},
      {SLUICE_COUNTER, "lost", "Records that were in the files and cannot be sent any more"},
      {SLUICE_COUNTER, "refused", "Records that did not fit or could not be written, and went on"},
      {SLUICE_GAUGE, "waiting", "Records in the files that were not sent"},
      {SLUICE_GAUGE, "bytes", "Size of the files"},
      {SLUICE_GAUGE, "spilling", "1 while records go to the files"},
  }};

  host host_;
  const sluice_metrics* table_;
  std::array<std::uint32_t, rows.size()> numbers_{};
  std::array<double, rows.size()> values_{}, published_{};
};

}  // namespace sluice::spool
