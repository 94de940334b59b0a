// console/console.hpp - a sink that writes records as lines of text.
#pragma once

#include "lines.hpp"
#include "output.hpp"

#include <sluice/stage.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::console {

enum class line_format : std::uint32_t { automatic, json, pretty };
enum class color_use : std::uint32_t { automatic, always, never };

class console {
 public:
  struct config {
    std::optional<std::string> path;
    line_format format = line_format::automatic;
    color_use color = color_use::automatic;
    std::vector<std::string> columns;
  };

  static constexpr auto fields = sluice::fields(
      field<&config::path>("path", "A file to append to. Without it: standard output.")
          .between(1, 4'000),
      field<&config::format>("format",
                             "json: one object a line. pretty: aligned columns. auto: pretty on a "
                             "terminal, else json.")
          .by_default("auto")
          .one_of("auto|json|pretty"),
      field<&config::color>("color", "Colours of pretty lines; auto: on a terminal.")
          .by_default("auto")
          .one_of("auto|always|never"),
      field<&config::columns>("columns",
                              "Fields of a pretty line; a record that has none is shown as JSON.")
          .by_default(R"(["mode", "last_price", "change", "volume_traded"])"));
  static constexpr description about{"console", "0.1.0",
                                     "Writes each record as a line of JSON, or for people.",
                                     SLUICE_SINK, SLUICE_CAN_PRINT};

  /// Throws std::runtime_error if the file cannot be opened.
  console(const config& given, host to);

  void process(batch& records);
  std::uint32_t ready(std::uint32_t queued, duration oldest);
  void on_timer(time_point now);
  bool drain(time_point deadline);

 private:
  struct line {
    const record* from;
    std::size_t end;  ///< in text_
  };
  void answer(batch& records, const output::result& result);
  void finish_rest(time_point now);
  void told_of(int error);

  host host_;
  output output_;
  bool pretty_;
  line_writer writer_;
  std::string text_;         ///< of one batch; kept for its capacity
  std::vector<line> lines_;  ///< of one batch
  std::string rest_;         ///< of a line of which a part was written
  std::uint64_t rest_call_ = 0;
  bool full_ = false;     ///< no more goes without blocking; tried again by the timer
  bool cut_ = false;      ///< the last line written is a part: the next one begins a new one
  bool failing_ = false;  ///< told of, until a write succeeds
};

}  // namespace sluice::console
