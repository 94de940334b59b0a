// sluice/config.hpp - configuration rows: one per key, beside the struct they fill. Part of
// stage.hpp.
//
//   struct config { sluice::duration window{}; bool strict{}; };
//   static constexpr auto fields = sluice::fields(
//       sluice::field<&config::window>("window", "Length of a window.").by_default("1s"),
//       sluice::field<&config::strict>("strict", "Refuse what is late.").by_default("false"));
//
// The host parses, defaults, checks and documents from these rows; the stage's constructor gets a
// finished, valid config. Kinds follow the member's type: bool, integers, double, std::string,
// sluice::duration, sluice::byte_size, an enum (with one_of), std::vector<std::string>,
// sluice::secret; std::optional of any of these for a key that may be absent.
#pragma once

#include <sluice/abi.h>
#include <sluice/record.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace sluice {

/// A number of bytes; "64KiB" in a file.
struct byte_size {
  std::uint64_t bytes = 0;
};

/// A secret's handle: host::read resolves it anew at each call, so a renewed token is seen.
struct secret {
  std::uint64_t handle = 0;
  explicit operator bool() const { return handle != 0; }
};

namespace detail {

template <typename Member>
constexpr std::uint32_t kind_of() {
  if constexpr (std::is_same_v<Member, bool>)
    return SLUICE_BOOLEAN;
  else if constexpr (std::is_enum_v<Member>)
    return SLUICE_CHOICE;
  else if constexpr (std::is_integral_v<Member>)
    return SLUICE_INTEGER;
  else if constexpr (std::is_floating_point_v<Member>)
    return SLUICE_NUMBER;
  else if constexpr (std::is_same_v<Member, duration>)
    return SLUICE_DURATION;
  else if constexpr (std::is_same_v<Member, byte_size>)
    return SLUICE_SIZE;
  else if constexpr (std::is_same_v<Member, std::vector<std::string>>)
    return SLUICE_STRINGS;
  else {
    static_assert(std::is_same_v<Member, std::string> || std::is_same_v<Member, secret>,
                  "a config member is a bool, integer, double, std::string, enum, "
                  "sluice::duration, sluice::byte_size, sluice::secret or vector<string>");
    return SLUICE_STRING;
  }
}

template <typename Member>
void assign(Member& member, const sluice_value& value) {
  if constexpr (std::is_same_v<Member, std::string>)
    member = std::string{view(value.string)};
  else if constexpr (std::is_same_v<Member, duration>)
    member = duration{value.integer};
  else if constexpr (std::is_same_v<Member, byte_size>)
    member.bytes = static_cast<std::uint64_t>(value.integer);
  else if constexpr (std::is_same_v<Member, secret>)
    member.handle = value.secret;
  else if constexpr (std::is_same_v<Member, std::vector<std::string>>) {
    for (std::uint64_t i = 0; i < value.list_size; ++i) member.emplace_back(view(value.list[i]));
  } else if constexpr (std::is_floating_point_v<Member>)
    member = static_cast<Member>(value.number);
  else
    member = static_cast<Member>(value.integer);
}

template <typename T>
struct member_of;
template <typename Class, typename Type>
struct member_of<Type Class::*> {
  using owner = Class;
  using type = Type;
};
template <typename T>
struct bare {
  using type = T;
};
template <typename T>
struct bare<std::optional<T>> {
  using type = T;
};

template <auto Member>
void assign_member(void* config, const sluice_value& value) {
  using owner = typename member_of<decltype(Member)>::owner;
  using type = typename member_of<decltype(Member)>::type;
  using plain = typename bare<type>::type;
  if (value.set == 0) return;
  auto& member = static_cast<owner*>(config)->*Member;
  if constexpr (std::is_same_v<type, plain>)
    assign(member, value);
  else
    assign(member.emplace(), value);
}

}  // namespace detail

/// A row under construction; see field().
struct row {
  sluice_field raw{};
  void (*assign)(void* config, const sluice_value& value) = nullptr;

  /// The default as one would write it in the file, without quotes: 1s, 64KiB, true, publish;
  /// a list as TOML: ["a", "b"].
  constexpr row by_default(std::string_view text) const {
    row copy = *this;
    copy.raw.default_text = borrow(text);
    return copy;
  }
  /// Inclusive bounds, in the kind's unit: nanoseconds, bytes, characters of a string.
  constexpr row between(double minimum, double maximum) const {
    row copy = *this;
    copy.raw.minimum = minimum;
    copy.raw.maximum = maximum;
    return copy;
  }
  constexpr row in_unit(std::string_view unit) const {
    row copy = *this;
    copy.raw.unit = borrow(unit);
    return copy;
  }
  /// The choices of an enum, "a|b|c", in the order of its values from 0.
  constexpr row one_of(std::string_view choices) const {
    row copy = *this;
    copy.raw.choices = borrow(choices);
    return copy;
  }
  /// An environment variable that overrides the file.
  constexpr row from_environment(std::string_view variable) const {
    row copy = *this;
    copy.raw.environment = borrow(variable);
    return copy;
  }
  constexpr row required() const { return flagged(SLUICE_FIELD_REQUIRED); }
  /// May be changed while the stage runs.
  constexpr row live() const { return flagged(SLUICE_FIELD_LIVE); }
  /// A file to read; a relative path in a pipeline file starts at that file's folder.
  constexpr row file() const { return flagged(SLUICE_FIELD_FILE); }
  constexpr row advanced() const { return flagged(SLUICE_FIELD_ADVANCED); }
  constexpr row deprecated() const { return flagged(SLUICE_FIELD_DEPRECATED); }

 private:
  constexpr row flagged(std::uint32_t flag) const {
    row copy = *this;
    copy.raw.flags |= flag;
    return copy;
  }
};

/// One configuration key that fills `Member`.
template <auto Member>
constexpr row field(std::string_view key, std::string_view doc) {
  using type = typename detail::bare<typename detail::member_of<decltype(Member)>::type>::type;
  row made;
  made.raw.kind = detail::kind_of<type>();
  if constexpr (std::is_same_v<type, secret>) made.raw.flags = SLUICE_FIELD_SECRET;
  made.raw.key = borrow(key);
  made.raw.doc = borrow(doc);
  if constexpr (std::is_integral_v<type>) {
    made.raw.minimum = static_cast<double>(std::numeric_limits<type>::min());
    made.raw.maximum = static_cast<double>(std::numeric_limits<type>::max());
  } else {
    made.raw.minimum = std::is_same_v<type, double> ? std::numeric_limits<double>::lowest() : 0;
    made.raw.maximum = std::numeric_limits<double>::max();
  }
  made.assign = &detail::assign_member<Member>;
  return made;
}

/// All rows of a stage.
template <typename... Rows>
constexpr std::array<row, sizeof...(Rows)> fields(const Rows&... rows) {
  return {rows...};
}

/// Messages of a stage's cross-field rules; see stage.hpp, `validate`.
class problems {
 public:
  explicit problems(sluice_text& out) : out_{out} {}
  /// `key` is the row to point at, `message` says what is wrong and what is allowed.
  void add(std::string_view key, std::string_view message) {
    append(key);
    append(": ");
    append(message);
    append("\n");
    any_ = true;
  }
  bool any() const { return any_; }

 private:
  void append(std::string_view text) {
    for (const char c : text)
      if (out_.size < out_.capacity) out_.data[out_.size++] = c;
  }
  sluice_text& out_;
  bool any_ = false;
};

}  // namespace sluice
