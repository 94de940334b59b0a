#include "cli/case_process.hpp"

#include "plugin/search_path.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
// glibc 2.36 forgot to say that it is C.
extern "C" {
#include <sys/pidfd.h>
}

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace sluice::cli {
namespace {

using testing::conformance::result;
using testing::conformance::verdict;

constexpr std::size_t head_size = 1 + sizeof(std::uint32_t);  // kind and length
constexpr std::size_t most_printed = 2'000;

[[noreturn]] void refuse(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

/// In the new process, between fork and exec: calls that are safe there.
[[noreturn]] void become(char* const* arguments, const char* program, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execv(program, arguments);
  _exit(127);
}

}  // namespace

void case_teller::tell(char kind, std::string_view text) const {
  std::string message(head_size, kind);
  const auto size = static_cast<std::uint32_t>(text.size());
  std::memcpy(message.data() + 1, &size, sizeof size);
  message += text;
  for (std::size_t done = 0; done < message.size();) {
    const ssize_t written = write(to_, message.data() + done, message.size() - done);
    if (written < 0 && errno != EINTR) return;  // nobody listens any more
    done += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
  }
}

void case_teller::ended(const verdict& how) const {
  tell(how.is == result::pass ? 'p' : how.is == result::skip ? 's' : 'f', how.why);
  doing("ending the process");
}

case_process::case_process(std::vector<std::string> arguments, clock::duration limit)
    : limit_{limit} {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) refuse("pipe");
  from_ = ends[0];
  output_ = memfd_create("output", MFD_CLOEXEC);
  const std::string program = plugin::this_executable().string();
  arguments.insert(arguments.begin(), program);
  arguments.push_back("--report-to");
  arguments.push_back(std::to_string(ends[1]));
  std::vector<char*> words;
  for (std::string& each : arguments) words.push_back(each.data());
  words.push_back(nullptr);

  const pid_t parent = getpid();
  process_ = fork();
  if (process_ == 0) {
    fcntl(ends[1], F_SETFD, 0);
    become(words.data(), program.c_str(), output_, parent);
  }
  close(ends[1]);
  if (process_ < 0) refuse("fork");
}

case_process::~case_process() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  close(from_);
  close(output_);
}

bool case_process::read() {
  std::array<char, 4096> bytes{};
  const ssize_t got = ::read(from_, bytes.data(), bytes.size());
  if (got < 0) return errno == EINTR;
  received_.append(bytes.data(), static_cast<std::size_t>(got));
  take_messages();
  return got > 0;
}

void case_process::take_messages() {
  while (received_.size() >= head_size) {
    std::uint32_t size = 0;
    std::memcpy(&size, received_.data() + 1, sizeof size);
    if (received_.size() < head_size + size) return;
    const char kind = received_[0];
    std::string text = received_.substr(head_size, size);
    received_.erase(0, head_size + size);
    if (kind == 'd') {
      step_ = std::move(text);
      continue;
    }
    has_verdict_ = true;
    verdict_.is = kind == 'p' ? result::pass : kind == 's' ? result::skip : result::fail;
    verdict_.why = std::move(text);
  }
}

bool case_process::ends_in_time() const {
  pollfd process{pidfd_open(process_, 0), POLLIN, 0};
  if (process.fd < 0) refuse("pidfd_open");
  int ready = 0;
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline() - clock::now());
    ready = poll(&process, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  } while (ready < 0 && errno == EINTR);
  close(process.fd);
  return ready > 0;
}

verdict case_process::end() {
  // What it has told is all, but it may still hang as it ends.
  const bool overdue = !ends_in_time();
  if (overdue) kill(process_, SIGKILL);
  int status = 0;
  while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  return ended_with(status, overdue);
}

verdict case_process::ended_with(int status, bool overdue) {
  process_ = -1;
  took_ = clock::now() - began_;
  return judge(status, overdue);
}

/// The end of what it wrote, on a line of its own.
std::string case_process::printed() const {
  std::string text(most_printed, '\0');
  const off_t size = lseek(output_, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(most_printed));
  const ssize_t got = pread(output_, text.data(), text.size(), from);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? "" : "\n" + text;
}

verdict case_process::judge(int status, bool overdue) const {
  const auto failed = [](std::string why) { return verdict{result::fail, std::move(why)}; };
  const std::string during = step_.empty() ? "" : ", while " + step_;
  if (overdue)
    return failed(fmt::format("did not end within {} s{}",
                              std::chrono::duration<double>{limit_}.count(), during));
  if (WIFSIGNALED(status))
    return failed(fmt::format("crashed ({}){}{}", strsignal(WTERMSIG(status)), during, printed()));
  const int code = WEXITSTATUS(status);
  if (!has_verdict_)
    return failed(fmt::format("ended the process, with code {}{}{}", code, during, printed()));
  if (code != 0 && verdict_.is == result::pass)
    return failed(fmt::format("its process ended with code {}{}", code, printed()));
  return verdict_;
}

}  // namespace sluice::cli
