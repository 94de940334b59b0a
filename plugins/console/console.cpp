#include "console.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::console {
namespace {

/// How soon a full pipe is tried again.
constexpr duration retry_interval = std::chrono::milliseconds{10};

}  // namespace

console::console(const config& given, host to)
    : host_{to},
      output_{given.path},
      pretty_{given.format == line_format::pretty ||
              (given.format == line_format::automatic && output_.terminal())},
      writer_{to, given.columns,
              given.color == color_use::always ||
                  (given.color == color_use::automatic && output_.terminal())} {
  lines_.reserve(SLUICE_BATCH_MAX);
}

std::uint32_t console::ready(std::uint32_t queued, duration) {
  return full_ ? 0 : std::min<std::uint32_t>(queued, SLUICE_BATCH_MAX);
}

void console::process(batch& records) {
  text_.clear();
  lines_.clear();
  if (cut_) text_ += '\n';
  for (const record& each : records) {
    if (pretty_ ? writer_.pretty(each, text_) : writer_.json(each, text_))
      lines_.push_back({&each, text_.size()});
    else
      records.drop(each, reason::malformed);
  }
  if (lines_.empty()) return;
  answer(records, output_.write(text_));
}

/// Whole lines are published; a part of one is finished later; of what comes behind it nothing was
/// written, and the host keeps it.
void console::answer(batch& records, const output::result& result) {
  const std::size_t written = result.written;
  if (written != 0) cut_ = text_[written - 1] != '\n';
  if (result.error != 0) {
    told_of(result.error);
    for (const line& each : lines_)
      if (each.end > written) records.fail(*each.from);
    return;
  }
  failing_ = false;
  std::size_t begin = 0;
  for (const line& each : lines_) {
    if (each.end > written && begin < written) {
      records.pending(*each.from);
      rest_.assign(text_, written, each.end - written);
      rest_call_ = records.call();
    } else if (each.end > written) {
      records.give_back(*each.from);
    }
    begin = each.end;
  }
  full_ = written < text_.size();
  if (full_) host_.wake_at(records.now() + retry_interval);
}

void console::finish_rest(time_point now) {
  if (rest_.empty()) return;
  const output::result result = output_.write(rest_);
  rest_.erase(0, result.written);
  full_ = result.error == 0 && !rest_.empty();
  if (full_) return host_.wake_at(now + retry_interval);

  cut_ = !rest_.empty();
  rest_.clear();
  sluice_outcome outcome{};
  outcome.result = cut_ ? SLUICE_PUBLISH_FAILED : SLUICE_PUBLISHED;
  outcome.cause = cut_ ? SLUICE_CAUSE_CONNECTION : SLUICE_CAUSE_NONE;
  outcome.count = 1;
  outcome.call = rest_call_;
  outcome.written_ns = outcome.done_ns = now.time_since_epoch().count();
  outcome.receivers = 1;
  if (result.error != 0) told_of(result.error);
  host_.report(outcome);
}

void console::on_timer(time_point now) {
  full_ = false;
  finish_rest(now);
}

bool console::drain(time_point) {
  finish_rest(host_.now());
  return rest_.empty();
}

void console::told_of(int error) {
  if (std::exchange(failing_, true)) return;
  host_.alert("write_failed", std::strerror(error));
  host_.error(std::string{"cannot write: "} + std::strerror(error) + "; records fail until it can");
}

}  // namespace sluice::console

SLUICE_PLUGIN(sluice::console::console);
