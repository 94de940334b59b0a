// What a service manager hears, over a real datagram socket.
#include "cli/notify.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using sluice::cli::service_manager;

/// The socket that systemd would listen on, and the variables that name it.
struct manager {
  manager() {
    std::string name = (fs::temp_directory_path() / "sluice-notify-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    const std::string path = name + "/notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.copy(address.sun_path, sizeof address.sun_path - 1) == path.size());
    socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    REQUIRE(bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  manager(const manager&) = delete;
  manager& operator=(const manager&) = delete;
  ~manager() {
    close(socket);
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  /// "" if nothing was said.
  std::string heard() const {
    std::array<char, 256> text{};
    const ssize_t size = recv(socket, text.data(), text.size(), 0);
    return size < 0 ? "" : std::string{text.data(), static_cast<std::size_t>(size)};
  }

  fs::path folder;
  int socket = -1;
};

TEST_CASE("a service manager hears each change of state") {
  const manager systemd;
  service_manager to;
  CHECK(to.listens());
  to.ready();
  CHECK(systemd.heard() == "READY=1");
  to.status("HEALTHY in 12/s");
  CHECK(systemd.heard() == "STATUS=HEALTHY in 12/s");
  to.stopping();
  CHECK(systemd.heard() == "STOPPING=1");
}

TEST_CASE("its watchdog hears twice in its time, and only if there is one") {
  const manager systemd;
  const service_manager::clock::time_point start{};
  service_manager unwatched;
  unwatched.alive(start);
  CHECK(systemd.heard().empty());

  setenv("WATCHDOG_USEC", "2000000", 1);
  service_manager watched;
  watched.alive(start);
  CHECK(systemd.heard() == "WATCHDOG=1");
  watched.alive(start + 999ms);
  CHECK(systemd.heard().empty());
  watched.alive(start + 1000ms);
  CHECK(systemd.heard() == "WATCHDOG=1");
}

TEST_CASE("the watchdog of another process is not ours") {
  const manager systemd;
  setenv("WATCHDOG_USEC", "2000000", 1);
  setenv("WATCHDOG_PID", "1", 1);
  service_manager to;
  to.alive({});
  CHECK(systemd.heard().empty());
}

TEST_CASE("without a service manager nothing is said, and nothing fails") {
  unsetenv("NOTIFY_SOCKET");
  service_manager to;
  CHECK_FALSE(to.listens());
  to.ready();
  to.stopping();
}

}  // namespace
