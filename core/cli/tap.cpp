#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "config/text.hpp"
#include "control/client.hpp"
#include "control/run_dir.hpp"
#include "control/tap_query.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

namespace sluice::cli {

namespace json = boost::json;

namespace {

using steady = std::chrono::steady_clock;
constexpr auto read_interval = std::chrono::milliseconds{100};
constexpr auto told_interval = std::chrono::seconds{1};

/// "redis 408065 #12 kite.tick/1 {...}"; what is usual is not said.
std::string record_line(const json::object& record) {
  const auto number = [&](const char* key) { return record.at(key).to_number<double>(); };
  std::string text =
      fmt::format("{} {} #{}", record.at("stage").as_string().c_str(),
                  json::serialize(record.at("key")), json::serialize(record.at("seq")));
  if (number("priority") != 1) text += fmt::format(" priority {}", number("priority"));
  if (number("weight") != 1) text += fmt::format(" weight {}", number("weight"));
  text += fmt::format(" {} ", record.at("schema").as_string().c_str());
  if (record.at("record").is_null()) return text + fmt::format("{} bytes\n", number("bytes"));
  return text + json::serialize(record.at("record")) + "\n";
}

/// What has been shown of one tap.
class shown {
 public:
  explicit shown(const tap_options& asked) : asked_{asked} {}

  /// True: the limit is reached.
  bool add(const json::object& document) {
    last_ = document.at("last").to_number<std::uint64_t>();
    for (const json::value& each : document.at("records").as_array()) {
      print(asked_.format == "json" ? json::serialize(each) + "\n" : record_line(each.as_object()));
      if (++count_ == asked_.limit) return true;
    }
    lost_ = document.at("lost").to_number<std::uint64_t>();
    if (steady::now() - told_at_ >= told_interval) tell_lost();
    return false;
  }
  void tell_lost() {
    if (lost_ > told_)
      complain(fmt::format("sluice tap: {} records more came than could be carried\n",
                           lost_ - std::exchange(told_, lost_)));
    told_at_ = steady::now();
  }
  std::uint64_t last() const { return last_; }

 private:
  const tap_options& asked_;
  std::uint64_t count_ = 0, last_ = 0, lost_ = 0, told_ = 0;
  steady::time_point told_at_ = steady::now();
};

}  // namespace

int tap(const tap_options& asked) {
  auto end = steady::time_point::max();
  if (!asked.time.empty()) {
    const auto length = config::parse_duration(asked.time, false);
    if (!length || *length <= 0) {
      complain("--for: a duration above 0, as 10s\n");
      return usage;
    }
    end = steady::now() + std::chrono::nanoseconds{*length};
  }
  bool answered = false;
  shown so_far{asked};
  try {
    runtime::tap_question question{asked.stage};
    question.key = asked.key;
    question.schema = asked.schema;
    question.every = asked.every;
    if (asked.priority) question.priority = static_cast<std::uint8_t>(*asked.priority);
    const auto socket = control::find_socket(control::run_dirs(), asked.pipeline);
    for (;;) {
      const std::string document =
          control::ask(socket, {"tap?" + control::render(question), so_far.last()});
      answered = true;
      if (so_far.add(json::parse(document).as_object()) || steady::now() >= end) {
        so_far.tell_lost();
        return done;
      }
      flush_output();
      std::this_thread::sleep_for(read_interval);
    }
  } catch (const std::runtime_error& why) {
    so_far.tell_lost();
    complain(std::string{"sluice tap: "} + why.what() + "\n");
    // What is watched may end.
    return answered && control::has_ended(why) ? done : unavailable;
  }
}

}  // namespace sluice::cli
