#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "control/client.hpp"
#include "control/run_dir.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace sluice::cli {

namespace json = boost::json;

namespace {

constexpr auto follow_interval = std::chrono::milliseconds{200};

std::string_view view_at(const json::object& of, const char* key) { return of.at(key).as_string(); }

/// A line an event: "120 2026-11-26T03:45:00.100Z warn redis level: ...".
std::string event_line(const json::object& event) {
  return fmt::format("{:>5} {} {:<5} {} {}: {}\n", event.at("number").to_number<std::uint64_t>(),
                     view_at(event, "time"), view_at(event, "severity"), view_at(event, "stage"),
                     view_at(event, "kind"), view_at(event, "message"));
}

}  // namespace

int events(const events_options& asked) {
  std::uint64_t after = asked.after;
  bool answered = false;
  try {
    const auto socket = control::find_socket(control::run_dirs(), asked.pipeline);
    for (;;) {
      const json::value whole = json::parse(control::ask(socket, {"events", after}));
      answered = true;
      for (const json::value& each : whole.at("events").as_array()) {
        after = each.at("number").to_number<std::uint64_t>();
        print(asked.format == "json" ? json::serialize(each) + "\n" : event_line(each.as_object()));
      }
      if (!asked.follow) return done;
      flush_output();
      std::this_thread::sleep_for(follow_interval);
    }
  } catch (const std::runtime_error& why) {
    complain(std::string{"sluice events: "} + why.what() + "\n");
    // What is followed may end.
    return answered && control::has_ended(why) ? done : unavailable;
  }
}

}  // namespace sluice::cli
