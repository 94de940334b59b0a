// kite/session.hpp - recorded sessions: what `recorder` writes and `market_simulator` replays.
//
// A file is the magic "SLUICES1", the unix time of its beginning, and entries:
//
//   u32 size of the body | u32 CRC-32 of the body | body
//
// Bodies begin with their kind. 1, a schema: u16 number, its name. 2, a record: u8 priority,
// u8 flags, u16 schema, u64 key, i64 received (ns), i64 exchange time (ns), f32 weight, payload.
// All little-endian. A file whose end is missing is read up to its last whole entry.
#pragma once

#include <sluice/abi.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kite {

/// Largest payload an entry may have.
inline constexpr std::size_t session_payload_max = 4u << 20;

/// CRC-32 (IEEE 802.3).
std::uint32_t crc32(const std::uint8_t* data, std::size_t size);

/// Does a session_writer, of any process, have this file open?
bool session_in_use(const std::string& path);

/// Writes one file. Entries are gathered by `add` and reach the file whole by `commit`; nothing is
/// written by itself. Not for two threads at once.
class session_writer {
 public:
  /// Creates the file. Throws std::system_error; an existing file is an error (EEXIST).
  session_writer(const std::string& path, std::int64_t unix_ns);
  ~session_writer();
  session_writer(const session_writer&) = delete;
  session_writer& operator=(const session_writer&) = delete;

  /// The file's number of a schema; its entry is gathered the first time. Throws std::length_error
  /// after 65,535.
  std::uint16_t schema(std::string_view name);
  /// Gathers a record. `schema`: the file's number. False: the payload is too large.
  bool add(const sluice_record& record, std::uint16_t schema);
  /// Bytes that a record with such a payload takes.
  static std::uint64_t entry_size(std::size_t payload);
  /// Bytes in the file and gathered.
  std::uint64_t size() const { return written_ + gathered_.size(); }
  /// Writes what was gathered. Throws std::system_error; the file then ends where it did before,
  /// and what was gathered is forgotten (with the schemas that were in it).
  void commit();
  /// Makes the device have it all; blocks. Throws std::system_error.
  void sync();

 private:
  /// Room for an entry with a body of `size` bytes; `seal` sets its checksum.
  std::uint8_t* begin(std::size_t size);
  void seal(std::uint8_t* body);

  int file_ = -1;
  std::uint64_t written_ = 0;
  std::vector<std::uint8_t> gathered_;
  std::vector<std::string> schemas_;
  std::size_t schemas_committed_ = 0;
};

enum class session_end : std::uint8_t {
  none,     ///< there is more
  whole,    ///< the file ended behind an entry
  torn,     ///< the last entry is cut: the recorder did not end by itself
  damaged,  ///< a checksum or a field is wrong; what comes behind it is not read
};

/// Reads one file from its beginning. Memory is bounded by the largest entry. Not for two threads
/// at once.
class session_reader {
 public:
  /// Throws std::runtime_error: not there, not readable, not a session.
  explicit session_reader(const std::string& path);

  struct entry {
    sluice_record record{};    ///< schema, index and seq are not set; data is valid until next()
    std::uint16_t schema = 0;  ///< for schema_name
  };
  /// The next record; empty at the end, which `end` explains.
  std::optional<entry> next();
  session_end end() const { return end_; }
  /// Where reading stands: behind the last good entry.
  std::uint64_t offset() const { return offset_; }
  std::int64_t unix_ns() const { return unix_ns_; }
  /// The name of a schema seen so far; numbers are 0 ... schemas() - 1.
  const std::string& schema_name(std::uint16_t number) const { return schemas_[number]; }
  std::size_t schemas() const { return schemas_.size(); }

 private:
  bool read_body();
  bool read_schema();
  bool read_record(entry& into);

  struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, closer> file_;
  std::vector<std::uint8_t> body_;
  std::vector<std::string> schemas_;
  std::uint64_t offset_ = 0;
  std::int64_t unix_ns_ = 0;
  session_end end_ = session_end::none;
};

}  // namespace sluice::kite
