// A connection to the Sentinel that told where the master is, kept to hear of the next one soon.
// Only a hint: without it the change is noticed all the same, later. All times are the host's.
#pragma once

#include "switch_notice.hpp"

#include "tls.hpp"
#include "transport.hpp"

#include <sluice/stage.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace sluice::redis {

class sentinel_watch final : transport::listener {
 public:
  struct sentinel {
    transport::protocol::endpoint at;
    std::string host;  ///< as the URL has it, for its certificate
    identity as;
    std::string master;              ///< the name it watches it by
    std::optional<tls_options> tls;  ///< none: plain
  };
  /// Where the master is now; from within io_context::run.
  using hint = std::function<void(const place& master)>;

  sentinel_watch(boost::asio::io_context& io, host host, hint told);

  /// From now on to this one. A connection to it that there is stays.
  void listen(sentinel to);
  void close();
  void on_timer(time_point now);
  time_point deadline() const { return due_; }

 private:
  enum class state : std::uint8_t { closed, opening, listening, waiting };

  void opened() override;
  void received(std::span<const char> bytes) override;
  void closed(std::string_view why) override;

  void dial();

  host host_;
  const hint told_;
  transport transport_;
  sentinel to_;
  state state_ = state::closed;
  time_point due_ = never;  ///< of the end of opening, or of waiting
  switch_notice notice_;
  std::string out_;
};

}  // namespace sluice::redis
