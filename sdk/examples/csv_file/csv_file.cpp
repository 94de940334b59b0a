#include "csv_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

namespace stages {
namespace {

template <typename Number>
void append_number(std::string& to, Number value) {
  char digits[32];
  to.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// Quoted only if it must be, quotes inside doubled (RFC 4180).
void append_text(std::string& to, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    to += text;
    return;
  }
  to += '"';
  for (const char c : text) to.append(c == '"' ? 2 : 1, c);
  to += '"';
}

}  // namespace

// [create]
csv_file::csv_file(const config& given, sluice::host host)
    : host_{host},
      config_{given},
      file_{::open(given.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640)} {
  if (file_ < 0) throw std::system_error{errno, std::generic_category(), "path: " + given.path};
  lines_.reserve(SLUICE_BATCH_MAX);
}
// [/create]

csv_file::~csv_file() { ::close(file_); }

// [validate]
void csv_file::validate(const config& given, sluice::problems& found) {
  if (given.columns.empty()) found.add("columns", "there is none; at least one is allowed");
  for (const std::string& column : given.columns)
    if (column.empty()) found.add("columns", "one is empty; names of fields are allowed");
}
// [/validate]

// [process]
/// One write for a batch. What is not answered counts as published.
void csv_file::process(sluice::batch& records) {
  text_.assign(cut_ ? "\n" : "");
  lines_.clear();
  for (const sluice::record& each : records) {
    if (append_line(each))
      lines_.push_back({&each, text_.size()});
    else
      records.drop(each, sluice::reason::malformed);
  }
  if (lines_.empty()) return;
  const std::size_t written = write_text();
  if (written > 0) cut_ = text_[written - 1] != '\n';
  for (const written_line& each : lines_)
    if (each.end > written) records.fail(*each.from);
}

/// What was published is in the system's hands; at the end it is on the disk, too.
bool csv_file::drain(sluice::time_point) {
  if (::fsync(file_) != 0 && errno != EINVAL) tell_once("could not be flushed", errno);
  return true;  // EINVAL: a pipe or a terminal, which have no disk
}
// [/process]

/// False, and nothing appended: the payload is malformed.
bool csv_file::append_line(const sluice::record& from) {
  const std::size_t before = text_.size();
  for (const std::string& column : config_.columns) {
    if (!append_value(from, column)) {
      text_.resize(before);
      return false;
    }
    text_ += ',';
  }
  text_.back() = '\n';
  return true;
}

// [value]
/// A column without a value stays empty. False: the payload is malformed.
bool csv_file::append_value(const sluice::record& from, const std::string& column) {
  if (column == "key") return append_number(text_, from.key), true;
  if (column == "seq") return append_number(text_, from.seq), true;
  const auto value = host_.field(from, column);
  if (!value) return false;
  switch (value->kind) {
    case SLUICE_IS_BOOLEAN: text_ += value->integer != 0 ? "true" : "false"; break;
    case SLUICE_IS_INTEGER: append_number(text_, value->integer); break;
    case SLUICE_IS_NUMBER: append_number(text_, value->number); break;
    case SLUICE_IS_STRING: append_text(text_, sluice::view(value->string)); break;
    default: append_text(text_, host_.attribute(from, column));
  }
  return true;
}
// [/value]

// [write]
/// How many bytes of text_ are in the file now. A file does not keep its writer waiting for long; a
/// sink that talks to a network must not block either, and has poll and wake (SLUICE_CAN_IO).
std::size_t csv_file::write_text() {
  std::size_t written = 0;
  while (written < text_.size()) {
    const ssize_t done = ::write(file_, text_.data() + written, text_.size() - written);
    if (done >= 0) {
      written += static_cast<std::size_t>(done);
    } else if (errno != EINTR) {
      tell_once("cannot be written, records fail", errno);
      return written;
    }
  }
  failing_ = false;
  return written;
}
// [/write]

/// Once for each time it begins to fail, not for every batch.
void csv_file::tell_once(std::string_view what, int error) {
  if (std::exchange(failing_, true)) return;
  host_.alert("write_failed", config_.path + " " + std::string{what} + ": " +
                                  std::generic_category().message(error));
}

}  // namespace stages

SLUICE_PLUGIN(stages::csv_file);
