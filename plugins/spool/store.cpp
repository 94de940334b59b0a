#include "store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace sluice::spool {
namespace {

namespace files = std::filesystem;

/// Two words: the first serial to replay, and its complement, so that a torn one is seen.
using position = std::array<std::uint64_t, 2>;

descriptor open_or_create(const files::path& file) {
  descriptor made{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)};
  if (!made) throw_errno("cannot open " + file.string());
  return made;
}

/// A duplicate of another descriptor of the same file that this process has; else what it was
/// given.
descriptor other_of_this_process(descriptor given) {
  // By name: another thread may close a number that is not ours, and open it again.
  const files::path numbers = "/proc/self/fd", own = numbers / std::to_string(given.number());
  std::error_code none;  // without /proc there is no other
  for (const auto& each : files::directory_iterator{numbers, none}) {
    std::error_code gone;
    if (each.path() != own && files::equivalent(each.path(), own, gone))
      return descriptor{::fcntl(std::stoi(each.path().filename()), F_DUPFD_CLOEXEC, 0)};
  }
  return given;
}

}  // namespace

// --- opening ------------------------------------------------------------------------------------

store::store(files::path folder, const limits& bounds, const std::optional<handed_over>& from)
    : folder_{std::move(folder)}, limits_{bounds} {
  files::create_directories(folder_);
  lock(from.has_value());
  position_ = open_or_create(folder_ / "position");
  list();
  if (from) {
    committed_ = from->committed;
    read_ = from->read;
    next_ = from->next;
  } else {
    recover();
  }
}

/// A lock is the open file's, whichever descriptor names it: a duplicate of that of the object
/// before shares it.
void store::lock(bool share) {
  lock_ = open_or_create(folder_ / "lock");
  if (share) lock_ = other_of_this_process(std::move(lock_));
  if (::flock(lock_.number(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK)
    throw std::runtime_error{folder_.string() + " is in use by another spool"};
  throw_errno("cannot lock " + folder_.string());
}

void store::list() {
  for (const auto& each : files::directory_iterator{folder_}) {
    const auto first = first_of(each.path().filename().string());
    if (first) segments_.push_back({*first, each.file_size()});
  }
  std::sort(segments_.begin(), segments_.end(),
            [](const segment& one, const segment& other) { return one.first < other.first; });
  // The process ended while it made the newest: nothing was written to it.
  if (!segments_.empty() && segments_.back().bytes < segment_header_size) {
    files::remove(path_of(segments_.back()));
    segments_.pop_back();
  }
  for (const segment& each : segments_) bytes_ += each.bytes;
}

/// What is broken in the middle is skipped when its turn comes; behind what is broken at the end
/// nothing was written.
void store::recover() {
  for (const segment& each : segments_) {
    try {
      segment_reader{path_of(each), each.first};
    } catch (const broken_header&) {
    }
  }
  if (!segments_.empty()) cut_torn_end();
  committed_ = read_position().value_or(segments_.empty() ? 1 : segments_.front().first);
  next_ = std::max(next_, committed_);
  read_ = committed_;
  remove_committed();
}

void store::cut_torn_end() {
  segment& newest = segments_.back();
  std::uint64_t whole = 0;
  next_ = newest.first;
  try {
    segment_reader reader{path_of(newest), newest.first};
    while (const entry* each = reader.peek(newest.bytes)) {
      next_ = each->serial + 1;
      reader.pop();
    }
    whole = reader.offset();
  } catch (const broken_header&) {
  }
  torn_bytes_ = newest.bytes - whole;
  if (torn_bytes_ == 0) return;
  bytes_ -= torn_bytes_;
  newest.bytes = whole;
  if (whole > 0) return files::resize_file(path_of(newest), whole);
  files::remove(path_of(newest));
  segments_.pop_back();
}

std::optional<std::uint64_t> store::read_position() const {
  position seen{};
  const ssize_t size = ::pread(position_.number(), seen.data(), sizeof seen, 0);
  if (size != sizeof seen || seen[0] != ~seen[1] || seen[0] == 0) return std::nullopt;
  return seen[0];
}

bool store::write_position(std::uint64_t serial) {
  const position made{serial, ~serial};
  const std::span bytes{reinterpret_cast<const std::uint8_t*>(made.data()), sizeof made};
  return write_all(position_, bytes, 0) || failed("cannot write the position in ");
}

bool store::failed(const std::string& what) {
  const int error = errno;
  error_ = what + folder_.string() + ": " + std::strerror(error);
  return false;
}

// --- writing ------------------------------------------------------------------------------------

bool store::append(std::span<entry> entries) {
  frames_.clear();
  std::uint64_t serial = next_;
  for (entry& each : entries) {
    each.serial = serial++;
    append_frame(frames_, each);
  }
  const bool begins = !writer_ || writer_->size() + frames_.size() > limits_.segment_size;
  if (bytes_ + (begins ? segment_header_size : 0) + frames_.size() > limits_.size_max) {
    error_ = folder_.string() + " is full: " + std::to_string(bytes_) + " bytes of at most " +
             std::to_string(limits_.size_max);
    return false;
  }
  if (begins && !begin_segment()) return false;
  if (!writer_->append(frames_, limits_.sync == sync_policy::batch))
    return failed("cannot write to ");
  segments_.back().bytes = writer_->size();
  bytes_ += frames_.size();
  next_ = serial;
  return true;
}

bool store::begin_segment() {
  if (!sync_ended()) return false;
  // One that nothing is in yet is made anew.
  if (!segments_.empty() && segments_.back().first == next_) {
    if (is_read(segments_.back())) reader_.reset();
    bytes_ -= segments_.back().bytes;
    segments_.pop_back();
  }
  try {
    writer_.emplace(folder_ / segment_name(next_), next_);
  } catch (const std::system_error& error) {
    writer_.reset();
    error_ = error.what();
    return false;
  }
  segments_.push_back({next_, segment_header_size});
  bytes_ += segment_header_size;
  return limits_.sync == sync_policy::never || sync_folder() || failed("cannot sync ");
}

/// The segment that another follows.
bool store::sync_ended() { return limits_.sync == sync_policy::never || sync(); }

/// A file's name is its folder's to keep.
bool store::sync_folder() const {
  const descriptor folder{::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return folder && ::fsync(folder.number()) == 0;
}

handed_over store::hand_over() {
  // Should this object go on after all, it begins a segment of its own, and not behind what the
  // other one has written meanwhile.
  writer_.reset();
  return {committed_, read_, next_};
}

bool store::sync() { return !writer_ || writer_->sync() || failed("cannot sync "); }

// --- reading ------------------------------------------------------------------------------------

std::deque<store::segment>::iterator store::segment_of(std::uint64_t serial) {
  const auto after =
      std::upper_bound(segments_.begin(), segments_.end(), serial,
                       [](std::uint64_t value, const segment& each) { return value < each.first; });
  return after == segments_.begin() ? after : after - 1;
}

const entry* store::peek() {
  while (read_ < next_) {
    const auto in = segment_of(read_);
    if (in == segments_.end()) return skip_to(next_), nullptr;
    try {
      if (!is_read(*in)) {
        reader_.emplace(path_of(*in), in->first);
        reader_first_ = in->first;
      }
      const entry* next = reader_->peek(in->bytes);
      if (next != nullptr && next->serial < read_) {
        reader_->pop();
        continue;
      }
      if (next != nullptr) {
        skip_to(next->serial);
        return next;
      }
    } catch (const std::runtime_error& error) {
      reader_.reset();
      error_ = error.what();
    }
    // The rest of this file cannot be read; what is appended from now on begins another.
    const auto behind = in + 1;
    if (behind == segments_.end()) writer_.reset();
    skip_to(behind == segments_.end() ? next_ : std::max(behind->first, read_ + 1));
  }
  return nullptr;
}

void store::pop() {
  assert(reader_ && reader_->peeked());
  reader_->pop();
  ++read_;
}

void store::skip_to(std::uint64_t serial) {
  lost_ += serial - read_;
  read_ = serial;
}

bool store::commit(std::uint64_t serial) {
  if (serial == committed_) return true;
  if (!write_position(serial)) return false;
  committed_ = serial;
  remove_committed();
  return true;
}

void store::remove_committed() {
  while (segments_.size() > 1 && segments_[1].first <= committed_) remove_front();
  if (segments_.size() == 1 && committed_ == next_) remove_front();
}

void store::remove_front() {
  if (segments_.size() == 1) writer_.reset();
  if (is_read(segments_.front())) reader_.reset();
  std::error_code ignored;  // it is found again, and empty, at the next start
  files::remove(path_of(segments_.front()), ignored);
  bytes_ -= segments_.front().bytes;
  segments_.pop_front();
}

}  // namespace sluice::spool
