#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "cli/top_screen.hpp"
#include "cli/verbs.hpp"
#include "config/text.hpp"
#include "control/client.hpp"
#include "control/run_dir.hpp"

#include <unistd.h>
#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

namespace sluice::cli {

namespace json = boost::json;

namespace {

using milliseconds = std::chrono::milliseconds;
using steady = std::chrono::steady_clock;
constexpr std::int64_t shortest_ns = 100'000'000, longest_ns = 3'600'000'000'000;

// While the page stands: keys and signals wait meanwhile.
constexpr milliseconds live_limit{1'000};

void look(const std::filesystem::path& socket, top_screen& into, milliseconds limit) {
  into.add(json::parse(control::ask(socket, {"status", into.last_event()}, limit)).as_object());
}

/// Not cut to the height of a window.
void print_once(const top_screen& screen) {
  const std::size_t columns = ::isatty(STDOUT_FILENO) == 1 ? size_of_terminal().columns : SIZE_MAX;
  std::string page;
  for (const screen_line& line : screen.lines(columns, SIZE_MAX)) page += line.text + "\n";
  print(page);
}

/// Until somebody ends it. A pipeline that hangs may answer again: till then the page says so.
/// Throws std::runtime_error: the pipeline has ended.
void show(const std::filesystem::path& socket, top_screen& screen, milliseconds interval) {
  terminal page;
  auto answered = steady::now();
  auto next = answered + interval;
  for (;;) {
    const terminal_size size = size_of_terminal();
    page.draw(screen.lines(size.columns, size.rows));
    const auto left = std::chrono::ceil<milliseconds>(next - steady::now());
    if (page.wait(std::max(left, milliseconds{0})) == terminal::woken::to_end) return;
    if (steady::now() < next) continue;
    try {
      look(socket, screen, live_limit);
      answered = steady::now();
    } catch (const control::no_answer&) {
      screen.unanswered(std::chrono::floor<std::chrono::seconds>(steady::now() - answered));
    }
    next = steady::now() + interval;
  }
}

}  // namespace

int top(const top_options& asked) {
  const std::optional<std::int64_t> interval = config::parse_duration(asked.interval, false);
  if (!interval || *interval < shortest_ns || *interval > longest_ns) {
    complain("--interval: a duration from 100ms to 1h, as 1s\n");
    return usage;
  }
  const bool live = !asked.once && ::isatty(STDOUT_FILENO) == 1;
  bool answered = false;
  try {
    const auto socket = control::find_socket(control::run_dirs(), asked.pipeline);
    top_screen screen;
    look(socket, screen, std::chrono::seconds{5});
    answered = true;
    if (live) {
      show(socket, screen,
           std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds{*interval}));
      return done;
    }
    if (!asked.once) complain("sluice top: the output is not a terminal: shown once\n");
    print_once(screen);
    return done;
  } catch (const std::runtime_error& why) {
    complain(std::string{"sluice top: "} + why.what() + "\n");
    // What is watched may end.
    return answered && control::has_ended(why) ? done : unavailable;
  }
}

}  // namespace sluice::cli
