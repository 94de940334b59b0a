#include "usage.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace files = std::filesystem;
using sluice::backpressure_monitor::usage;
using sluice::backpressure_monitor::usage_reader;

namespace {

/// A machine: 8 GiB, this process on CPUs 0-3 and 8, with 1,000 pages and 2.5 s of CPU time.
struct machine {
  files::path root;
  machine() {
    std::string name = (files::temp_directory_path() / "sluice-usage-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root = name;
    const auto ticks = ::sysconf(_SC_CLK_TCK);
    write("proc/meminfo", "MemTotal:        8388608 kB\nMemFree:         1 kB\n");
    write("proc/self/statm", "5000 1000 300 1 0 400 0\n");
    write("proc/self/stat", "77 (a) 1 b) S 1 2 3 4 5 6 7 8 9 10 " + std::to_string(2 * ticks) +
                                " " + std::to_string(ticks / 2) + " 900 900 20 0 4 0 1\n");
    write("proc/self/status", "Name:\ta\nCpus_allowed:\t10f\nCpus_allowed_list:\t0-3,8\n");
  }
  ~machine() { files::remove_all(root); }
  void write(const std::string& file, const std::string& text) const {
    files::create_directories((root / file).parent_path());
    std::ofstream{root / file} << text;
  }
  usage read() const { return usage_reader{root}.read(); }
};

constexpr double mib = 1 << 20;

}  // namespace

TEST_CASE("without control groups the whole machine may be used") {
  const machine at;
  const usage got = at.read();
  CHECK(got.memory_bytes == 1000.0 * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  CHECK(got.memory_limit_bytes == 8192 * mib);
  CHECK(got.memory_ratio() == doctest::Approx(got.memory_bytes / (8192 * mib)));
  CHECK(got.cpu_seconds == doctest::Approx(2.5));
  CHECK(got.cores == 5);
}

TEST_CASE("control groups, version 2: the least of the group's limits and those around it") {
  const machine at;
  at.write("proc/self/cgroup", "0::/kubepods/pod1/main\n");
  at.write("sys/fs/cgroup/kubepods/pod1/main/memory.max", "max\n");
  at.write("sys/fs/cgroup/kubepods/pod1/main/cpu.max", "max 100000\n");
  CHECK(at.read().memory_limit_bytes == 8192 * mib);
  CHECK(at.read().cores == 5);
  at.write("sys/fs/cgroup/kubepods/pod1/memory.max", "268435456\n");
  at.write("sys/fs/cgroup/kubepods/memory.max", "536870912\n");
  at.write("sys/fs/cgroup/kubepods/pod1/cpu.max", "150000 100000\n");
  CHECK(at.read().memory_limit_bytes == 256 * mib);
  CHECK(at.read().cores == 1.5);
}

TEST_CASE("a container that sees its own group as the root") {
  const machine at;
  at.write("proc/self/cgroup", "0::/\n");
  at.write("sys/fs/cgroup/memory.max", "67108864\n");
  at.write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  CHECK(at.read().memory_limit_bytes == 64 * mib);
  CHECK(at.read().cores == 0.5);
}

TEST_CASE("control groups, version 1; a path of outside the container is not there") {
  const machine at;
  at.write("proc/self/cgroup",
           "12:pids:/docker/abc\n5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n");
  at.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n");
  at.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  at.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  CHECK(at.read().memory_limit_bytes == 128 * mib);
  CHECK(at.read().cores == 5);
  at.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  CHECK(at.read().cores == 2);
  at.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");  // none
  CHECK(at.read().memory_limit_bytes == 8192 * mib);
}

TEST_CASE("a quota above the CPUs allowed changes nothing") {
  const machine at;
  at.write("proc/self/cgroup", "0::/\n");
  at.write("sys/fs/cgroup/cpu.max", "6400000 100000\n");
  CHECK(at.read().cores == 5);
}

TEST_CASE("what cannot be read is 0") {
  const usage got = usage_reader{"/nowhere"}.read();
  CHECK(got.memory_bytes == 0);
  CHECK(got.memory_limit_bytes == 0);
  CHECK(got.memory_ratio() == 0);
  CHECK(got.cpu_seconds == 0);
  CHECK(got.cores == 0);
  const machine at;
  for (const char* file : {"proc/meminfo", "proc/self/statm", "proc/self/stat", "proc/self/status"})
    at.write(file, "(((:\n)");
  at.write("proc/self/cgroup", "0::/\nnonsense\n7:memory\n");
  CHECK(at.read().memory_limit_bytes == 0);
  CHECK(at.read().cpu_seconds == 0);
  CHECK(at.read().cores == 0);
}

TEST_CASE("this machine") {
  const usage got = usage_reader{}.read();
  CHECK(got.memory_bytes > mib);
  CHECK(got.memory_limit_bytes > got.memory_bytes);
  CHECK(got.cores > 0);
}
