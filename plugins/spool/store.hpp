// spool/store.hpp - the records of a spool: a folder of segments, and how far it was replayed.
#pragma once

#include "segment.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice::spool {

/// When the device is made to have what was written.
enum class sync_policy : std::uint8_t { never, segment, batch };

/// What one object hands over to the next on the same folder, in the same process.
struct handed_over {
  std::uint64_t committed = 1, read = 1, next = 1;
};

/// A queue of records in files. For one thread; the folder is locked against other spools.
///
/// What append() took is in the kernel's hands: it survives the process, and with
/// sync_policy::batch the machine. Memory is bounded by a batch and the largest record.
class store {
 public:
  struct limits {
    std::uint64_t size_max = 1u << 30;       ///< of all segments
    std::uint64_t segment_size = 16u << 20;  ///< of one; a new one begins then
    sync_policy sync = sync_policy::never;
  };

  /// Opens or creates the folder. The end of the newest segment is cut off from the first frame
  /// that is not whole. Throws std::runtime_error or std::system_error with what is wrong: taken by
  /// another, a file of another version, no permission. `from`: as it was left, nothing is looked
  /// through, and
  /// the lock is shared with the object that left it so.
  store(std::filesystem::path folder, const limits& bounds,
        const std::optional<handed_over>& from = std::nullopt);

  /// Takes all of them, giving each its serial, or none and says why not: full, or the device's
  /// word.
  bool append(std::span<entry> entries);
  const std::string& error() const { return error_; }

  /// The oldest record not popped yet, null if there is none: the same one until pop(), and valid
  /// until then. What cannot be read any more is skipped and counted as lost.
  const entry* peek();
  void pop();
  /// The first serial that was not popped.
  std::uint64_t read_serial() const { return read_; }
  /// All before `serial` need not be kept, also if the process ends now. False: error().
  bool commit(std::uint64_t serial);
  std::uint64_t committed() const { return committed_; }

  /// Records that were not popped, and all bytes on the device.
  std::uint64_t waiting() const { return next_ - read_; }
  std::uint64_t bytes() const { return bytes_; }
  /// Since it was opened: records that were there and could not be read.
  std::uint64_t lost() const { return lost_; }
  /// What was cut off at opening.
  std::uint64_t torn_bytes() const { return torn_bytes_; }

  /// For the object that takes its place. This one can go on as well, but not both.
  handed_over hand_over();
  void set_size_max(std::uint64_t bytes) { limits_.size_max = bytes; }
  /// The device has all there is; false: error().
  bool sync();

 private:
  struct segment {
    std::uint64_t first = 0, bytes = 0;
  };

  void lock(bool share);
  void list();
  void recover();
  void cut_torn_end();
  std::optional<std::uint64_t> read_position() const;
  bool write_position(std::uint64_t serial);
  bool begin_segment();
  bool sync_ended();
  bool sync_folder() const;
  bool failed(const std::string& what);
  bool is_read(const segment& which) const { return reader_ && which.first == reader_first_; }
  std::deque<segment>::iterator segment_of(std::uint64_t serial);
  void skip_to(std::uint64_t serial);
  void remove_committed();
  void remove_front();
  std::filesystem::path path_of(const segment& which) const {
    return folder_ / segment_name(which.first);
  }

  const std::filesystem::path folder_;
  limits limits_;
  descriptor lock_, position_;
  std::deque<segment> segments_;  // by first serial; the last one is written if writer_ is there
  std::uint64_t bytes_ = 0;
  std::uint64_t committed_ = 1, read_ = 1, next_ = 1;
  std::uint64_t lost_ = 0, torn_bytes_ = 0;
  std::optional<segment_writer> writer_;
  std::optional<segment_reader> reader_;
  std::uint64_t reader_first_ = 0;
  std::vector<std::uint8_t> frames_;
  std::string error_;
};

}  // namespace sluice::spool
