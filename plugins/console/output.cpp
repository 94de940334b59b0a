#include "output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <ctime>
#include <stdexcept>

namespace sluice::console {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error{what + ": " + std::strerror(errno)};
}

/// A descriptor of our own for standard output. O_NONBLOCK belongs to what others share with us
/// (the shell's terminal), so a terminal or a pipe is opened anew; where that is not possible
/// (a socket) `write` still asks before it writes.
int own_stdout() {
  struct stat kind {};
  if (::fstat(STDOUT_FILENO, &kind) != 0) refuse("standard output");
  if (S_ISFIFO(kind.st_mode) || S_ISCHR(kind.st_mode)) {
    const int file = ::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file >= 0) return file;
  }
  const int file = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (file < 0) refuse("standard output");
  return file;
}

/// Keeps a write to a closed pipe from ending the process, whoever else handles SIGPIPE.
class no_sigpipe {
 public:
  no_sigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~no_sigpipe() {
    const int error = errno;
    const timespec at_once{};
    if (!was_pending_)
      while (sigtimedwait(&pipe_, nullptr, &at_once) == -1 && errno == EINTR) {
      }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

 private:
  sigset_t pipe_, before_;
  bool was_pending_ = false;
};

bool writable(int file) {
  pollfd asked{file, POLLOUT, 0};
  return ::poll(&asked, 1, 0) == 1;
}

}  // namespace

output::output(const std::optional<std::string>& path) {
  if (path) {
    file_ = ::open(path->c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0640);
    if (file_ < 0) refuse("path: cannot open " + *path);
  } else {
    file_ = own_stdout();
  }
  terminal_ = ::isatty(file_) == 1;
}

output::~output() { ::close(file_); }

output::result output::write(std::string_view text) {
  const no_sigpipe quiet;
  result made;
  while (made.written < text.size() && writable(file_)) {
    // What polls as writable takes PIPE_BUF bytes without blocking.
    const std::size_t most = std::min<std::size_t>(text.size() - made.written, PIPE_BUF);
    const ssize_t done = ::write(file_, text.data() + made.written, most);
    if (done >= 0) {
      made.written += static_cast<std::size_t>(done);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      made.error = errno;
      break;
    }
  }
  return made;
}

}  // namespace sluice::console
