// [stage]
#include <sluice/stage.hpp>

class every_nth {
 public:
  struct config {
    std::uint32_t n{};
  };
  static constexpr sluice::description about{
      .name = "every_nth", .version = "1.0.0", .summary = "Keeps every n-th record of each key."};
  static constexpr auto fields = sluice::fields(
      sluice::field<&config::n>("n", "One of how many is kept.").by_default("2").between(1, 1000));

  every_nth(const config& given, sluice::host) : n_{given.n} {}

  void process(sluice::batch& batch) {
    for (sluice::record& record : batch) {
      if (record.priority == SLUICE_PRIORITY_HIGH) continue;  // never dropped by policy
      if (record.seq % n_ != 0)
        batch.drop(record, sluice::reason::sampled);
      else
        record.weight *= static_cast<float>(n_);
    }
  }

 private:
  std::uint32_t n_;
};
SLUICE_PLUGIN(every_nth);
// [/stage]
