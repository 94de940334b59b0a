// A plugin as the host sees it, of which every call can be looked at on its way.
#pragma once

#include <sluice/abi.h>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace sluice::testing::conformance {

/// One at a time: a plugin's functions carry no context of the host's.
class watch {
 public:
  explicit watch(const sluice_plugin& of);
  ~watch();
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;

  /// The same plugin, watched. Valid as long as this lives.
  const sluice_plugin& plugin() const { return watched_; }

  /// The first rule that process() broke of what it may change; empty: none.
  const std::string& broken() const { return broken_; }
  std::uint64_t created() const { return created_; }
  std::uint64_t destroyed() const { return destroyed_; }
  /// The newest object; null before the first.
  void* self() const { return self_; }
  /// Its stages asked for this extension of the host's.
  bool asked_for(std::string_view id) const { return asked_.contains(id); }

  /// What one object is made of, for another like it.
  struct making {
    void* self;
    const sluice_host* host;
    const sluice_value* values;
    std::uint32_t count;
  };
  /// [control] Told of each object made, before its start.
  std::function<void(const making&)> on_create;
  /// [lane] Told before each poll, which is then made with the wait it answers.
  std::function<std::int64_t(void* self, std::int64_t wait_ns)> on_poll;
  std::function<void(std::int64_t waited_ns)> after_poll;

 private:
  static void* create(const sluice_host* host, const sluice_value* values, std::uint32_t count,
                      sluice_text* error);
  static void destroy(void* stage);
  static sluice_status process(void* stage, sluice_batch* batch, sluice_text* error);
  static sluice_status poll(void* stage, std::int64_t wait_ns, sluice_text* error);
  static const void* extension_of_host(const sluice_host* host, sluice_str id);
  void look(const sluice_batch& before, const sluice_batch& after);

  static watch* current_;

  const sluice_plugin& of_;
  sluice_plugin watched_;
  const void* (*host_extension_)(const sluice_host* host, sluice_str id) = nullptr;
  std::set<std::string, std::less<>> asked_;
  std::string broken_;
  std::uint64_t created_ = 0, destroyed_ = 0;
  void* self_ = nullptr;
};

}  // namespace sluice::testing::conformance
