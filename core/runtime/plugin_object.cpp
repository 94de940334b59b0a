#include "runtime/plugin_object.hpp"

#include "runtime/call_scope.hpp"
#include "runtime/stage.hpp"

#include <sluice/ext/signals.h>
#include <sluice/record.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::runtime {

namespace {

template <typename Table>
const Table* table_of(const sluice_plugin& plugin, std::string_view id) {
  if (plugin.extension == nullptr) return nullptr;
  return static_cast<const Table*>(plugin.extension(borrow(id)));
}

}  // namespace

plugin_object::plugin_object(stage& owner, const config::stage_spec& spec)
    : owner_{owner},
      plugin_{spec.plugin},
      library_{spec.library},
      settings_{spec.settings},
      guard_{table_of<sluice_guard>(*plugin_, SLUICE_EXT_GUARD)},
      swap_{table_of<sluice_swap>(*plugin_, SLUICE_EXT_SWAP)} {
  fill_host_table();
}

plugin_object::~plugin_object() { destroy(); }

void plugin_object::destroy() {
  owner_.forget(*this);
  if (self_ == nullptr) return;
  const call_scope here{*this, call_scope::tag::control};
  plugin_->destroy(std::exchange(self_, nullptr));
}

void plugin_object::create() {
  owner_.keep_secrets(*settings_);
  std::array<char, 1024> text{};
  sluice_text error{text.data(), text.size(), 0};
  const call_scope here{*this, call_scope::tag::control};
  self_ = plugin_->create(&host_, settings_->data(), settings_->size(), &error);
  if (self_ != nullptr) return;
  const std::string_view why{text.data(), std::min<std::size_t>(error.size, text.size())};
  throw std::runtime_error{std::string{owner_.label()} + ": " +
                           std::string{why.empty() ? "could not be created" : why}};
}

std::string_view plugin_object::state_schema() const {
  return swap_ == nullptr || swap_->export_state == nullptr ? std::string_view{}
                                                            : view(swap_->writes);
}

bool plugin_object::reads(std::string_view schema) const {
  if (swap_ == nullptr || swap_->import_state == nullptr) return false;
  return std::any_of(swap_->reads, swap_->reads + swap_->reads_count,
                     [&](sluice_str each) { return view(each) == schema; });
}

namespace {

/// A [control] call of `of` with words for its failure. Throws std::runtime_error naming it and
/// `step`.
template <typename Call>
void must(const plugin_object& of, const char* step, Call&& call) {
  std::array<char, 1024> text{};
  sluice_text error{text.data(), text.size(), 0};
  const call_scope here{of, call_scope::tag::control};
  if (call(&error) == SLUICE_OK) return;
  const std::string_view why{text.data(), std::min<std::size_t>(error.size, text.size())};
  throw std::runtime_error{of.title() + ": " + step + ": " +
                           std::string{why.empty() ? "refused without a word" : why}};
}

}  // namespace

void plugin_object::self_test() {
  if (swap_ == nullptr || swap_->self_test == nullptr) return;
  must(*this, "self_test", [&](sluice_text* error) { return swap_->self_test(self_, error); });
}

void plugin_object::import(std::string_view schema, const std::vector<std::uint8_t>& state) {
  must(*this, "import_state", [&](sluice_text* error) {
    return swap_->import_state(self_, borrow(schema), state.data(), state.size(), error);
  });
}

std::string plugin_object::title() const {
  return std::string{view(plugin_->name)} + " " + std::string{view(plugin_->version)};
}

// --- figures ------------------------------------------------------------------------------------

void add_counters(std::vector<metric_value>& to, const std::vector<metric_value>& from) {
  for (const metric_value& each : from) {
    if (each.kind != SLUICE_COUNTER) continue;
    const auto found = std::find_if(to.begin(), to.end(), [&](const metric_value& one) {
      return one.kind == SLUICE_COUNTER && one.name == each.name;
    });
    if (found == to.end())
      to.push_back(each);
    else
      found->value += each.value;
  }
}

std::uint32_t plugin_object::add_metric(std::uint32_t kind, std::string_view name,
                                        std::string_view doc) {
  const std::lock_guard lock{mutex_};
  for (std::size_t i = 0; i < metrics_.size(); ++i)
    if (metrics_[i].name == name) return static_cast<std::uint32_t>(i);
  if (metrics_.size() == SLUICE_METRICS_MAX) return UINT32_MAX;
  metrics_.push_back({std::string{name}, std::string{doc}, kind});
  return static_cast<std::uint32_t>(metrics_.size() - 1);
}

std::vector<metric_value> plugin_object::metrics() const {
  const std::lock_guard lock{mutex_};
  std::vector<metric_value> made;
  for (std::size_t i = 0; i < metrics_.size(); ++i)
    made.push_back({metrics_[i].name, metrics_[i].doc, metrics_[i].kind,
                    values_[i].load(std::memory_order_relaxed)});
  return made;
}

sluice_status plugin_object::set_signal(std::string_view name, std::uint32_t level,
                                        std::string_view cause) {
  const std::lock_guard lock{mutex_};
  for (signal_state& each : signals_)
    if (each.name == name) return each = {each.name, level, std::string{cause}}, SLUICE_OK;
  if (signals_.size() == SLUICE_SIGNALS_MAX) return SLUICE_FULL;
  signals_.push_back({std::string{name}, level, std::string{cause}});
  return SLUICE_OK;
}

std::vector<signal_state> plugin_object::signals() const {
  const std::lock_guard lock{mutex_};
  std::vector<signal_state> made;
  for (const signal_state& each : signals_)
    if (each.level > SLUICE_HEALTHY) made.push_back(each);
  return made;
}

bool plugin_object::first_misuse(const char* call) {
  const std::lock_guard lock{mutex_};
  if (std::find(misused_.begin(), misused_.end(), call) != misused_.end()) return false;
  return misused_.emplace_back(call), true;
}

void plugin_object::forget_signals() {
  const std::lock_guard lock{mutex_};
  signals_.clear();
}

}  // namespace sluice::runtime
