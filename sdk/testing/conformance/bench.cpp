#include "conformance/bench.hpp"

#include "conformance/given_settings.hpp"
#include "plugin/loader.hpp"

#include <sluice/record.hpp>

#include <algorithm>

namespace sluice::testing::conformance {

namespace {

/// Where time is real, a case must end.
constexpr duration longest_real_wait = std::chrono::milliseconds{20};

/// What a service may find, and must not rely on.
void give_documents(harness& in) {
  in.document("status", "{}");
  in.document("page", "");
  in.document("metrics", "# nothing yet\n");
  in.document("events", "[]");
}

}  // namespace

const sluice_plugin& bench::plugin() {
  if (found_.plugin == nullptr) {
    doing("loading the file");
    found_ = plugin::load_file(of_.file);
  }
  return *found_.plugin;
}

const char* bench::kind() { return config::kind_name(plugin().kind); }

const std::string& bench::settings() {
  if (!settings_) settings_ = with_required(plugin(), of_.settings, of_.scratch);
  return *settings_;
}

harness bench::make(const sluice_plugin& as) {
  doing("creating and starting a stage");
  options with;
  with.real_time = can(SLUICE_CAN_IO);
  harness made{as, settings(), with};
  if (is(SLUICE_SERVICE)) give_documents(made);
  doing("running it");
  return made;
}

void bench::let_pass(harness& in, duration by) {
  in.advance(can(SLUICE_CAN_IO) ? std::min(by, longest_real_wait) : by);
}

void bench::judge(harness& in, const std::string& when, bool may_stop) {
  for (const message& each : in.events()) {
    if (each.kind == "stop" && may_stop) return;
    if (each.kind == "fault" || each.kind == "stop" || each.kind == "bypass")
      throw failed{when + ", a call broke the contract: " + each.text};
  }
  expect(in.faults() == 0, when + ", a call broke the contract");
  expect(in.balanced(),
         when +
             ", the ledger does not add up: created + in must be out + published + absorbed + "
             "dropped + failed + unknown + held");
}

void bench::expect_sound(harness& in, const std::string& when) { judge(in, when, false); }

void bench::expect_sound_if_started(harness& in, const std::string& when) { judge(in, when, true); }

std::string amount(std::int64_t number, std::string_view of) {
  return std::to_string(number) + " " + std::string{of} + (number == 1 ? "" : "s");
}

}  // namespace sluice::testing::conformance
