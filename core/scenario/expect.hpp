// What a run was expected to do against what it did. Pure.
#pragma once

#include "scenario/run.hpp"
#include "scenario/scenario.hpp"

#include <string>
#include <vector>

namespace sluice::scenario {

struct verdict {
  std::string wanted;  ///< "goodput at least 0.9 of capacity, 11s to 40s"
  std::string got;     ///< "0.97"
  bool passed = false;
};

/// One for each check of each [[expect]], and for what every run must keep.
std::vector<verdict> judge(const scenario& of, const outcome& seen);

const char* level_name(std::uint32_t level);
/// When a slot begins: "12.3s".
std::string show_slot(std::size_t begin);

}  // namespace sluice::scenario
