#include "codec.hpp"

#include <sluice/record.hpp>

#include <cstdint>
#include <cstring>
#include <string>

namespace sluice::redis_stream_source {
namespace {

/// Bytes of the UTF-8 character that `rest` begins with; 0: it begins with none (RFC 3629).
std::size_t character(std::string_view rest) {
  const auto byte = [&](std::size_t i) {
    return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0u;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  // What follows the first byte excludes overlong forms, surrogates and all above U+10FFFF.
  const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (first < 0xC2 || first > 0xF4 || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < size; ++i)
    if ((byte(i) & 0xC0u) != 0x80) return 0;
  return size;
}

/// As sluice_codec's: what does not fit is counted, not written.
class writer {
 public:
  writer(char* out, std::uint64_t capacity) : out_{out}, capacity_{capacity} {}
  void put(std::string_view text) {
    if (size_ + text.size() <= capacity_) std::memcpy(out_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  std::uint64_t size() const { return size_; }

 private:
  char* out_;
  std::uint64_t capacity_, size_ = 0;
};

std::string_view payload(const sluice_record* of) {
  return {reinterpret_cast<const char*>(of->data), of->size};
}

std::uint64_t write_entry(const sluice_record* of, char* out, std::uint64_t capacity) {
  writer to{out, capacity};
  to.put("\"data\":\"");
  for (std::string_view rest = payload(of); !rest.empty();) {
    const std::size_t size = character(rest);
    if (size == 0) return 0;
    const unsigned char c = static_cast<unsigned char>(rest[0]);
    if (c == '"' || c == '\\') {
      to.put("\\");
      to.put(rest.substr(0, 1));
    } else if (c < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      to.put("\\u00");
      to.put(digits.substr(c >> 4, 1));
      to.put(digits.substr(c & 15, 1));
    } else {
      to.put(rest.substr(0, size));
    }
    rest.remove_prefix(size);
  }
  to.put("\"");
  return to.size();
}

sluice_status read_entry(const sluice_record* of, sluice_str name, sluice_scalar* out) {
  *out = {};
  for (std::string_view rest = payload(of); !rest.empty(); rest.remove_prefix(character(rest)))
    if (character(rest) == 0) return SLUICE_FAILED;
  if (view(name) != "data") return SLUICE_OK;
  out->kind = SLUICE_IS_STRING;
  out->string = borrow(payload(of));
  return SLUICE_OK;
}

}  // namespace

constinit const sluice_codec entry_codec{sizeof(sluice_codec),
                                         512,
                                         {entry_schema.data(), entry_schema.size()},
                                         &write_entry,
                                         &read_entry};

}  // namespace sluice::redis_stream_source
