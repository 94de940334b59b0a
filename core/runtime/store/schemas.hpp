// The numbers of schemas and their codecs; the same for all stages of a pipeline.
#pragma once

#include <sluice/ext/codec.h>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::runtime {

/// All calls are for any thread.
class schemas {
 public:
  /// A new number at first sight. Numbers start at 1; 0 when there are 65,535.
  std::uint16_t number(std::string_view name);
  /// 0 for a name that was never given.
  std::uint16_t find(std::string_view name) const;
  /// Empty for a number that was never given. Valid as long as this.
  std::string_view name(std::uint16_t number) const;
  /// Asked for every record: takes no lock.
  bool known(std::uint16_t number) const {
    return number != 0 && number <= count_.load(std::memory_order_acquire);
  }
  const sluice_codec* codec(std::uint16_t number) const;
  /// Takes the codecs of a plugin for schemas that have none yet; `library` keeps them loaded.
  void add_codecs(const sluice_plugin& plugin, const std::shared_ptr<const void>& library);

 private:
  struct entry {
    std::string name;
    const sluice_codec* codec = nullptr;
  };
  std::uint16_t find_locked(std::string_view name) const;
  std::uint16_t number_locked(std::string_view name);

  mutable std::mutex mutex_;
  std::deque<entry> entries_;  // addresses stay
  std::atomic<std::uint32_t> count_{0};
  std::vector<std::shared_ptr<const void>> libraries_;
};

}  // namespace sluice::runtime
