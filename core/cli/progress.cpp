#include "cli/progress.hpp"

namespace sluice::cli {

namespace {
constexpr const char* erase_rest = "\x1b[K";  // ANSI
}

void progress::write(const std::string& text) const {
  // What cannot be shown is not missed.
  [[maybe_unused]] const ssize_t written = ::write(to_, text.data(), text.size());
}

void progress::say(std::string_view text) {
  if (!shown_ || text == line_) return;
  line_ = text;
  write("\r" + line_ + erase_rest);
}

void progress::clear() {
  if (!line_.empty()) write("\r" + std::string{erase_rest});
  line_.clear();
}

}  // namespace sluice::cli
