// The engine's books when stages come and go: who is where, and what those who left had counted.
#include "runtime/engine.hpp"

#include <algorithm>
#include <iterator>

namespace sluice::runtime {

void engine::enter(const std::vector<newcomer>& added, std::vector<std::unique_ptr<lane>> lanes) {
  {
    const std::lock_guard lock{lanes_mutex_};
    std::move(lanes.begin(), lanes.end(), std::back_inserter(lanes_));
  }
  const std::lock_guard lock{tick_mutex_};
  for (const newcomer& each : added) {
    if (of_spec_.empty() || spec_.stages.back().name != each.spec->name) {
      spec_.stages.push_back(*each.spec);
      spec_.stages.back().inputs.clear();  // numbered as it will be, not as it is
      of_spec_.emplace_back();
    }
    of_spec_.back().push_back(instances_.size());
    instance entry;
    entry.spec = static_cast<std::uint32_t>(spec_.stages.size() - 1);
    entry.made = each.made;
    entry.in = each.in;
    entry.leads = each.leads;
    instances_.push_back(std::move(entry));
  }
}

std::vector<std::unique_ptr<lane>> engine::arrange(config::pipeline_spec next) {
  const std::lock_guard lock{tick_mutex_};
  std::vector<instance> placed;
  std::vector<std::vector<std::size_t>> of_spec(next.stages.size());
  for (std::uint32_t number = 0; number < next.stages.size(); ++number) {
    for (instance& each : instances_) {
      if (each.made == nullptr || spec_.stages[each.spec].name != next.stages[number].name)
        continue;
      of_spec[number].push_back(placed.size());
      placed.push_back(std::exchange(each, {}));
      placed.back().spec = number;
    }
  }
  std::vector<const lane*> left;
  for (const instance& each : instances_) {
    if (each.made == nullptr) continue;
    departed_ += state_of(each, shared_.time.now(), true).count;
    if (each.leads) left.push_back(each.in);
  }
  std::swap(instances_, placed);
  std::swap(of_spec_, of_spec);
  std::swap(spec_, next);
  find_sinks();
  worst_sink_ = static_cast<std::size_t>(
      std::find_if(instances_.begin(), instances_.end(),
                   [](const instance& each) { return each.made->is(SLUICE_SINK); }) -
      instances_.begin());

  std::vector<std::unique_ptr<lane>> given_back;
  const std::lock_guard lanes_lock{lanes_mutex_};
  for (auto& each : lanes_)
    if (std::find(left.begin(), left.end(), each.get()) != left.end())
      given_back.push_back(std::move(each));
  std::erase(lanes_, nullptr);
  return given_back;
}

void engine::keep(std::vector<std::unique_ptr<stage>> strays) {
  const std::lock_guard lock{tick_mutex_};
  std::move(strays.begin(), strays.end(), std::back_inserter(strays_));
}

}  // namespace sluice::runtime
