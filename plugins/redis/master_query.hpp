// Asking one Sentinel where the master is. No socket, no clock: bytes come in, bytes go out.
// https://redis.io/docs/latest/develop/reference/sentinel-clients/ is the procedure.
#pragma once

#include "identity.hpp"
#include "reply_reader.hpp"

#include "url.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::redis {

class master_query {
 public:
  /// A new connection to a Sentinel: appends what to send, which may hold the password.
  void ask(const identity& as, std::string_view name, std::string& out);

  enum class progress : std::uint8_t {
    waiting,
    found,  ///< see master
    failed  ///< this Sentinel does not know, or does not talk to us: see reason
  };
  progress feed(std::span<const char> bytes);

  const place& master() const { return master_; }
  const std::string& reason() const { return reason_; }

 private:
  progress answered(const reply& of);
  progress fail(std::string reason);

  reply_reader reader_;
  bool asked_for_auth_ = false;
  std::string name_, reason_;
  place master_;
};

}  // namespace sluice::redis
