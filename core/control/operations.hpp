// What a running pipeline was told to do: each command has a number and an end.
#pragma once

#include <boost/json/object.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace sluice::control {

/// How an operation ended.
struct outcome {
  bool done = false;
  std::string text;       ///< what was done, or why it was not
  std::string receipt{};  ///< of a change: what became of its stages, a JSON object
};

/// Takes commands on any thread, does them on the one that calls `run`. Remembers the last 256.
class operations {
 public:
  /// Ends an operation; once, on any thread, while the operations live.
  using finish = std::function<void(outcome)>;
  /// Begins what it is told. Throws std::runtime_error with why it cannot be done.
  using starter = std::function<void(const boost::json::object& told, finish end)>;
  /// The same for what is done when it returns: what was done.
  using doer = std::function<std::string(const boost::json::object& told)>;
  /// Told of every end. Any thread.
  using listener = std::function<void(std::uint64_t number, std::string_view name,
                                      std::string_view by, const outcome& how)>;

  /// Before the first command.
  void add_long(std::string name, std::string keys, starter begin);
  /// `keys`: for people, what the command has beside its name.
  void add(std::string name, std::string keys, doer act);
  void when_ended(listener told) { told_ = std::move(told); }
  /// Called on the thread that took a command: `run` has something to do.
  void when_taken(std::function<void()> wake) { wake_ = std::move(wake); }

  /// {"do": name, ...} of `by`, to be begun by the next `run`: its number. Throws
  /// std::runtime_error for what is no command, naming those there are. At most 64 wait.
  std::uint64_t take(std::string_view request, std::string_view by);
  /// Begins those that were taken.
  void run();

  /// One of them: {"number", "do", "by", "state": "waiting", "running", "done" or "failed",
  /// "result": null until it ended, "receipt": of a change}. Throws std::runtime_error for one that
  /// is forgotten.
  std::string one(std::uint64_t number) const;
  /// {"operations": [...]} of those numbered above `after`.
  std::string document(std::uint64_t after) const;
  /// {"commands": [{"do": ..., "keys": ...}]}.
  std::string names() const;

 private:
  struct command {
    std::string keys;
    starter begin;
  };
  struct operation {
    std::uint64_t number = 0;
    std::string name, by;
    boost::json::object told{};  ///< until it is begun
    bool begun = false, over = false;
    outcome how{};
  };

  const command& known(const boost::json::object& told, std::string& name) const;
  operation* find(std::uint64_t number);
  static boost::json::object row(const operation& of);
  void end(std::uint64_t number, outcome how);

  std::map<std::string, command, std::less<>> commands_;
  listener told_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::deque<operation> all_;
  std::uint64_t last_ = 0;
};

}  // namespace sluice::control
