// kite/instruments.hpp - the broker's instruments file (CSV), and what it says of each token.
#pragma once

#include <sluice/abi.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kite {

/// A row of the file.
struct instrument {
  std::uint32_t token = 0;
  std::string symbol;    ///< tradingsymbol
  std::string exchange;  ///< NSE, NFO, MCX, ...
  std::string segment;   ///< NSE, NFO-OPT, INDICES, ...
  std::string type;      ///< options, futures, underlying (an index), equity
  double last_price = 0;
  double strike = 0;
  double tick_size = 0;
  std::string name{};  ///< of a derivative: its underlying's (NIFTY), else the company's or its own
  std::string expiry{};  ///< of a derivative: 2026-01-29

  bool operator==(const instrument&) const = default;
};

struct instruments_error {
  std::size_t line = 0;  ///< from 1
  std::string what;
};

struct instruments_file {
  std::vector<instrument> rows;  ///< the good ones, in the file's order, every token once
  std::vector<instruments_error> errors;
};

/// Columns are found by the header's names, in any order; instrument_token and tradingsymbol must
/// be there. Takes quoted fields, CRLF and a byte order mark. A bad row becomes an error with its
/// line, the others are read. Never throws for bad input.
instruments_file parse_instruments(std::string_view csv);

/// Reads the file at `path`. Throws std::runtime_error if it cannot be read.
instruments_file load_instruments(const std::string& path);

/// Publishes symbol, exchange, segment, type, name, expiry and strike of each token as key
/// attributes, if the host has that extension; what is not known, or 0, is empty. For a source's
/// lane or constructor.
void publish_attributes(const sluice_host* host, std::span<const instrument> rows);

}  // namespace sluice::kite
