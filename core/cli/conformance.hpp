// The conformance suite over one file: which case runs when, and what came of it.
#pragma once

#include "cli/verbs.hpp"
#include "conformance/suite.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace sluice::cli {

struct case_report {
  const testing::conformance::test_case* of = nullptr;
  testing::conformance::verdict came;
  std::chrono::nanoseconds took{};
};

struct file_report {
  std::filesystem::path file;
  std::string what;  ///< "my_stage 0.1.0, a transform"; empty if it cannot be loaded
  std::vector<case_report> cases;

  std::size_t count(testing::conformance::result which) const;
};

/// Each case in a process of its own, several at once. `scratch` is a folder that is there.
file_report verify_file(const std::filesystem::path& file, const verify_options& asked,
                        std::chrono::nanoseconds limit, const std::filesystem::path& scratch);

std::string as_text(const file_report& of);
std::string as_json(const std::vector<file_report>& all);

}  // namespace sluice::cli
