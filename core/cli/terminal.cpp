#include "cli/terminal.hpp"

#include "cli/output.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

namespace sluice::cli {

namespace {

// ANSI: another page, no cursor; and back.
constexpr std::string_view enter = "\x1b[?1049h\x1b[?25l", leave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view home = "\x1b[H", rest_of_line = "\x1b[K", rest_of_page = "\x1b[J";

/// At once: a page does not end with a line's end.
void write(std::string_view text) {
  print(text);
  flush_output();
}

}  // namespace

terminal_size size_of_terminal() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {size.ws_col, size.ws_row};
}

terminal::terminal() {
  sigset_t taken;
  sigemptyset(&taken);
  // SIGTSTP: stopped, it would leave the terminal as it is.
  for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH})
    sigaddset(&taken, each);
  ::pthread_sigmask(SIG_BLOCK, &taken, &signals_before_);
  signals_ = ::signalfd(-1, &taken, SFD_CLOEXEC);
  if (signals_ < 0) {
    const int error = errno;
    ::pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
    throw std::system_error{error, std::generic_category(), "signals cannot be waited for"};
  }
  keys_ = ::tcgetattr(STDIN_FILENO, &keys_before_) == 0 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
  if (keys_) {
    ::termios keys = keys_before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &keys);
  }
  write(enter);
}

terminal::~terminal() {
  write(leave);
  if (keys_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys_before_);
  ::close(signals_);
  ::pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
}

void terminal::draw(const std::vector<screen_line>& lines) const {
  std::string page{home};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const screen_line& line = lines[i];
    if (i != 0) page += "\r\n";
    if (!line.style.empty()) page += "\x1b[" + std::string{line.style} + "m";
    page += line.text;
    if (!line.style.empty()) page += "\x1b[0m";
    page += rest_of_line;
  }
  write(page.append(rest_of_page));
}

terminal::woken terminal::wait(std::chrono::milliseconds limit) {
  std::array<::pollfd, 2> on{{{signals_, POLLIN, 0}, {keys_ ? STDIN_FILENO : -1, POLLIN, 0}}};
  if (::poll(on.data(), on.size(), static_cast<int>(limit.count())) <= 0) return woken::by_time;
  if (on[0].revents != 0) {
    ::signalfd_siginfo got{};
    if (::read(signals_, &got, sizeof got) != sizeof got) return woken::to_end;
    if (got.ssi_signo == SIGWINCH) return woken::by_size;
    return got.ssi_signo == SIGTSTP ? woken::by_time : woken::to_end;
  }
  char key = 0;
  if (::read(STDIN_FILENO, &key, 1) != 1) return woken::to_end;
  return key == 'q' || key == 'Q' ? woken::to_end : woken::by_time;
}

}  // namespace sluice::cli
