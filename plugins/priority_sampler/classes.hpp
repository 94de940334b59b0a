// priority_sampler/classes.hpp - which instruments are watched, and which are best effort.
#pragma once

#include <sluice/ext/attributes.h>
#include <sluice/stage.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::priority_sampler {

/// Most instruments that may have priority 0: a queue reserves 10 % for them.
inline constexpr std::size_t watch_limit = 100;

/// What a list names instruments by: a key (408065) or an attribute's value (type=options).
struct selector {
  std::uint64_t key = 0;
  std::string attribute, value;  // no attribute: by key

  bool by_key() const { return attribute.empty(); }
  friend bool operator==(const selector&, const selector&) = default;
};

/// Throws std::invalid_argument saying what is allowed.
selector parse_selector(std::string_view text);

/// The class of each instrument, found once and kept by index until the attributes change.
class classes {
 public:
  enum class name : std::uint8_t { unknown, watched, normal, best_effort };

  /// The lists were checked before. [control]
  classes(host of, const std::vector<std::string>& watch,
          const std::vector<std::string>& best_effort);

  /// Other lists, checked as well. [lane]
  void name_anew(const std::vector<std::string>& watch,
                 const std::vector<std::string>& best_effort);

  /// Once a batch: forgets all if the attributes changed. [lane]
  void refresh();

  name of(const record& each) {
    if (each.index >= known_.size()) [[unlikely]]
      known_.resize(each.index + 1, name::unknown);
    if (known_[each.index] == name::unknown) [[unlikely]]
      known_[each.index] = find(each);
    return known_[each.index];
  }
  /// Instruments met that are watched.
  std::size_t watched() const { return watched_by_key_ + watched_by_attribute_; }

 private:
  name find(const record& each);
  bool matches(const selector& by, const record& each) const;
  bool may_watch_by_attribute();
  void forget();

  host host_;
  const sluice_attributes* attributes_;
  std::vector<selector> watch_, best_effort_;
  std::vector<name> known_;  // by index
  std::size_t watch_keys_ = 0, watched_by_key_ = 0, watched_by_attribute_ = 0;
  std::uint64_t generation_ = 0;
  bool told_ = false;
};

}  // namespace sluice::priority_sampler
