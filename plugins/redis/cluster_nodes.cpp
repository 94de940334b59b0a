#include "cluster_nodes.hpp"

#include "slot.hpp"

#include <charconv>
#include <string>

namespace sluice::redis {
namespace {

/// Takes what stands before the next `end`, or all, off the front.
std::string_view take(std::string_view& rest, char end) {
  const std::string_view word = rest.substr(0, rest.find(end));
  rest.remove_prefix(word.size() < rest.size() ? word.size() + 1 : rest.size());
  return word;
}

template <typename Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// "host:port" whose host may be an IPv6 address without brackets, or missing.
std::optional<place> place_of(std::string_view text, const place& told_by) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  const auto port = number<std::uint16_t>(text.substr(colon + 1));
  if (!port || *port == 0) return {};
  const std::string_view host = text.substr(0, colon);
  return place{host.empty() || host == "?" ? told_by.host : std::string{host}, *port};
}

bool has_flag(std::string_view flags, std::string_view wanted) {
  while (!flags.empty())
    if (take(flags, ',') == wanted) return true;
  return false;
}

/// "5461-10922" or "7"; what is in brackets is on its way.
bool take_slots(std::string_view rest, std::vector<slot_range>& into) {
  while (!rest.empty()) {
    std::string_view word = take(rest, ' ');
    if (word.empty() || word.front() == '[') continue;
    const auto first = number<std::uint16_t>(take(word, '-'));
    const auto last = word.empty() ? first : number<std::uint16_t>(word);
    if (!first || !last || *first > *last || *last >= slot_count) return false;
    into.push_back({*first, *last});
  }
  return true;
}

}  // namespace

std::optional<std::vector<cluster_node>> parse_cluster_nodes(std::string_view text,
                                                             const place& told_by) {
  std::vector<cluster_node> found;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    take(line, ' ');  // its id
    std::string_view where = take(line, ' ');
    const std::string_view flags = take(line, ' ');
    for (int i = 0; i < 5; ++i) take(line, ' ');  // master, ping, pong, epoch, link
    if (flags.empty()) return {};
    if (has_flag(flags, "noaddr") || has_flag(flags, "handshake")) continue;
    const auto at = place_of(take(where, '@'), told_by);
    if (!at) return {};
    cluster_node made{*at, has_flag(flags, "master"), has_flag(flags, "myself"), {}};
    if (!take_slots(line, made.slots)) return {};
    found.push_back(std::move(made));
  }
  if (found.empty()) return {};
  return found;
}

std::optional<place> redirection(std::string_view error, const place& told_by) {
  const std::string_view word = take(error, ' ');
  if (word != "MOVED" && word != "ASK") return {};
  if (!number<std::uint16_t>(take(error, ' '))) return {};
  return place_of(error, told_by);
}

}  // namespace sluice::redis
