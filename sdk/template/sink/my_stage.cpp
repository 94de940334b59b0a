#include "my_stage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace stages {

my_stage::my_stage(const config& given, sluice::host host)
    : host_{host},
      codecs_{host.extension<sluice_codecs>(SLUICE_EXT_CODECS)},
      path_{given.path},
      file_{::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)} {
  if (file_ < 0) throw std::system_error{errno, std::generic_category(), "path: " + path_};
  lines_.reserve(SLUICE_BATCH_MAX);
}

my_stage::~my_stage() { ::close(file_); }

/// What is not answered was published.
void my_stage::process(sluice::batch& records) {
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
  if (written != 0) cut_ = text_[written - 1] != '\n';
  for (const written_line& each : lines_)
    if (each.end > written) records.fail(*each.from);
}

/// One line; false, and nothing appended: the payload is malformed.
bool my_stage::append_line(const sluice::record& from) {
  const std::size_t before = text_.size();
  text_ += '{';
  if (!append_members(from)) {
    text_.resize(before);
    return false;
  }
  text_ += ",\"seq\":";
  text_ += std::to_string(from.seq);
  text_ += "}\n";
  return true;
}

/// What the record's schema says of its payload; of a schema that nobody explains, its key and
/// size.
bool my_stage::append_members(const sluice::record& from) {
  const sluice_codec* codec =
      codecs_ == nullptr ? nullptr : codecs_->find(host_.raw(), from.schema);
  if (codec == nullptr) {
    text_ += "\"key\":";
    text_ += std::to_string(from.key);
    text_ += ",\"size\":";
    text_ += std::to_string(from.size);
    return true;
  }
  const std::size_t before = text_.size();
  std::uint64_t capacity = codec->json_max;
  for (;;) {
    text_.resize(before + capacity);
    const std::uint64_t size = codec->write_json(&from, text_.data() + before, capacity);
    if (size <= capacity) {
      text_.resize(before + size);
      return size != 0;
    }
    capacity = size;  // it needs this much
  }
}

/// How many bytes of text_ are in the file now.
std::size_t my_stage::write_text() {
  std::size_t written = 0;
  while (written < text_.size()) {
    const ssize_t done = ::write(file_, text_.data() + written, text_.size() - written);
    if (done >= 0) {
      written += static_cast<std::size_t>(done);
    } else if (errno != EINTR) {
      told_of(errno);
      return written;
    }
  }
  failing_ = false;
  return written;
}

/// Once, not for every batch.
void my_stage::told_of(int error) {
  if (std::exchange(failing_, true)) return;
  const std::string why = std::generic_category().message(error);
  host_.alert("write_failed", path_ + ": " + why + "; records fail until it can be written");
}

}  // namespace stages

SLUICE_PLUGIN(stages::my_stage);
