#include "classes.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace sluice::priority_sampler {

selector parse_selector(std::string_view text) {
  const std::size_t equals = text.find('=');
  selector made;
  if (equals == std::string_view::npos) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), made.key);
    if (error == std::errc{} && end == text.data() + text.size()) return made;
  } else if (equals > 0 && equals + 1 < text.size()) {
    made.attribute = text.substr(0, equals);
    made.value = text.substr(equals + 1);
    return made;
  }
  throw std::invalid_argument{"\"" + std::string{text} +
                              "\": allowed are a key (408065) and attribute=value (type=options)"};
}

classes::classes(host of, const std::vector<std::string>& watch,
                 const std::vector<std::string>& best_effort)
    : host_{of}, attributes_{of.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES)} {
  name_anew(watch, best_effort);
}

void classes::name_anew(const std::vector<std::string>& watch,
                        const std::vector<std::string>& best_effort) {
  const auto parse = [](const std::vector<std::string>& texts) {
    std::vector<selector> made;
    for (const std::string& each : texts) made.push_back(parse_selector(each));
    return made;
  };
  watch_ = parse(watch);
  best_effort_ = parse(best_effort);
  watch_keys_ = static_cast<std::size_t>(
      std::count_if(watch_.begin(), watch_.end(), [](const auto& each) { return each.by_key(); }));
  told_ = false;
  forget();
}

void classes::refresh() {
  if (attributes_ == nullptr) return;
  const std::uint64_t generation = attributes_->generation(host_.raw());
  if (generation == generation_) return;
  generation_ = generation;
  forget();
}

void classes::forget() {
  std::fill(known_.begin(), known_.end(), name::unknown);
  watched_by_key_ = watched_by_attribute_ = 0;
}

bool classes::matches(const selector& by, const record& each) const {
  if (by.by_key()) return by.key == each.key;
  if (attributes_ == nullptr) return false;
  return view(attributes_->get(host_.raw(), each.index, borrow(by.attribute))) == by.value;
}

classes::name classes::find(const record& each) {
  const auto in = [&](const std::vector<selector>& list, bool by_key) {
    return std::any_of(list.begin(), list.end(), [&](const selector& by) {
      return by.by_key() == by_key && matches(by, each);
    });
  };
  if (in(watch_, true)) {
    ++watched_by_key_;
    return name::watched;
  }
  // What is named by its key is what was meant: "all options are best effort, but for this one".
  if (in(best_effort_, true)) return name::best_effort;
  if (in(watch_, false) && may_watch_by_attribute()) {
    ++watched_by_attribute_;
    return name::watched;
  }
  return in(best_effort_, false) ? name::best_effort : name::normal;
}

bool classes::may_watch_by_attribute() {
  if (watch_keys_ + watched_by_attribute_ < watch_limit) return true;
  if (!told_)
    host_.alert("watch_full", "watch names more than " + std::to_string(watch_limit) +
                                  " instruments: those that came last are as the others");
  told_ = true;
  return false;
}

}  // namespace sluice::priority_sampler
