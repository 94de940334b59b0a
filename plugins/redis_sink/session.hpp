// What is said on one connection to a Redis: the greeting, which reply belongs to which command,
// what became of each call, and when an answer is overdue. No socket, no clock: bytes and times
// come in, bytes and outcomes go out.
#pragma once

#include <redis/identity.hpp>
#include <redis/reply_reader.hpp>
#include "command_frame.hpp"

#include <sluice/record.hpp>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::redis_sink {
using redis::first_word;
using redis::identity;
using redis::reply;
using redis::reply_reader;

/// Which connection of its server's one is, by what CLIENT INFO says.
struct client_mark {
  std::uint64_t id = 0;  ///< grows with each connection until the server restarts; 0: not told
  std::string address;   ///< as the server sees it
};

/// Whether a connection is only good if its peer is a master.
enum class role_check : std::uint8_t { none, master };

/// Records that end with one of these commands.
std::uint32_t records_in(std::span<const command_label> commands);

/// SLUICE_CAUSE_BUSY for an error that time heals, else SLUICE_CAUSE_REJECTED.
std::uint32_t cause_of(std::string_view error);

/// Whether a cluster's node says by it that a message was not taken and should go elsewhere, or
/// come again: MOVED, ASK, TRYAGAIN, CLUSTERDOWN.
bool redirects(std::string_view error);

class session {
 public:
  static constexpr std::uint32_t window_max = 8;

  enum class peer : std::uint8_t { single, cluster_node };

  /// Whom to tell; called from within feed and lost.
  class listener {
   public:
    virtual ~listener() = default;
    /// The end of the next `count` records of a call; in call order.
    virtual void ended(const sluice_outcome& outcome) = 0;
    /// A message was answered by an error, of this cause (cause_of). The text is the server's.
    virtual void refused(std::uint32_t cause, std::string_view error) = 0;
    /// A cluster's: the next message of this call was not taken, but may be elsewhere or later, as
    /// the error says (see redirects).
    virtual void redirected(std::uint64_t /*call*/, std::string_view /*error*/) {}
    /// The answer to a question, or the error instead of it; valid until this returns.
    virtual void told(const reply& /*answer*/) {}
  };

  explicit session(listener& owner, peer of = peer::single) : owner_{owner}, peer_{of} {}

  /// A new connection: appends the commands of the greeting to `out`, which then holds the
  /// password.
  void greet(const identity& as, role_check role, time_point now, std::string& out);

  enum class progress : std::uint8_t {
    fine,
    greeted,  ///< the greeting was accepted: publishing may begin
    refused,  ///< credentials or database were not accepted: see reason
    busy,     ///< the server is not ready for work, or not the master: see reason
    broken    ///< what came is not an answer to what was asked: see reason
  };
  /// Bytes that came. Anything but fine and greeted ends the connection.
  progress feed(std::span<const char> bytes, time_point now);
  const std::string& reason() const { return reason_; }

  /// Of this connection, once it is greeted.
  const client_mark& mark() const { return mark_; }
  /// The first number of a cluster node's version, once it is greeted; 0: not told.
  std::uint32_t major_version() const { return major_version_; }
  /// After the greeting and before any call: appends what ends another connection to this server.
  /// Its answer is told as `greeted` once more; why it was refused, if it was, is then in reason.
  void kill(const client_mark& other, time_point now, std::string& out);

  /// A call of these commands, whose first byte was written at `written`. An integer that answers
  /// one counts receivers.
  /// `asking`: an ASKING went before each.
  void published(std::uint64_t call, std::span<const command_label> commands, time_point written,
                 bool asking = false);
  /// Appends a command that is written now, whose answer is to be told. At most three questions are
  /// unanswered.
  void ask(std::initializer_list<std::string_view> words, time_point now, std::string& out);
  /// Appends a PING that is written now.
  void ping(time_point now, std::string& out);

  /// The connection is gone: every answer that is missing is unknown.
  void lost(std::uint32_t cause, std::uint64_t incident, time_point now);

  std::uint32_t in_flight() const { return in_flight_; }
  std::uint32_t unanswered() const { return in_flight_records_; }
  /// Of the messages answered since the last call: how many readers the best received one had.
  std::uint64_t take_most_receivers() { return std::exchange(most_receivers_, 0); }
  bool silent() const { return count_ == 0; }
  /// When the oldest command that has no answer was written; only if not silent().
  time_point oldest() const { return queue_[first_].written; }

 private:
  enum class command : std::uint8_t {
    auth,
    select,
    role,
    client_name,
    client_info,
    server_info,
    ping,
    client_kill,
    question,
    publish
  };
  struct expected {
    command what = command::ping;
    bool greeting = false;
    std::uint64_t call = 0;
    time_point written{};
    bool asking = false;
    std::uint32_t answered = 0;  ///< of a call's commands
  };

  void expect(const expected& what);
  progress answered(const reply& of, time_point now);
  progress greeting_answered(const reply& of);
  progress publish_answered(const reply& of, time_point now);
  progress redirected(const reply& of, time_point now);
  bool one_answered();
  void tell(sluice_outcome outcome, const expected& of, time_point now);
  void pop();
  progress fail(progress how, std::string reason);

  listener& owner_;
  const peer peer_;
  reply_reader reader_;
  // A window of calls, and at most one greeting, or a ping and three questions besides.
  std::array<expected, window_max + 7> queue_;
  std::array<std::vector<command_label>, window_max + 7> labels_;  ///< of the call there
  std::uint32_t first_ = 0, count_ = 0;
  std::uint32_t in_flight_ = 0, in_flight_records_ = 0;
  sluice_outcome worst_{};  ///< of the oldest call: of the answers to the next record's commands
  sluice_outcome piece_{};  ///< of the oldest call: records that ended alike so far
  std::uint64_t most_receivers_ = 0;
  client_mark mark_;
  std::uint32_t major_version_ = 0;
  bool asked_ = false;  ///< of a message after an ASKING: that one was answered
  std::string reason_;
};

}  // namespace sluice::redis_sink
