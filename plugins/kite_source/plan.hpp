// kite_source/plan.hpp - which instruments, in which mode, on which socket.
#pragma once

#include <kite/instruments.hpp>
#include <kite/packet.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kite_source {

/// What the configuration says of instruments.
struct selection {
  std::string file;  ///< the broker's instruments CSV; empty: none
  std::vector<std::string> tokens;
  std::vector<std::string> symbols;
  std::vector<std::string> exchanges, segments, types;  ///< filters on the file; empty: all
  std::vector<std::string> watch;
  kite::mode mode = kite::mode::full;
  std::optional<std::int64_t> connections;
};

/// An entry of `tokens`, `symbols` or `watch`: "408065", "NSE:INFY", either with "=ltp" behind it.
struct entry {
  std::string name;
  std::uint32_t token = 0;  ///< 0: `name` is EXCHANGE:SYMBOL
  std::optional<kite::mode> mode;
};
/// Throws std::invalid_argument saying what is wrong and what is allowed.
entry parse_entry(std::string_view text);

struct wanted {
  std::uint32_t token = 0;
  kite::mode mode = kite::mode::full;
  bool operator==(const wanted&) const = default;
};

struct plan {
  std::vector<std::vector<wanted>> sockets;  ///< at least one, no token twice
  std::vector<std::uint32_t> watch;          ///< priority 0
  std::vector<kite::instrument> known;       ///< what can be said of each token
  std::vector<kite::instruments_error> file_errors;
  std::size_t instruments() const;
};

/// Most instruments of the watch list.
inline constexpr std::size_t watch_max = 100;

/// `file` is the CSV as read, empty if there is none. Throws std::runtime_error with every problem,
/// one a line as "key: what and what is allowed".
plan make_plan(const selection& from, kite::instruments_file file);

/// The messages that subscribe a socket's instruments and set their modes, in the order to send.
std::vector<std::string> subscribe_messages(const std::vector<wanted>& instruments);

}  // namespace sluice::kite_source
