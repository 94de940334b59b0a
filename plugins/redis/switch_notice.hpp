// Hearing from one Sentinel that a master was replaced. No socket, no clock: bytes come in, bytes
// go out. https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ has the message.
#pragma once

#include "identity.hpp"
#include "reply_reader.hpp"

#include "url.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::redis {

class switch_notice {
 public:
  /// A new connection to a Sentinel: appends what to send, which may hold the password.
  void ask(const identity& as, std::string_view name, std::string& out);

  enum class progress : std::uint8_t {
    waiting,
    listening,  ///< from now on it is told
    switched,   ///< the master of that name is another: see master
    failed      ///< this Sentinel does not tell us: see reason
  };
  /// The last thing that the bytes say.
  progress feed(std::span<const char> bytes);

  const place& master() const { return master_; }
  const std::string& reason() const { return reason_; }

 private:
  progress answered(const reply& of);
  progress heard(std::string_view message);
  progress fail(std::string reason);

  reply_reader reader_;
  bool asked_for_auth_ = false;
  std::string name_, reason_;
  place master_;
};

}  // namespace sluice::redis
