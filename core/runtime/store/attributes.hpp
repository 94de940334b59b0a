// What keys are: the tables that sources publish, combined by index, changed only as a whole.
#pragma once

#include <sluice/ext/attributes.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::runtime {

/// One state of all tables; immutable. A lane keeps one for the length of a batch.
class attribute_view {
 public:
  std::uint64_t generation = 0;

  /// Empty if unknown. Valid as long as the view.
  std::string_view get(std::uint32_t index, std::string_view name) const;

 private:
  friend class attributes;
  struct table {
    std::vector<std::string> names;
    std::vector<std::string> values;  // row by row
  };
  struct place {
    std::uint32_t table = UINT32_MAX, row = 0;
  };
  std::vector<std::shared_ptr<const table>> tables_;  // one a source
  std::vector<place> places_;                         // by index
};

class attributes {
 public:
  attributes() : view_{std::make_shared<attribute_view>()} {}

  struct row {
    std::uint32_t index;
    const sluice_str* values;
  };
  /// Replaces the table of `source`. Any thread.
  void publish(std::uint32_t source, std::span<const sluice_str> names, std::span<const row> rows);

  /// Any thread; free when nothing changed since the last look.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  std::shared_ptr<const attribute_view> view() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const attribute_view> view_;
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace sluice::runtime
