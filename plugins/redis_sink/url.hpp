// Where a Redis is and as whom to talk to it, from a URL. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::redis_sink {

enum class transport_kind : std::uint8_t { tcp, tls, unix_socket };

struct address {
  transport_kind kind = transport_kind::tcp;
  std::string host;  ///< name or numeric address; empty for a unix socket
  std::uint16_t port = 6379;
  std::string path;  ///< of a unix socket
  std::string user, password;
  std::optional<std::uint32_t> database;
};

/// redis://[user:password@]host[:port][/database], rediss:// likewise over TLS,
/// unix://[user:password@]/path[?db=N]; user and password are percent-decoded.
/// Throws std::invalid_argument saying what is wrong and what is allowed; the message never holds
/// a user or a password.
address parse_url(std::string_view url);

/// For people: scheme, place and database, without user and password.
std::string masked(const address& of);

}  // namespace sluice::redis_sink
