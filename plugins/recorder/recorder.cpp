#include "recorder.hpp"

#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace sluice::recorder {
namespace {

constexpr duration retry_interval = std::chrono::seconds{1};

}  // namespace

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

/// Moves what is there out of the way. Throws std::filesystem::filesystem_error.
void recorder::make_room() {
  namespace files = std::filesystem;
  if (!files::exists(settings_.path)) return;
  files::remove(older(settings_.files));
  for (std::uint32_t number = settings_.files; number > 1; --number)
    if (files::exists(older(number - 1))) files::rename(older(number - 1), older(number));
  files::rename(settings_.path, older(1));
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
    host_.event("rotated", settings_.path + " begins anew, the last one is " + older(1));
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
