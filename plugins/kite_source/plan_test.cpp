#include "plan.hpp"

#include "token_set.hpp"

#include <kite/limits.hpp>
#include <kite/text.hpp>

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>

namespace sluice::kite_source::plan_test {
namespace {

constexpr std::string_view csv =
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,"
    "lot_size,instrument_type,segment,exchange\n"
    "408065,1594,INFY,INFOSYS,0,,0,0.05,1,EQ,NSE,NSE\n"
    "256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE\n"
    "12345602,48225,NIFTY26JAN24000CE,NIFTY,0,2026-01-29,24000,0.05,75,CE,NFO-OPT,NFO\n"
    "12345858,48226,NIFTY26JANFUT,NIFTY,0,2026-01-29,0,0.05,75,FUT,NFO-FUT,NFO\n";

std::string problems_of(const selection& from, std::string_view file = "") {
  try {
    make_plan(from, file.empty() ? kite::instruments_file{} : kite::parse_instruments(file));
  } catch (const std::runtime_error& wrong) {
    return wrong.what();
  }
  return "";
}

selection of_tokens(std::size_t count) {
  selection from;
  for (std::size_t i = 1; i <= count; ++i) from.tokens.push_back(std::to_string(i * 256 + 1));
  return from;
}

TEST_CASE("entries are tokens or symbols, with a mode behind =") {
  CHECK(parse_entry("408065").token == 408'065);
  CHECK_FALSE(parse_entry("408065").mode);
  CHECK(parse_entry("408065=ltp").mode == kite::mode::ltp);
  CHECK(parse_entry("NSE:NIFTY 50=quote").name == "NSE:NIFTY 50");
  CHECK(parse_entry("NSE:M&M").token == 0);
  for (const char* wrong :
       {"", "0", "-1", "4294967296", "INFY", ":INFY", "NSE:", "408065=", "408065=all", "408065x"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_entry(wrong), std::invalid_argument);
  }
}

TEST_CASE("tokens without a file are described by themselves") {
  selection from;
  from.tokens = {"408065", "256265=ltp", "12345602", "408065"};
  from.mode = kite::mode::quote;
  const plan made = make_plan(from, {});
  REQUIRE(made.sockets.size() == 1);
  CHECK(made.sockets[0] == std::vector<wanted>{{408'065, kite::mode::quote},
                                               {256'265, kite::mode::ltp},
                                               {12'345'602, kite::mode::quote}});
  CHECK(made.known[0].exchange == "NSE");
  CHECK(made.known[0].type == "equity");
  CHECK(made.known[1].type == "underlying");
  CHECK(made.known[2].exchange == "NFO");
  CHECK(made.known[2].type.empty());
}

TEST_CASE("symbols are looked up in the file, and its rows describe tokens") {
  selection from;
  from.file = "instruments.csv";
  from.symbols = {"NSE:NIFTY 50=ltp", "NFO:NIFTY26JAN24000CE"};
  from.tokens = {"408065"};
  const plan made = make_plan(from, kite::parse_instruments(csv));
  CHECK(made.instruments() == 3);
  CHECK(made.known[2].type == "options");
  CHECK(made.known[2].symbol == "NIFTY26JAN24000CE");
  from.symbols = {"NSE:INFYY"};
  CHECK(problems_of(from, csv) ==
        "symbols: 'NSE:INFYY' is not in the instruments file "
        "instruments.csv");
}

TEST_CASE("the whole file is taken when nothing else chooses, and filters choose from it") {
  selection from;
  from.file = "instruments.csv";
  CHECK(make_plan(from, kite::parse_instruments(csv)).instruments() == 4);
  from.exchanges = {"NFO"};
  from.types = {"options", "underlying"};
  CHECK(make_plan(from, kite::parse_instruments(csv)).instruments() == 1);
  from.tokens = {"408065"};
  CHECK(make_plan(from, kite::parse_instruments(csv)).instruments() == 2);
  from.exchanges.clear();
  from.types.clear();
  CHECK(make_plan(from, kite::parse_instruments(csv)).instruments() == 1);
}

TEST_CASE("what is watched is subscribed, at most 100") {
  selection from = of_tokens(10);
  from.watch = {"257", "257", "513=ltp", "999937"};
  const plan made = make_plan(from, {});
  CHECK(made.watch == std::vector<std::uint32_t>{257, 513, 999'937});
  CHECK(made.instruments() == 11);
  CHECK(made.sockets[0][1].mode == kite::mode::ltp);
  from = of_tokens(101);
  from.watch = from.tokens;
  CHECK(problems_of(from) == "watch: has 101 instruments; at most 100 are allowed");
}

TEST_CASE("instruments are spread evenly over as many sockets as they need") {
  CHECK(make_plan(of_tokens(3'000), {}).sockets.size() == 1);
  const plan two = make_plan(of_tokens(3'001), {});
  REQUIRE(two.sockets.size() == 2);
  CHECK(two.sockets[0].size() == 1'501);
  CHECK(two.sockets[1].size() == 1'500);
  CHECK(make_plan(of_tokens(9'000), {}).sockets.size() == 3);
  CHECK(problems_of(of_tokens(9'001)).find("9001 instruments are chosen") != std::string::npos);

  selection from = of_tokens(10);
  from.connections = 3;
  CHECK(make_plan(from, {}).sockets.size() == 3);
  from = of_tokens(3'001);
  from.connections = 1;
  CHECK_FALSE(problems_of(from).empty());
}

TEST_CASE("every problem is told at once") {
  selection from;
  from.tokens = {"0", "408065"};
  from.symbols = {"NSE:INFY"};
  const std::string found = problems_of(from);
  CHECK(found.find("tokens: '0'") != std::string::npos);
  CHECK(found.find("symbols: 'NSE:INFY' is not in an instruments file: none is given") !=
        std::string::npos);
  CHECK(problems_of({}).starts_with("instruments: no instrument is chosen"));
}

TEST_CASE("subscriptions go out in batches, each with its mode behind it") {
  std::vector<wanted> instruments;
  for (std::uint32_t i = 1; i <= 1'201; ++i)
    instruments.push_back({i, i == 7 ? kite::mode::ltp : kite::mode::full});
  const std::vector<std::string> messages = subscribe_messages(instruments);
  REQUIRE(messages.size() == 8);
  std::set<std::uint32_t> subscribed, in_full, in_ltp;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    std::string error;
    const auto request = kite::parse_client_text(messages[i], error);
    REQUIRE(request);
    CHECK(request->tokens.size() <= kite::tokens_per_message);
    const bool subscribing = request->action == kite::client_action::subscribe;
    CHECK(subscribing == (i % 2 == 0));
    auto& into = subscribing ? subscribed : request->mode == kite::mode::full ? in_full : in_ltp;
    into.insert(request->tokens.begin(), request->tokens.end());
  }
  CHECK(subscribed.size() == 1'201);
  CHECK(in_full.size() == 1'200);
  CHECK(in_ltp == std::set<std::uint32_t>{7});
  CHECK(subscribe_messages({}).empty());
}

TEST_CASE("a token set finds what is in it and nothing else") {
  CHECK_FALSE(token_set{}.contains(1));
  std::vector<std::uint32_t> tokens;
  for (std::uint32_t i = 1; i <= 3'000; ++i) tokens.push_back(i * 256);
  tokens.push_back(256);
  const token_set set{tokens};
  CHECK(set.size() == 3'000);
  for (std::uint32_t i = 1; i <= 3'000; ++i) {
    REQUIRE(set.find(i * 256) == i - 1);
    REQUIRE_FALSE(set.contains(i * 256 + 1));
  }
  CHECK_FALSE(set.contains(0));
}

}  // namespace
}  // namespace sluice::kite_source::plan_test
