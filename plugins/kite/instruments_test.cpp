#include <sluice/ext/attributes.h>
#include <kite/instruments.hpp>
#include <kite/test_support.hpp>

#include <doctest/doctest.h>

using namespace sluice::kite;

namespace {
const std::string header =
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_"
    "size,"
    "instrument_type,segment,exchange\n";

std::string text_of(sluice_str from) { return {from.data, from.size}; }
}  // namespace

TEST_CASE("rows and the types they stand for") {
  const auto file = parse_instruments(
      "\xef\xbb\xbf" + header +
      "408065,1594,INFY,INFOSYS,1573.15,,0.0,0.05,1,EQ,NSE,NSE\r\n"
      "256265,1001,NIFTY 50,NIFTY 50,0,,0,0,0,EQ,INDICES,NSE\n"
      "12683010,49543,NIFTY24JUNFUT,\"NIFTY, \"\"50\"\"\",0,2024-06-27,0,0.05,25,FUT,NFO-FUT,NFO\n"
      "\n"
      "12683266,49544,NIFTY24JUN22000CE,NIFTY,0,2024-06-27,22000,0.05,25,CE,NFO-OPT,NFO");
  CHECK(file.errors.empty());
  REQUIRE(file.rows.size() == 4);
  CHECK(file.rows[0] ==
        instrument{408065, "INFY", "NSE", "NSE", "equity", 1573.15, 0, 0.05, "INFOSYS", ""});
  CHECK(file.rows[1].type == "underlying");
  CHECK(file.rows[2].type == "futures");
  CHECK(file.rows[3].type == "options");
  CHECK(file.rows[3].strike == 22000);
  CHECK(file.rows[3].name == "NIFTY");
  CHECK(file.rows[3].expiry == "2024-06-27");
}

TEST_CASE("each bad row is an error with its line, the others are read") {
  const auto file = parse_instruments(header +
                                      "1,1,A,A,0,,0,0,1,EQ,NSE,NSE\n"
                                      "x,1,B,B,0,,0,0,1,EQ,NSE,NSE\n"
                                      "3,1,C\n"
                                      "4,1,,D,0,,0,0,1,EQ,NSE,NSE\n"
                                      "5,1,E,E,much,,0,0,1,EQ,NSE,NSE\n"
                                      "1,1,F,F,0,,0,0,1,EQ,NSE,NSE\n"
                                      "7,1,\"G,G,0,,0,0,1,EQ,NSE,NSE\n"
                                      "4294967296,1,H,H,0,,0,0,1,EQ,NSE,NSE\n"
                                      "9,1,I,I,0,,0,0,1,EQ,NSE,NSE\n");
  REQUIRE(file.rows.size() == 2);
  CHECK(file.rows[1].symbol == "I");
  REQUIRE(file.errors.size() == 7);
  for (std::size_t i = 0; i < 7; ++i) CHECK(file.errors[i].line == i + 3);
  CHECK(file.errors[4].what == "instrument_token 1 was in line 2 already");
  CHECK(file.errors[3].what == "last_price is 'much': a number is allowed");
}

TEST_CASE("columns in any order; the two needed ones must be there") {
  const auto file = parse_instruments("exchange,tradingsymbol,instrument_token\nMCX,GOLD,7\n");
  REQUIRE(file.rows.size() == 1);
  CHECK(file.rows[0].exchange == "MCX");
  CHECK(parse_instruments("").errors.size() == 2);
  CHECK(parse_instruments("instrument_token\n1\n").errors[0].what ==
        "the header has no column tradingsymbol");
}

TEST_CASE("what the host is told of each token") {
  static std::vector<std::string> told;
  told.clear();
  static constexpr sluice_attributes table{
      sizeof(sluice_attributes),
      [](const sluice_host*, const sluice_str* names, std::uint32_t count,
         const sluice_key_row* rows, std::uint64_t row_count) {
        for (std::uint64_t i = 0; i < row_count; ++i) {
          std::string line = std::to_string(rows[i].key);
          for (std::uint32_t name = 0; name < count; ++name)
            line += " " + text_of(names[name]) + "=" + text_of(rows[i].values[name]);
          told.push_back(line);
        }
        return sluice_status{SLUICE_OK};
      },
      nullptr, nullptr};
  sluice_host host{};
  host.extension = [](const sluice_host*, sluice_str) -> const void* { return &table; };
  publish_attributes(&host,
                     parse_instruments(header + "1,1,INFY,INFOSYS,1,,0,0.05,1,EQ,NSE,NSE\n"
                                                "2,2,S26JAN,SENSEX,1,2026-01-29,100000.0,0.05,1,CE,"
                                                "BFO-OPT,BFO\n"
                                                "3,3,I26JAN,ITC,1,2026-01-29,412.5,0.05,1,PE,"
                                                "NFO-OPT,NFO\n")
                         .rows);
  REQUIRE(told.size() == 3);
  CHECK(told[0] ==
        "1 symbol=INFY exchange=NSE segment=NSE type=equity name=INFOSYS expiry= strike=");
  CHECK(told[1] ==
        "2 symbol=S26JAN exchange=BFO segment=BFO-OPT type=options name=SENSEX expiry=2026-01-29 "
        "strike=100000");
  CHECK(told[2].ends_with("strike=412.5"));
}

TEST_CASE("a file that is not there is an error") {
  CHECK_THROWS_WITH(load_instruments("/nonexistent/file.csv"),
                    "cannot read the instruments file /nonexistent/file.csv");
}

TEST_CASE("a recorded instruments file is read whole") {
  const std::string folder = frames_folder();
  if (folder.empty()) return;
  const auto file = load_instruments(folder + "/instruments_nse.csv");
  CHECK(file.errors.empty());
  CHECK(file.rows.size() == 99);
  CHECK(file.rows[0].symbol == "CENTRALBK-BE");
  CHECK(file.rows[0].token == 3813889);
}
