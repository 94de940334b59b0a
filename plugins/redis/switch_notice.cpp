#include "switch_notice.hpp"

#include "command.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace sluice::redis {

namespace {

constexpr std::string_view channel = "+switch-master";

}  // namespace

void switch_notice::ask(const identity& as, std::string_view name, std::string& out) {
  reader_.reset();
  reason_.clear();
  name_ = name;
  asked_for_auth_ = append_auth(as, out);
  append_command({"SUBSCRIBE", channel}, out);
}

switch_notice::progress switch_notice::feed(std::span<const char> bytes) {
  if (!reader_.feed(bytes)) return fail("a reply is longer than any expected");
  progress so_far = progress::waiting;
  reply next;
  for (;;) {
    switch (reader_.next(next)) {
      case reply_reader::result::more: return so_far;
      case reply_reader::result::broken: return fail("what came is not the Redis protocol");
      case reply_reader::result::reply: break;
    }
    const progress one = answered(next);
    if (one == progress::failed) return one;
    if (one != progress::waiting) so_far = one;
  }
}

switch_notice::progress switch_notice::answered(const reply& of) {
  if (std::exchange(asked_for_auth_, false)) {
    if (of.kind != reply_kind::error) return progress::waiting;
    // Only the first word: some servers repeat a command they refuse, and with it the password.
    return fail("AUTH was answered " + std::string{first_word(of.text)});
  }
  if (of.kind == reply_kind::error) return fail(std::string{of.text});
  const auto [kind, from, message] = of.head;
  if (of.kind != reply_kind::array || from != channel)
    return fail("the answer is neither a subscription nor a message");
  return kind == "subscribe" ? progress::listening : heard(message);
}

/// "<name> <old host> <old port> <new host> <new port>"; a name may hold spaces.
switch_notice::progress switch_notice::heard(std::string_view message) {
  std::array<std::string_view, 4> words;
  for (std::size_t i = words.size(); i > 0; --i) {
    const auto space = message.rfind(' ');
    if (space == std::string_view::npos) return progress::waiting;
    words[i - 1] = message.substr(space + 1);
    message = message.substr(0, space);
  }
  const std::string_view port = words[3];
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  const bool sound = error == std::errc{} && end == port.data() + port.size() && number != 0;
  if (message != name_ || words[2].empty() || !sound) return progress::waiting;
  master_ = {std::string{words[2]}, number};
  return progress::switched;
}

switch_notice::progress switch_notice::fail(std::string reason) {
  reason_ = std::move(reason);
  return progress::failed;
}

}  // namespace sluice::redis
