#include "child.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace bench {

child::child(const std::vector<std::string>& command, const environment& variables,
             const std::string& log) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error{"fork failed"};
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(file, STDOUT_FILENO);
  dup2(file, STDERR_FILENO);
  execvp(words[0], words.data());
  std::fprintf(stderr, "%s: %s\n", words[0], std::strerror(errno));
  _exit(127);
}

child::~child() { end(); }

int child::end() {
  if (pid_ < 0) return -1;
  kill(pid_, SIGTERM);
  int status = 0;
  for (int i = 0; i < 1500 && waitpid(pid_, &status, WNOHANG) == 0; ++i) {
    usleep(10'000);
    if (i == 1498) kill(pid_, SIGKILL);
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

usage child::used() const {
  usage made;
  const std::string folder = "/proc/" + std::to_string(pid_);
  std::ifstream stat{folder + "/stat"};
  std::string text{std::istreambuf_iterator<char>{stat}, {}};
  unsigned long user = 0, system = 0;
  const std::size_t behind_name = text.rfind(')');
  if (behind_name != std::string::npos)
    std::sscanf(text.c_str() + behind_name + 2,
                "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  made.cpu_s = static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  std::ifstream memory{folder + "/statm"};
  unsigned long total = 0, resident = 0;
  memory >> total >> resident;
  made.rss_mib = static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) /
                 (1024.0 * 1024.0);
  return made;
}

namespace {
sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}
}  // namespace

std::uint16_t free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(probe, reinterpret_cast<sockaddr*>(&address), size) != 0)
    throw std::runtime_error{"no free port"};
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  close(probe);
  return ntohs(address.sin_port);
}

void wait_for_port(std::uint16_t port) {
  const sockaddr_in address = loopback(port);
  for (int i = 0; i < 1000; ++i) {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool there =
        connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    if (there) return;
    usleep(10'000);
  }
  throw std::runtime_error{"nothing listens on port " + std::to_string(port)};
}

}  // namespace bench
