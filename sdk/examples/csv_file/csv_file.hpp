// csv_file/csv_file.hpp - a sink that writes each record as a line of comma-separated values.
#pragma once

#include <sluice/stage.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

// [class]
/// A record is published when the system has taken its whole line, and fails if it has not.
class csv_file {
 public:
  struct config {
    std::string path;
    std::vector<std::string> columns;
  };
  static constexpr auto fields = sluice::fields(
      sluice::field<&config::path>("path", "The file; lines are added to it.")
          .required()
          .between(1, 4'000),
      sluice::field<&config::columns>(
          "columns", "key, seq, fields of the record, or attributes of its key, as symbol.")
          .by_default(R"(["key", "seq"])"));
  static constexpr sluice::description about{
      "csv_file", "1.0.0", "Writes records as comma-separated values.", SLUICE_SINK};

  /// Throws if the file cannot be opened: the pipeline does not start.
  csv_file(const config& given, sluice::host host);
  ~csv_file();

  static void validate(const config& given, sluice::problems& found);
  void process(sluice::batch& records);
  bool drain(sluice::time_point deadline);
  // [/class]

 private:
  struct written_line {
    const sluice::record* from;
    std::size_t end;  ///< in text_
  };
  bool append_line(const sluice::record& from);
  bool append_value(const sluice::record& from, const std::string& column);
  std::size_t write_text();
  void tell_once(std::string_view what, int error);

  sluice::host host_;
  config config_;
  int file_;
  std::string text_;                 ///< of one batch; kept for its capacity
  std::vector<written_line> lines_;  ///< of one batch
  bool cut_ = false;      ///< the file ends with a part of a line: the next begins a new one
  bool failing_ = false;  ///< told of, until a write succeeds
};

}  // namespace stages
