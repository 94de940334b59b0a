// Where a Redis is and as whom to talk to it, from a URL. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redis {

enum class transport_kind : std::uint8_t { tcp, tls, unix_socket };

/// Where a server listens.
struct place {
  std::string host;  ///< name or numeric address
  std::uint16_t port = 6379;
  bool operator==(const place&) const = default;
};

/// host:port, [host]:port for an IPv6 address.
std::string text_of(const place& of);

struct address {
  transport_kind kind = transport_kind::tcp;
  place server;                  ///< of one Redis; else empty
  std::vector<place> sentinels;  ///< not empty: who knows where `master` is, in the order to ask
  std::vector<place> seeds;      ///< not empty: nodes of a cluster, each of which knows the others
  std::string master;            ///< the name under which the sentinels watch it
  std::string path;              ///< of a unix socket
  std::string user, password;
  std::optional<std::uint32_t> database;
};

/// redis://[user:password@]host[:port][/database], rediss:// likewise over TLS,
/// redis+sentinel://[user:password@]host[:port][,host[:port]...]/master[/database],
/// rediss+sentinel:// likewise, TLS to the sentinels too,
/// redis+cluster://[user:password@]host[:port][,host[:port]...], rediss+cluster:// likewise;
/// several hosts make redis:// and rediss:// a cluster too, unix://[user:password@]/path[?db=N];
/// user and password are percent-decoded, and Redis's own. Throws std::invalid_argument saying what
/// is wrong and what is allowed; the message never holds a user or a password.
address parse_url(std::string_view url);

/// For people: scheme, place and database, without user and password.
std::string masked(const address& of);

}  // namespace sluice::redis
