#include "usage.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::backpressure_monitor {
namespace {

namespace files = std::filesystem;

constexpr double no_limit = std::numeric_limits<double>::infinity();

/// Empty if there is no such file.
std::string text_of(const files::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// The first words of a text as numbers; ends at what is none.
std::vector<double> numbers(const std::string& text) {
  std::istringstream in{text};
  std::vector<double> found;
  for (double next = 0; in >> next;) found.push_back(next);
  return found;
}

double first_number(const std::string& text, double otherwise) {
  const std::vector<double> found = numbers(text);
  return found.empty() ? otherwise : found.front();
}

/// What stands behind `name` at the begin of a line.
std::string line_of(const std::string& text, std::string_view name) {
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);)
    if (line.compare(0, name.size(), name) == 0) return line.substr(name.size());
  return {};
}

/// User and system time of /proc/self/stat, whose second field may hold anything in brackets.
double cpu_seconds(const std::string& stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields{stat.substr(name_end + 1)};
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// Of a list as "0-3,8".
double cpus_in(const std::string& list) {
  double count = 0;
  std::istringstream parts{list};
  for (std::string part; std::getline(parts, part, ',');) {
    std::istringstream ends{part};
    int first = 0, last = 0;
    char dash = 0;
    if (!(ends >> first)) continue;
    count += ends >> dash >> last && dash == '-' && last >= first ? last - first + 1 : 1;
  }
  return count;
}

/// The least of what `limit` says of a control group and of those around it, up to the hierarchy's
/// root. In a container the outermost path of /proc/self/cgroup may not exist; the root does.
double least(const files::path& hierarchy, const std::string& group,
             const std::function<double(const files::path&)>& limit) {
  double found = no_limit;
  for (files::path at = files::path{group}.relative_path();; at = at.parent_path()) {
    found = std::min(found, limit(hierarchy / at));
    if (at.empty()) return found;
  }
}

double quota(const std::vector<double>& pair) {
  return pair.size() == 2 && pair[0] > 0 && pair[1] > 0 ? pair[0] / pair[1] : no_limit;
}

struct group_bounds {
  double memory = no_limit, cores = no_limit;
};

/// Of all control groups of the process: a line is "number:controllers:path", version 2 has "0::".
group_bounds group_limits(const files::path& hierarchies, const std::string& groups) {
  group_bounds found;
  const auto memory = [&](const files::path& hierarchy, const std::string& group,
                          const char* file) {
    found.memory = std::min(found.memory, least(hierarchy, group, [&](const files::path& at) {
                              return first_number(text_of(at / file), no_limit);
                            }));
  };
  std::istringstream lines{groups};
  for (std::string number, names, group; std::getline(lines, number, ':') &&
                                         std::getline(lines, names, ':') &&
                                         std::getline(lines, group);) {
    const std::string listed = "," + names + ",";
    if (names.empty()) {
      memory(hierarchies, group, "memory.max");
      found.cores = std::min(found.cores, least(hierarchies, group, [](const files::path& at) {
                               return quota(numbers(text_of(at / "cpu.max")));
                             }));
    }
    if (listed.find(",memory,") != std::string::npos)
      memory(hierarchies / "memory", group, "memory.limit_in_bytes");
    if (listed.find(",cpu,") != std::string::npos)
      found.cores =
          std::min(found.cores, least(hierarchies / "cpu", group, [](const files::path& at) {
                     return quota({first_number(text_of(at / "cpu.cfs_quota_us"), 0),
                                   first_number(text_of(at / "cpu.cfs_period_us"), 0)});
                   }));
  }
  return found;
}

}  // namespace

usage usage_reader::read() const {
  const files::path self = root_ / "proc/self";
  usage made;
  const std::vector<double> pages = numbers(text_of(self / "statm"));
  if (pages.size() > 1) made.memory_bytes = pages[1] * static_cast<double>(::sysconf(_SC_PAGESIZE));
  made.cpu_seconds = cpu_seconds(text_of(self / "stat"));

  const group_bounds groups = group_limits(root_ / "sys/fs/cgroup", text_of(self / "cgroup"));
  const double kilobytes =
      first_number(line_of(text_of(root_ / "proc/meminfo"), "MemTotal:"), no_limit / 1024);
  const double cpus = cpus_in(line_of(text_of(self / "status"), "Cpus_allowed_list:"));
  made.memory_limit_bytes = std::min(kilobytes * 1024, groups.memory);
  made.cores = std::min(cpus > 0 ? cpus : no_limit, groups.cores);
  if (made.memory_limit_bytes == no_limit) made.memory_limit_bytes = 0;
  if (made.cores == no_limit) made.cores = 0;
  return made;
}

}  // namespace sluice::backpressure_monitor
