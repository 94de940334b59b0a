#include "url.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace sluice::redis {
namespace {

constexpr std::string_view allowed =
    "; allowed are redis://[user:password@]host[:port][/database], rediss://... (TLS), "
    "redis+sentinel://[user:password@]host[:port][,host[:port]...]/master[/database], "
    "rediss+sentinel://... (TLS), redis+cluster://[user:password@]host[:port][,host[:port]...], "
    "rediss+cluster://... (TLS) and unix://[user:password@]/path[?db=N]";

[[noreturn]] void refuse(std::string_view what) {
  throw std::invalid_argument{std::string{what}.append(allowed)};
}

int hex(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
    const int low = high >= 0 ? hex(text[i + 2]) : -1;
    if (low < 0) refuse("user or password has a '%' that two hexadecimal digits do not follow");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

template <typename Number>
Number number(std::string_view text, Number least, std::string_view what) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least) refuse(what);
  return value;
}

std::uint32_t database(std::string_view text) {
  return number<std::uint32_t>(text, 0, "the database is not a number");
}

/// Takes "user:password@" off the front. The last '@' counts: a raw one in a password is common.
void take_userinfo(std::string_view& rest, address& into) {
  const auto at = rest.rfind('@');
  if (at == std::string_view::npos || rest.starts_with('/')) return;
  const std::string_view info = rest.substr(0, at);
  const auto colon = info.find(':');
  into.user = percent_decoded(info.substr(0, colon));
  if (colon != std::string_view::npos) into.password = percent_decoded(info.substr(colon + 1));
  rest.remove_prefix(at + 1);
}

place place_of(std::string_view text, std::uint16_t default_port) {
  place made{"", default_port};
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) refuse("the '[' of an IPv6 address is not closed");
    made.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (!text.empty() && text.front() != ':') refuse("text follows the ']' of an IPv6 address");
    port = text.empty() ? text : text.substr(1);
    if (!text.empty() && port.empty()) refuse("the port is empty");
  } else {
    const auto colon = text.find(':');
    made.host = text.substr(0, colon);
    if (colon != std::string_view::npos) {
      port = text.substr(colon + 1);
      if (port.empty()) refuse("the port is empty");
    }
  }
  if (made.host.empty()) refuse("the host is missing");
  if (made.host.find_first_of(" \t\r\n%?#") != std::string::npos)
    refuse("the host has a character that no host has");
  if (!port.empty())
    made.port = number<std::uint16_t>(port, 1, "the port is not a number from 1 to 65535");
  return made;
}

/// "?db=N" at the end; nothing else is known there.
void take_query(std::string_view& rest, address& into) {
  const auto mark = rest.rfind('?');
  if (mark == std::string_view::npos) return;
  const std::string_view query = rest.substr(mark + 1);
  if (!query.starts_with("db=")) refuse("only ?db=N may follow the place");
  into.database = database(query.substr(3));
  rest = rest.substr(0, mark);
}

std::vector<place> places_of(std::string_view hosts, std::uint16_t default_port) {
  std::vector<place> made;
  for (bool more = true; more;) {
    const auto comma = hosts.find(',');
    made.push_back(place_of(hosts.substr(0, comma), default_port));
    more = comma != std::string_view::npos;
    hosts.remove_prefix(more ? comma + 1 : hosts.size());
  }
  return made;
}

/// "host,host/master" off the front.
void take_sentinels(std::string_view& rest, address& into) {
  const std::string_view hosts = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(hosts.size() + 1, rest.size()));
  into.master = rest.substr(0, rest.find('/'));
  rest.remove_prefix(into.master.size());
  if (into.master.empty()) refuse("the name of the sentinels' master is missing");
  into.sentinels = places_of(hosts, 26379);
}

}  // namespace

address parse_url(std::string_view url) {
  address made;
  const auto mark = url.find("://");
  const std::string_view scheme = mark == std::string_view::npos ? "" : url.substr(0, mark);
  if (scheme == "redis")
    made.kind = transport_kind::tcp;
  else if (scheme == "rediss")
    made.kind = transport_kind::tls;
  else if (scheme == "redis+sentinel" || scheme == "redis+cluster")
    made.kind = transport_kind::tcp;
  else if (scheme == "rediss+sentinel" || scheme == "rediss+cluster")
    made.kind = transport_kind::tls;
  else if (scheme == "unix" || scheme == "redis+unix")
    made.kind = transport_kind::unix_socket;
  else
    refuse("is not a URL of a Redis");

  std::string_view rest = url.substr(mark + 3);
  take_userinfo(rest, made);
  take_query(rest, made);
  if (made.kind == transport_kind::unix_socket) {
    if (!rest.starts_with('/')) refuse("the path of a unix socket does not begin with '/'");
    // sockaddr_un holds 108 bytes with the terminator.
    if (rest.size() > 107) refuse("the path of a unix socket is longer than 107 bytes");
    made.path = rest;
    return made;
  }
  if (scheme.ends_with("+sentinel")) {
    take_sentinels(rest, made);
  } else {
    const std::string_view hosts = rest.substr(0, rest.find('/'));
    rest.remove_prefix(hosts.size());
    if (scheme.ends_with("+cluster") || hosts.find(',') != std::string_view::npos)
      made.seeds = places_of(hosts, 6379);
    else
      made.server = place_of(hosts, 6379);
  }
  if (rest.size() > 1) {
    if (made.database) refuse("the database is given twice");
    made.database = database(rest.substr(1));
  }
  if (!made.seeds.empty() && made.database.value_or(0) != 0)
    refuse("a cluster has no database but 0");
  return made;
}

std::string text_of(const place& of) {
  const bool v6 = of.host.find(':') != std::string::npos;
  return (v6 ? '[' + of.host + ']' : of.host) + ':' + std::to_string(of.port);
}

std::string masked(const address& of) {
  std::string text;
  if (of.kind == transport_kind::unix_socket) {
    text = "unix://" + of.path;
    if (of.database) text += "?db=" + std::to_string(*of.database);
    return text;
  }
  text = of.kind == transport_kind::tls ? "rediss" : "redis";
  const auto list = [&](const std::vector<place>& places) {
    for (const place& each : places) text.append(text_of(each)).append(",");
    text.pop_back();
  };
  if (!of.seeds.empty()) {
    text += "+cluster://";
    list(of.seeds);
  } else if (!of.sentinels.empty()) {
    text += "+sentinel://";
    list(of.sentinels);
    text += '/' + of.master;
  } else {
    text += "://" + text_of(of.server);
  }
  if (of.database) text += '/' + std::to_string(*of.database);
  return text;
}

}  // namespace sluice::redis
