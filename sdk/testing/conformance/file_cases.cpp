#include "conformance/cases.hpp"
#include "plugin/elf.hpp"
#include "plugin/image.hpp"
#include "plugin/loader.hpp"

#include <sluice/record.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

namespace sluice::testing::conformance {

namespace {

struct import_rule {
  std::string_view what;       ///< a name, or its beginning with a * behind
  std::string_view verb;       ///< what it is used for
  std::string_view instead;    ///< where that comes from
  std::uint32_t allowed_with;  ///< capabilities of which any allows it
};

constexpr std::uint32_t never = 0, io = SLUICE_CAN_IO, print = SLUICE_CAN_PRINT;
constexpr std::string_view host_time = "batch.now_ns, sluice_host.now and unix_time",
                           host_wake = "sluice_host.wake_at", host_log = "sluice_host.log",
                           host_lane = "the lane that calls it, and sluice_host.wake_at";

/// Event loops (Asio, OpenSSL) are linked with what they can do, not with what they are asked to
/// do: a stage with one is judged by the case "threads" alone.
constexpr std::array import_rules{
    import_rule{"pthread_create", "starts threads", host_lane, io},
    import_rule{"thrd_create", "starts threads", host_lane, io},
    import_rule{"_ZNSt6thread15_M_start_thread*", "starts threads", host_lane, io},
    import_rule{"clone", "starts threads", host_lane, never},
    import_rule{"clock_gettime", "reads a clock", host_time, io},
    import_rule{"clock", "reads a clock", host_time, io},
    import_rule{"gettimeofday", "reads a clock", host_time, io},
    import_rule{"time", "reads a clock", host_time, io},
    import_rule{"timespec_get", "reads a clock", host_time, io},
    import_rule{"_ZNSt6chrono3_V2*_clock3nowEv", "reads a clock", host_time, io},
    import_rule{"nanosleep", "sleeps", host_wake, io},
    import_rule{"clock_nanosleep", "sleeps", host_wake, io},
    import_rule{"sleep", "sleeps", host_wake, io},
    import_rule{"usleep", "sleeps", host_wake, io},
    import_rule{"_ZNSt11this_thread11__sleep_for*", "sleeps", host_wake, io},
    import_rule{"printf", "prints", host_log, print},
    import_rule{"__printf_chk", "prints", host_log, print},
    import_rule{"vprintf", "prints", host_log, print},
    import_rule{"puts", "prints", host_log, print},
    import_rule{"putchar", "prints", host_log, print},
    import_rule{"perror", "prints", host_log, never},
    import_rule{"stdout", "prints", host_log, print},
    import_rule{"stderr", "prints", host_log, io},
    import_rule{"_ZSt4cout", "prints", host_log, print},
    import_rule{"_ZSt4cerr", "prints", host_log, never},
    import_rule{"_ZSt4clog", "prints", host_log, never},
    import_rule{"exit", "ends the process", "a status of its call", never},
    import_rule{"_exit", "ends the process", "a status of its call", never},
    import_rule{"_Exit", "ends the process", "a status of its call", never},
    import_rule{"quick_exit", "ends the process", "a status of its call", never},
    import_rule{"fork", "starts processes", host_lane, never},
    import_rule{"vfork", "starts processes", host_lane, never},
    import_rule{"system", "starts processes", host_lane, never},
    import_rule{"popen", "starts processes", host_lane, never},
    import_rule{"posix_spawn*", "starts processes", host_lane, never},
    import_rule{"exec*", "starts processes", host_lane, never},
};

bool matches(std::string_view name, std::string_view what) {
  const std::size_t star = what.find('*');
  if (star == std::string_view::npos) return name == what;
  return name.starts_with(what.substr(0, star)) && name.ends_with(what.substr(star + 1));
}

std::string readable(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> plain{
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free};
  return status == 0 ? std::string{plain.get()} : name;
}

}  // namespace

void loads(bench& on) {
  const std::string prefix = on.file().string() + ": ";
  try {
    const sluice_plugin& plugin = on.plugin();
    on.said = std::string{view(plugin.name)} + " " + std::string{view(plugin.version)} + ", a " +
              on.kind();
    if (on.can(SLUICE_CAN_IO)) on.said += with_event_loop;
  } catch (const std::exception& refused) {
    const std::string why = refused.what();
    throw failed{why.starts_with(prefix) ? why.substr(prefix.size()) : why};
  }
}

void has_its_name(bench& on) {
  const std::string its{view(on.plugin().name)}, files = on.file().stem().string();
  on.expect(its == files, "its plugin is named '" + its + "', the file says '" + files +
                              "': a pipeline that names it would not find it");
}

void imports_nothing_of_the_hosts(bench& on) {
  const std::uint32_t has = on.plugin().capabilities;
  std::string found;
  for (const std::string& name : plugin::read_imports(plugin::read_whole(on.file())))
    for (const import_rule& rule : import_rules)
      if (matches(name, rule.what) && (has & rule.allowed_with) == 0) {
        found += (found.empty() ? "" : "\n") + ("imports " + readable(name)) + ": it " +
                 std::string{rule.verb} + ", which a plugin leaves to the host (" +
                 std::string{rule.instead} + ")";
        break;
      }
  on.expect(found.empty(), found);
}

}  // namespace sluice::testing::conformance
