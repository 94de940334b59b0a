#include "master_query.hpp"

#include "command.hpp"

#include <charconv>
#include <utility>

namespace sluice::redis {

void master_query::ask(const identity& as, std::string_view name, std::string& out) {
  reader_.reset();
  reason_.clear();
  name_ = name;
  asked_for_auth_ = append_auth(as, out);
  append_command({"SENTINEL", "get-master-addr-by-name", name}, out);
}

master_query::progress master_query::feed(std::span<const char> bytes) {
  if (!reader_.feed(bytes)) return fail("a reply is longer than any expected");
  reply next;
  for (;;) {
    switch (reader_.next(next)) {
      case reply_reader::result::more: return progress::waiting;
      case reply_reader::result::broken: return fail("what came is not the Redis protocol");
      case reply_reader::result::reply: break;
    }
    const progress result = answered(next);
    if (result != progress::waiting) return result;
  }
}

master_query::progress master_query::answered(const reply& of) {
  if (std::exchange(asked_for_auth_, false)) {
    if (of.kind != reply_kind::error) return progress::waiting;
    // Only the first word: some servers repeat a command they refuse, and with it the password.
    return fail("AUTH was answered " + std::string{first_word(of.text)});
  }
  if (of.kind == reply_kind::error) return fail(std::string{of.text});
  if (of.kind == reply_kind::nil) return fail("knows no master `" + name_ + "`");
  const auto [host, port, none] = of.head;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (of.kind != reply_kind::array || of.integer != 2 || host.empty() || error != std::errc{} ||
      end != port.data() + port.size() || number == 0)
    return fail("the answer is not a host and a port");
  master_ = {std::string{host}, number};
  return progress::found;
}

master_query::progress master_query::fail(std::string reason) {
  reason_ = std::move(reason);
  return progress::failed;
}

}  // namespace sluice::redis
