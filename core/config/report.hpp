// Where the errors and warnings of one file are collected.
#pragma once

#include "config/document.hpp"
#include "config/load.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace sluice::config {

class report {
 public:
  explicit report(std::string file) : file_{std::move(file)} {}

  void error(place at, std::string message) {
    errors.push_back({file_, at.line, at.column, std::move(message)});
  }
  void warn(place at, std::string message) {
    warnings.push_back({file_, at.line, at.column, std::move(message)});
  }
  void environment_error(std::string_view variable, std::string message) {
    errors.push_back({environment_place(variable), 0, 0, std::move(message)});
  }
  void environment_warning(std::string_view variable, std::string message) {
    warnings.push_back({environment_place(variable), 0, 0, std::move(message)});
  }
  const std::string& file() const { return file_; }
  /// By place; what has no line comes last.
  void sort();

  std::vector<diagnostic> errors, warnings;

 private:
  static std::string environment_place(std::string_view variable) {
    return "environment: " + std::string{variable};
  }
  std::string file_;
};

}  // namespace sluice::config
