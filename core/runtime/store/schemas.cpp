#include "runtime/store/schemas.hpp"

#include <sluice/record.hpp>

namespace sluice::runtime {

std::uint16_t schemas::find_locked(std::string_view name) const {
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].name == name) return static_cast<std::uint16_t>(i + 1);
  return 0;
}

std::uint16_t schemas::number_locked(std::string_view name) {
  if (const std::uint16_t known = find_locked(name); known != 0) return known;
  if (entries_.size() == UINT16_MAX) return 0;
  entries_.push_back({std::string{name}, nullptr});
  count_.store(static_cast<std::uint32_t>(entries_.size()), std::memory_order_release);
  return static_cast<std::uint16_t>(entries_.size());
}

std::uint16_t schemas::number(std::string_view name) {
  const std::lock_guard lock{mutex_};
  return number_locked(name);
}

std::uint16_t schemas::find(std::string_view name) const {
  const std::lock_guard lock{mutex_};
  return find_locked(name);
}

std::string_view schemas::name(std::uint16_t number) const {
  const std::lock_guard lock{mutex_};
  return number == 0 || number > entries_.size() ? std::string_view{} : entries_[number - 1u].name;
}

const sluice_codec* schemas::codec(std::uint16_t number) const {
  const std::lock_guard lock{mutex_};
  return number == 0 || number > entries_.size() ? nullptr : entries_[number - 1u].codec;
}

void schemas::add_codecs(const sluice_plugin& plugin, const std::shared_ptr<const void>& library) {
  if (plugin.extension == nullptr) return;
  const auto* list =
      static_cast<const sluice_codec_list*>(plugin.extension(sluice::borrow(SLUICE_EXT_CODEC)));
  if (list == nullptr) return;
  const std::lock_guard lock{mutex_};
  for (std::uint32_t i = 0; i < list->count; ++i) {
    const std::uint16_t number = number_locked(sluice::view(list->codecs[i]->schema));
    if (number != 0 && entries_[number - 1u].codec == nullptr)
      entries_[number - 1u].codec = list->codecs[i];
  }
  libraries_.push_back(library);
}

}  // namespace sluice::runtime
