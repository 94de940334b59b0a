// What the [[swap]] and [[reload]] of a scenario make of its pipeline.
#pragma once

#include "config/load.hpp"
#include "config/report.hpp"
#include "scenario/scenario.hpp"

#include <string>
#include <vector>

namespace sluice::scenario {

/// A file that another names.
std::string beside(const std::string& file, const std::string& name);

/// Takes them one after the other, in the order of time: each begins with what those before it
/// left.
class change_reader {
 public:
  /// Changes are added to `of`; errors go to `out`, those within another file to `elsewhere`.
  change_reader(scenario& of, const config::plugin_lookup& find, config::environment variables,
                config::report& out, std::vector<config::diagnostic>& elsewhere);

  void read(const swap_spec& each, config::place at);
  void read(const reload_spec& each, config::place at);

 private:
  void add(change_spec made, const std::string& key, config::place at);
  std::uint32_t kind_of(const std::string& stage, const config::pipeline_spec& after) const;

  scenario& of_;
  const config::plugin_lookup& find_;
  const config::environment variables_;
  config::report& out_;
  std::vector<config::diagnostic>& elsewhere_;
  config::pipeline_spec now_;
};

}  // namespace sluice::scenario
