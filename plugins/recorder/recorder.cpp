#include "recorder.hpp"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

namespace sluice::recorder {
namespace {

namespace files = std::filesystem;

constexpr duration retry_interval = std::chrono::seconds{1};
constexpr std::size_t digits = 6;
constexpr std::uint32_t number_max = 999'999;

/// "<path>.000001".
std::string name_of(const std::string& path, std::uint32_t number) {
  const std::string text = std::to_string(number);
  return path + '.' + std::string(digits - text.size(), '0') + text;
}

/// Sizes of the files that were moved away, by number.
using older_files = std::map<std::uint32_t, std::uintmax_t>;

older_files older_of(const std::string& path) {
  const std::string prefix = files::path{path}.filename().string() + '.';
  older_files found;
  for (const auto& entry : files::directory_iterator{files::absolute(path).parent_path()}) {
    const std::string name = entry.path().filename().string();
    if (name.size() != prefix.size() + digits || !name.starts_with(prefix)) continue;
    const std::string_view text = std::string_view{name}.substr(prefix.size());
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
    if (error != std::errc{} || end != text.data() + digits || !entry.is_regular_file()) continue;
    found.emplace(number, entry.file_size());
  }
  return found;
}

/// A run that recorded nothing left it.
bool holds_nothing(const std::string& path) {
  if (!files::is_regular_file(path)) return false;
  if (files::file_size(path) == 0) return true;
  try {
    kite::session_reader reader{path};
    return !reader.next() && reader.end() == kite::session_end::whole;
  } catch (const std::runtime_error&) {
    return false;  // not a session
  }
}

}  // namespace

void recorder::validate(const config& given, problems& found) {
  if (given.keep.bytes < given.max_size.bytes)
    found.add("keep", "is less than max_size; allowed is at least that");
}

recorder::recorder(const config& given, host to)
    : settings_{given}, host_{to}, codecs_{to.extension<sluice_codecs>(SLUICE_EXT_CODECS)} {
  if (codecs_ == nullptr) throw std::runtime_error{"the host does not name schemas"};
}

void recorder::start() {
  if (kite::session_in_use(settings_.path))
    throw std::runtime_error{"path: " + settings_.path + " is being written by another recorder"};
  make_room();
  open();
  if (settings_.sync_interval > duration{}) host_.wake_at(host_.now() + settings_.sync_interval);
}

/// Throws std::system_error.
void recorder::make_room() {
  if (files::exists(settings_.path)) {
    if (holds_nothing(settings_.path))
      files::remove(settings_.path);
    else
      move_away();
  }
  delete_oldest();
}

/// To the number after the last: nothing is deleted for it, however often a process starts.
void recorder::move_away() {
  const older_files older = older_of(settings_.path);
  const std::uint32_t number = older.empty() ? 1 : older.rbegin()->first + 1;
  if (number > number_max)
    throw std::system_error{std::make_error_code(std::errc::file_exists),
                            "no number is left after " + name_of(settings_.path, number_max)};
  last_moved_ = name_of(settings_.path, number);
  files::rename(settings_.path, last_moved_);
}

void recorder::delete_oldest() {
  const older_files older = older_of(settings_.path);
  std::uintmax_t total = 0;
  for (const auto& [number, size] : older) total += size;
  for (const auto& [number, size] : older) {
    if (total <= settings_.keep.bytes) return;
    const std::string oldest = name_of(settings_.path, number);
    files::remove(oldest);
    total -= size;
    host_.event("deleted", oldest + ": older files took more than keep");
  }
}

void recorder::open() { writer_.emplace(settings_.path, host_.unix_time().count()); }

/// After a failed rotation: tries once a second.
bool recorder::open_again(time_point now) {
  if (writer_) return true;
  if (now < retry_) return false;
  retry_ = now + retry_interval;
  try {
    make_room();
    open();
    return true;
  } catch (const std::system_error&) {
    return false;  // told of when it began
  }
}

void recorder::process(batch& records) {
  if (!stopped_ && !open_again(records.now())) {
    for (const record& each : records) records.fail(each);
    return;
  }
  gathered_count_ = 0;
  for (const record& each : records) {
    const std::uint64_t size = kite::session_writer::entry_size(each.size);
    if (each.size > kite::session_payload_max || size > settings_.max_size.bytes / 2) {
      records.drop(each, reason::oversize);
      continue;
    }
    if (!stopped_ && writer_ && writer_->size() + size > settings_.max_size.bytes) {
      commit(records);
      if (!rotate_or_stop()) writer_.reset();
    }
    if (stopped_)
      records.drop(each, reason::overflow);
    else if (!writer_)
      records.fail(each);
    else
      add(each);
  }
  if (writer_) commit(records);
}

void recorder::add(const record& which) {
  const auto schema = writer_->schema(view(codecs_->name(host_.raw(), which.schema)));
  writer_->add(which, schema);
  gathered_[gathered_count_++] = &which;
}

void recorder::commit(batch& records) {
  if (gathered_count_ == 0) return;
  try {
    writer_->commit();
    dirty_ = true;
    if (failing_) host_.event("write_recovered", "recording to " + settings_.path + " again");
    failing_ = false;
  } catch (const std::system_error& error) {
    for (std::size_t i = 0; i < gathered_count_; ++i) records.fail(*gathered_[i]);
    told_of(error.what());
  }
  gathered_count_ = 0;
}

void recorder::told_of(const std::string& why) {
  if (std::exchange(failing_, true)) return;
  host_.alert("write_failed", why);
  host_.error(settings_.path + ": " + why + "; records fail until it can be written again");
}

/// The file is full. False: the next one could not be made.
bool recorder::rotate_or_stop() {
  sync();
  if (settings_.when_full == full_policy::stop) {
    stopped_ = true;
    host_.alert("full", settings_.path + " has reached max_size; what comes now is not recorded");
    return true;
  }
  try {
    writer_.reset();
    make_room();
    open();
    host_.event("rotated", settings_.path + " begins anew, the last one is " + last_moved_);
    return true;
  } catch (const std::system_error& error) {
    told_of(error.what());
    return false;
  }
}

void recorder::sync() {
  if (!writer_ || !std::exchange(dirty_, false)) return;
  try {
    writer_->sync();
  } catch (const std::system_error& error) {
    host_.alert("sync_failed", error.what());
    host_.error(settings_.path + ": " + error.what());
  }
}

void recorder::on_timer(time_point now) {
  sync();
  host_.wake_at(now + settings_.sync_interval);
}

bool recorder::drain(time_point) {
  sync();
  return true;
}

}  // namespace sluice::recorder

SLUICE_PLUGIN(sluice::recorder::recorder);
