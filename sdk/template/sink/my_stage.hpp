// my_stage/my_stage.hpp - a sink that writes each record as a line of JSON to a file.
#pragma once

#include <sluice/stage.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace stages {

/// A record is published when its whole line was written, and fails if it could not be.
class my_stage {
 public:
  struct config {
    std::string path;
  };

  static constexpr auto fields =
      sluice::fields(sluice::field<&config::path>("path", "The file; lines are added to it.")
                         .required()
                         .between(1, 4'000));
  static constexpr sluice::description about{"my_stage", "0.1.0",
                                             "Writes each record as a line of JSON.", SLUICE_SINK};

  /// Throws std::system_error if the file cannot be opened: the pipeline does not start.
  my_stage(const config& given, sluice::host host);
  ~my_stage();

  void process(sluice::batch& records);

 private:
  struct written_line {
    const sluice::record* from;
    std::size_t end;  ///< in text_
  };
  bool append_line(const sluice::record& from);
  bool append_members(const sluice::record& from);
  std::size_t write_text();
  void told_of(int error);

  sluice::host host_;
  const sluice_codecs* codecs_;
  std::string path_;
  int file_;
  std::string text_;                 ///< of one batch; kept for its capacity
  std::vector<written_line> lines_;  ///< of one batch
  bool cut_ = false;      ///< the file ends with a part of a line: the next begins a new one
  bool failing_ = false;  ///< told of, until a write succeeds
};

}  // namespace stages
