// A pipeline of rows alone, for the tests of this folder: models take the place of its ends.
#pragma once

#include "scenario/read.hpp"

#include <sluice/stage.hpp>

#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::scenario::fakes {

struct source {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"source", "1.0.0", "A feed.", SLUICE_SOURCE, SLUICE_CAN_IO};
  static constexpr std::array<std::string_view, 1> emits{"fake.tick/1"};
  source(const config&, host) {}
};

struct sink {
  struct config {
    std::uint32_t batch = 0, window = 0;
    duration timeout{};
  };
  static constexpr auto fields =
      sluice::fields(field<&config::batch>("batch", "Records.").by_default("100").between(1, 256),
                     field<&config::window>("window", "Batches.").by_default("4").between(1, 8),
                     field<&config::timeout>("timeout", "Of a reply.").by_default("1s"));
  static constexpr description about{"sink", "1.0.0", "Takes.", SLUICE_SINK, SLUICE_CAN_IO};
  sink(const config&, host) {}
};

/// Drops every second record it sees, and keeps the order of the others.
struct halver {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"halver", "1.0.0", "Keeps half."};
  halver(const config&, host) {}
  void process(batch& records) {
    for (const record& each : records)
      if (++seen_ % 2 == 0) records.drop(each, reason::sampled);
  }
  std::uint64_t seen_ = 0;
};

/// Finds itself unfit.
struct unfit : halver {
  using halver::halver;
  static constexpr description about{"unfit", "1.0.0", "Will not."};
  void self_test() { throw std::runtime_error{"not today"}; }
};

struct service {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"service", "1.0.0", "Looks on.", SLUICE_SERVICE};
  service(const config&, host) { throw std::runtime_error{"services are left out"}; }
};

inline config::found_plugin find(std::string_view name) {
  for (const sluice_plugin* each : {&plugin_of<source>, &plugin_of<sink>, &plugin_of<halver>,
                                    &plugin_of<unfit>, &plugin_of<service>})
    if (view(each->name) == name) return {each, {}};
  throw std::runtime_error{"no plugin is called " + std::string{name}};
}

inline constexpr std::string_view stages = R"(
[[stage]]
plugin = "source"
[[stage]]
plugin = "sink"
)";

/// A scenario of `stages` and `rest`. Throws with the first error.
inline scenario made(const std::string& rest, std::string_view of = stages) {
  read_result result = read_text(rest + std::string{of}, "test.toml", &find);
  if (!result.errors.empty()) throw std::runtime_error{to_string(result.errors.front())};
  return std::move(*result.read);
}

}  // namespace sluice::scenario::fakes
