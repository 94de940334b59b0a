#include "config/level.hpp"

#include "config/effective.hpp"
#include "config/host_keys.hpp"
#include "config/text.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace sluice::config {

namespace {

constexpr std::string_view monitoring_variable = "BACKPRESSURE_MONITORING_ENABLED";
constexpr std::array<const char*, 3> severities{"_warning", "_critical", "_overload"};

level_spec from_keys(const level_keys& keys) {
  level_spec level;
  level.mode = keys.mode;
  const std::array ratios{keys.ratio_warning, keys.ratio_critical, keys.ratio_overload};
  const std::array latencies{keys.latency_warning, keys.latency_critical, keys.latency_overload};
  const std::array pendings{keys.pending_warning, keys.pending_critical, keys.pending_overload};
  const std::array exits{keys.ratio_exit_warning, keys.ratio_exit_critical,
                         keys.ratio_exit_overload};
  for (std::size_t i = 0; i < severities.size(); ++i) {
    level.ratio[i] = ratios[i];
    level.latency_ns[i] = latencies[i].count();
    level.pending[i] = pendings[i];
    level.ratio_exit[i] = exits[i];
  }
  level.exit_share = keys.exit_share;
  level.hold_ns = keys.hold.count();
  level.hold_max_ns = keys.hold_max.count();
  level.relapse_ns = keys.relapse.count();
  return level;
}

/// The rules across keys.
class checker {
 public:
  checker(const section& from, const level_spec& level, report& out)
      : from_{from}, level_{level}, out_{out} {}

  void run() {
    in_order("ratio", level_.ratio, "fall", std::greater<>{});
    in_order("latency", level_.latency_ns, "rise", std::less<>{});
    in_order("pending", level_.pending, "rise", std::less<>{});
    in_order("ratio_exit", level_.ratio_exit, "fall", std::greater<>{});
    for (std::size_t i = 0; i < severities.size(); ++i) exit_above_enter(i);
    if (level_.hold_max_ns < level_.hold_ns)
      error({"hold", "hold_max"}, "level.hold_max must be at least level.hold, " +
                                      show_duration(level_.hold_ns) + ", is " +
                                      show_duration(level_.hold_max_ns));
  }

 private:
  template <typename Amounts, typename Before>
  void in_order(const std::string& signal, const Amounts& amounts, const char* way, Before before) {
    if (before(amounts[0], amounts[1]) && before(amounts[1], amounts[2])) return;
    std::vector<std::string> keys;
    for (const char* severity : severities) keys.push_back(signal + severity);
    error(keys,
          "level." + signal + "_warning, _critical and _overload must " + way + " in this order");
  }

  void exit_above_enter(std::size_t i) {
    if (level_.ratio_exit[i] >= level_.ratio[i]) return;
    const std::string enter = std::string{"ratio"} + severities[i];
    const std::string exit = std::string{"ratio_exit"} + severities[i];
    error({enter, exit}, "level." + exit + " must be at least level." + enter + ", " +
                             show_number(level_.ratio[i]) + ", is " +
                             show_number(level_.ratio_exit[i]));
  }

  /// At the last of the keys that the file gives: the others may be defaults.
  void error(const std::vector<std::string>& keys, std::string message) {
    place at = from_.at;
    for (const std::string& key : keys)
      if (from_.table != nullptr && from_.table->find(key) != nullptr) at = place_of(from_, key);
    out_.error(at, std::move(message));
  }

  const section& from_;
  const level_spec& level_;
  report& out_;
};

}  // namespace

level_spec read_level(const section& from, reading& state) {
  refuse_unknown(from, key_names<level_keys>(), state);
  const std::size_t before = state.out.errors.size();
  level_spec level = from_keys(read_keys<level_keys>(from, state));
  if (state.out.errors.size() == before) checker{from, level, state.out}.run();
  if (const auto by = switched_off(monitoring_variable, "level.mode", state)) {
    level.mode = level_mode::never;
    amend(state, "level", "mode", in_quotes("never"), *by);
  }
  return level;
}

}  // namespace sluice::config
