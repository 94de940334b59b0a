#include <kite/session.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>

namespace sluice::kite {
namespace {

constexpr std::string_view magic = "SLUICES1";
constexpr std::size_t head_size = 16;
constexpr std::size_t entry_head = 8;
constexpr std::uint8_t kind_schema = 1, kind_record = 2;
/// Of a record's body before its payload.
constexpr std::size_t record_head = 1 + 1 + 1 + 2 + 8 + 8 + 8 + 4;

using crc_table = std::array<std::array<std::uint32_t, 256>, 8>;

/// Eight tables: eight bytes a step.
constexpr crc_table make_crc_table() {
  crc_table table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb8'8320u : 0u);
    table[0][i] = value;
  }
  for (std::size_t step = 1; step < 8; ++step)
    for (std::size_t i = 0; i < 256; ++i)
      table[step][i] = (table[step - 1][i] >> 8) ^ table[0][table[step - 1][i] & 0xff];
  return table;
}
constexpr crc_table crc_of = make_crc_table();

template <typename Integer>
void put(std::uint8_t* at, Integer value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    at[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
}
template <typename Integer>
Integer get(const std::uint8_t* at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) value |= std::uint64_t{at[i]} << (8 * i);
  return static_cast<Integer>(value);
}

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error{errno, std::generic_category(), what};
}

/// All of it, or false with errno.
bool write_all(int file, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(file, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return true;
}

}  // namespace

std::uint32_t crc32(const std::uint8_t* data, std::size_t size) {
  std::uint32_t crc = 0xffff'ffff;
  for (; size >= 8; size -= 8, data += 8) {
    const std::uint32_t low = crc ^ get<std::uint32_t>(data);
    crc = crc_of[7][low & 0xff] ^ crc_of[6][low >> 8 & 0xff] ^ crc_of[5][low >> 16 & 0xff] ^
          crc_of[4][low >> 24] ^ crc_of[3][data[4]] ^ crc_of[2][data[5]] ^ crc_of[1][data[6]] ^
          crc_of[0][data[7]];
  }
  for (; size != 0; --size, ++data) crc = (crc >> 8) ^ crc_of[0][(crc ^ *data) & 0xff];
  return ~crc;
}

// --- writer --------------------------------------------------------------------------------------

bool session_in_use(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool taken = ::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return taken;
}

std::uint64_t session_writer::entry_size(std::size_t payload) {
  return entry_head + record_head + payload;
}

session_writer::session_writer(const std::string& path, std::int64_t unix_ns)
    : file_{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640)} {
  if (file_ < 0) fail("cannot create the session " + path);
  ::flock(file_, LOCK_EX | LOCK_NB);  // so that session_in_use sees it; freed with the file
  gathered_.resize(head_size);
  std::memcpy(gathered_.data(), magic.data(), magic.size());
  put(&gathered_[magic.size()], unix_ns);
  try {
    commit();
  } catch (...) {
    ::close(file_);
    throw;
  }
}

session_writer::~session_writer() { ::close(file_); }

std::uint8_t* session_writer::begin(std::size_t size) {
  const std::size_t at = gathered_.size();
  gathered_.resize(at + entry_head + size);
  put(&gathered_[at], static_cast<std::uint32_t>(size));
  return &gathered_[at] + entry_head;
}

void session_writer::seal(std::uint8_t* body) {
  const auto size = static_cast<std::size_t>(gathered_.data() + gathered_.size() - body);
  put(body - 4, crc32(body, size));
}

std::uint16_t session_writer::schema(std::string_view name) {
  const auto known = std::find(schemas_.begin(), schemas_.end(), name);
  const auto number = static_cast<std::size_t>(known - schemas_.begin());
  if (known != schemas_.end()) return static_cast<std::uint16_t>(number);
  if (number == 0xffff) throw std::length_error{"a session holds at most 65535 schemas"};
  schemas_.emplace_back(name);
  std::uint8_t* const body = begin(3 + name.size());
  body[0] = kind_schema;
  put(body + 1, static_cast<std::uint16_t>(number));
  std::copy(name.begin(), name.end(), body + 3);
  seal(body);
  return static_cast<std::uint16_t>(number);
}

bool session_writer::add(const sluice_record& record, std::uint16_t schema) {
  if (record.size > session_payload_max) return false;
  std::uint32_t weight = 0;
  std::memcpy(&weight, &record.weight, sizeof weight);
  std::uint8_t* const body = begin(record_head + record.size);
  body[0] = kind_record;
  body[1] = record.priority;
  body[2] = record.flags;
  put(body + 3, schema);
  put(body + 5, record.key);
  put(body + 13, record.received_ns);
  put(body + 21, record.exchange_ns);
  put(body + 29, weight);
  if (record.size != 0) std::memcpy(body + record_head, record.data, record.size);
  seal(body);
  return true;
}

void session_writer::commit() {
  const bool done = write_all(file_, gathered_);
  const int error = errno;
  const std::size_t size = gathered_.size();
  gathered_.clear();
  if (done) {
    written_ += size;
    schemas_committed_ = schemas_.size();
    return;
  }
  schemas_.resize(schemas_committed_);
  // If not even that works the reader stops at the torn entry, as after a crash.
  const bool cut = ::ftruncate(file_, static_cast<off_t>(written_)) == 0;
  errno = error;
  fail(cut ? "cannot write the session" : "cannot write the session, nor cut off the torn entry");
}

void session_writer::sync() {
  if (::fdatasync(file_) != 0) fail("cannot sync the session");
}

// --- reader --------------------------------------------------------------------------------------

session_reader::session_reader(const std::string& path) : file_{std::fopen(path.c_str(), "rbe")} {
  if (!file_)
    throw std::runtime_error{"cannot open the session " + path + ": " + std::strerror(errno)};
  std::array<std::uint8_t, head_size> head{};
  if (std::fread(head.data(), 1, head.size(), file_.get()) != head.size() ||
      std::memcmp(head.data(), magic.data(), magic.size()) != 0)
    throw std::runtime_error{path + " is not a recorded session: it does not begin with " +
                             std::string{magic}};
  unix_ns_ = get<std::int64_t>(head.data() + magic.size());
  offset_ = head_size;
}

std::optional<session_reader::entry> session_reader::next() {
  while (end_ == session_end::none && read_body()) {
    const std::uint64_t size = entry_head + body_.size();
    entry made;
    const bool is_record = body_[0] == kind_record;
    if (is_record ? !read_record(made) : !read_schema()) {
      end_ = session_end::damaged;
      break;
    }
    offset_ += size;
    if (is_record) return made;
  }
  return std::nullopt;
}

bool session_reader::read_body() {
  std::array<std::uint8_t, entry_head> head;
  const std::size_t got = std::fread(head.data(), 1, head.size(), file_.get());
  if (got != head.size()) {
    end_ = got == 0 ? session_end::whole : session_end::torn;
    return false;
  }
  const auto size = get<std::uint32_t>(head.data());
  if (size == 0 || size > record_head + session_payload_max) {
    end_ = session_end::damaged;
    return false;
  }
  body_.resize(size);
  if (std::fread(body_.data(), 1, size, file_.get()) != size) {
    end_ = session_end::torn;
    return false;
  }
  if (crc32(body_.data(), size) != get<std::uint32_t>(head.data() + 4)) {
    end_ = session_end::damaged;
    return false;
  }
  return true;
}

bool session_reader::read_schema() {
  if (body_[0] != kind_schema || body_.size() < 3) return false;
  if (get<std::uint16_t>(&body_[1]) != schemas_.size()) return false;
  schemas_.emplace_back(body_.begin() + 3, body_.end());
  return true;
}

bool session_reader::read_record(entry& into) {
  if (body_.size() < record_head) return false;
  const std::uint8_t* at = body_.data();
  sluice_record& record = into.record;
  record.priority = at[1];
  record.flags = at[2];
  into.schema = get<std::uint16_t>(at + 3);
  record.key = get<std::uint64_t>(at + 5);
  record.received_ns = get<std::int64_t>(at + 13);
  record.exchange_ns = get<std::int64_t>(at + 21);
  const auto weight = get<std::uint32_t>(at + 29);
  std::memcpy(&record.weight, &weight, sizeof weight);
  record.data = at + record_head;
  record.size = static_cast<std::uint32_t>(body_.size() - record_head);
  return into.schema < schemas_.size() && record.priority <= SLUICE_PRIORITY_LOW &&
         record.weight >= 1;
}

}  // namespace sluice::kite
