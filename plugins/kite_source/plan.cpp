#include "plan.hpp"

#include <kite/limits.hpp>
#include <kite/text.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <unordered_map>

namespace sluice::kite_source {
namespace {

bool passes(const std::vector<std::string>& filter, const std::string& value) {
  return filter.empty() || std::find(filter.begin(), filter.end(), value) != filter.end();
}

/// What a token itself says, for one that no file describes.
kite::instrument described(std::uint32_t token) {
  constexpr std::array<std::string_view, 9> exchanges{"",    "NSE", "NFO", "CDS",  "BSE",
                                                      "BFO", "BCD", "MCX", "MCXSX"};
  kite::instrument made;
  made.token = token;
  const kite::segment of = kite::segment_of(token);
  if (of == kite::segment::indices) {
    made.segment = "INDICES";
    made.type = "underlying";
  } else if (kite::known(of)) {
    made.exchange = exchanges[static_cast<std::size_t>(of)];
    if (of == kite::segment::nse || of == kite::segment::bse) {
      made.segment = made.exchange;
      made.type = "equity";
    }
  }
  return made;
}

class planner {
 public:
  planner(const selection& from, kite::instruments_file file)
      : from_{from}, file_{std::move(file)} {
    made_.file_errors = std::move(file_.errors);
    for (const kite::instrument& row : file_.rows) {
      by_token_.emplace(row.token, &row);
      if (!from.symbols.empty() || !from.watch.empty())
        by_symbol_.emplace(row.exchange + ":" + row.symbol, row.token);
    }
  }

  plan run() {
    for (const std::string& text : from_.tokens) choose("tokens", text);
    for (const std::string& text : from_.symbols) choose("symbols", text);
    filter();
    for (const std::string& text : from_.watch)
      if (const std::uint32_t token = choose("watch", text); token != 0)
        if (std::find(made_.watch.begin(), made_.watch.end(), token) == made_.watch.end())
          made_.watch.push_back(token);
    if (made_.watch.size() > watch_max)
      problem("watch", "has " + std::to_string(made_.watch.size()) +
                           " instruments; at most 100 are allowed");
    if (chosen_.empty() && problems_.empty())
      problem("instruments",
              "no instrument is chosen; give tokens, symbols, or an instruments file whose rows "
              "pass exchanges, segments and types");
    spread();
    if (!problems_.empty()) throw std::runtime_error{problems_};
    describe();
    return std::move(made_);
  }

 private:
  void problem(std::string_view key, std::string_view what) {
    if (!problems_.empty()) problems_ += '\n';
    problems_.append(key).append(": ").append(what);
  }

  /// Adds it, or sets its mode. 0: it is not known.
  std::uint32_t choose(std::string_view key, const std::string& text) {
    try {
      entry found = parse_entry(text);
      if (found.token == 0) {
        const auto at = by_symbol_.find(found.name);
        if (at == by_symbol_.end()) {
          problem(key, "'" + found.name + "' is not in " +
                           (from_.file.empty() ? "an instruments file: none is given"
                                               : "the instruments file " + from_.file));
          return 0;
        }
        found.token = at->second;
      }
      add(found.token, found.mode);
      return found.token;
    } catch (const std::invalid_argument& wrong) {
      problem(key, wrong.what());
      return 0;
    }
  }

  void add(std::uint32_t token, std::optional<kite::mode> mode) {
    const auto [at, inserted] = places_.emplace(token, chosen_.size());
    if (inserted)
      chosen_.push_back({token, mode.value_or(from_.mode)});
    else if (mode)
      chosen_[at->second].mode = *mode;
  }

  /// Rows of the file are chosen by the filters; without any, only if nothing else chooses.
  void filter() {
    const bool filtered =
        !from_.exchanges.empty() || !from_.segments.empty() || !from_.types.empty();
    if (!filtered && !(from_.tokens.empty() && from_.symbols.empty())) return;
    for (const kite::instrument& row : file_.rows)
      if (passes(from_.exchanges, row.exchange) && passes(from_.segments, row.segment) &&
          passes(from_.types, row.type))
        add(row.token, std::nullopt);
  }

  void spread() {
    const std::size_t needed = std::max<std::size_t>(
        1, (chosen_.size() + kite::instruments_per_socket - 1) / kite::instruments_per_socket);
    const std::size_t sockets =
        from_.connections ? static_cast<std::size_t>(*from_.connections) : needed;
    if (sockets < needed || needed > kite::sockets_per_key) {
      problem("instruments", std::to_string(chosen_.size()) + " instruments are chosen; " +
                                 std::to_string(kite::instruments_per_socket) +
                                 " a connection are allowed, on at most " +
                                 std::to_string(kite::sockets_per_key) + " connections");
      return;
    }
    made_.sockets.resize(std::min(sockets, std::max<std::size_t>(1, chosen_.size())));
    for (std::size_t i = 0; i < chosen_.size(); ++i)
      made_.sockets[i % made_.sockets.size()].push_back(chosen_[i]);
  }

  void describe() {
    for (const wanted& one : chosen_) {
      const auto at = by_token_.find(one.token);
      made_.known.push_back(at == by_token_.end() ? described(one.token) : *at->second);
    }
  }

  const selection& from_;
  kite::instruments_file file_;
  std::unordered_map<std::uint32_t, const kite::instrument*> by_token_;
  std::unordered_map<std::string, std::uint32_t> by_symbol_;
  std::unordered_map<std::uint32_t, std::size_t> places_;
  std::vector<wanted> chosen_;
  std::string problems_;
  plan made_;
};

}  // namespace

entry parse_entry(std::string_view text) {
  entry made;
  const std::size_t equals = text.rfind('=');
  if (equals != std::string_view::npos) {
    made.mode = kite::parse_mode(text.substr(equals + 1));
    if (!made.mode)
      throw std::invalid_argument{"'" + std::string{text} +
                                  "': behind = one of ltp, quote, full is allowed"};
  }
  const std::string_view name = text.substr(0, equals);
  made.name = name;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), made.token);
  if (error == std::errc{} && end == name.data() + name.size() && made.token != 0) return made;
  made.token = 0;
  const std::size_t colon = name.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == name.size())
    throw std::invalid_argument{
        "'" + std::string{text} +
        "' is neither an instrument token (1 to 4294967295) nor EXCHANGE:SYMBOL"};
  return made;
}

std::size_t plan::instruments() const {
  std::size_t sum = 0;
  for (const auto& socket : sockets) sum += socket.size();
  return sum;
}

plan make_plan(const selection& from, kite::instruments_file file) {
  return planner{from, std::move(file)}.run();
}

std::vector<std::string> subscribe_messages(const std::vector<wanted>& instruments) {
  std::vector<std::string> made;
  std::vector<std::uint32_t> tokens;
  for (const kite::mode mode : {kite::mode::full, kite::mode::quote, kite::mode::ltp}) {
    const auto flush = [&] {
      if (tokens.empty()) return;
      // Each batch gets its mode at once: until then the server sends it in quote mode.
      made.push_back(kite::subscribe_text(tokens));
      made.push_back(kite::mode_text(mode, tokens));
      tokens.clear();
    };
    for (const wanted& one : instruments) {
      if (one.mode != mode) continue;
      tokens.push_back(one.token);
      if (tokens.size() == kite::tokens_per_message) flush();
    }
    flush();
  }
  return made;
}

}  // namespace sluice::kite_source
