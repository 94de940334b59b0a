// moneyness_filter/moneyness_filter.hpp - a transform that keeps the options near the money.
#pragma once

#include <sluice/stage.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

// [class]
/// Drops options whose strike is farther from the underlying's last price than `within` per cent.
/// All else passes, and so do the options until the underlying's first tick.
class moneyness_filter {
 public:
  struct config {
    std::string underlying;
    std::string options;
    double within = 0;
  };
  static constexpr auto fields = sluice::fields(
      sluice::field<&config::underlying>("underlying", "Symbol whose last price is the money.")
          .by_default("NIFTY 50"),
      sluice::field<&config::options>("options", "The name that its options have.")
          .by_default("NIFTY"),
      sluice::field<&config::within>("within", "Farthest strike that is kept.")
          .by_default("2")
          .between(0, 100)
          .in_unit("%")
          .live());
  static constexpr sluice::description about{"moneyness_filter", "1.0.0",
                                             "Keeps the options near the money."};

  moneyness_filter(const config& given, sluice::host host);

  void process(sluice::batch& records);
  /// `within` is live: it may change while the pipeline runs.
  void reconfigure(const config& given) { config_ = given; }
  // [/class]

 private:
  /// What a key is, worked out once.
  struct instrument {
    bool known = false;
    bool is_money = false;
    double strike = 0;  ///< 0: not one of the options
  };
  const instrument& look_up(const sluice::record& of);
  bool is_far(double strike) const;

  sluice::host host_;
  config config_;
  std::vector<instrument> instruments_;  ///< by sluice_record.index
  std::uint64_t generation_ = 0;         ///< of the attributes they were made from
  double money_ = 0;                     ///< 0: not seen yet
};

/// A price as the attribute `strike` has it, 24000 or 412.5; 0 if the text is none.
double price_in(std::string_view text);

}  // namespace stages
