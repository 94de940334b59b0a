// recorder/recorder.hpp - a sink that writes a session for market_simulator to replay.
#pragma once

#include <sluice/ext/codec.h>
#include <kite/session.hpp>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace sluice::recorder {

enum class full_policy : std::uint32_t { rotate, stop };

class recorder {
 public:
  struct config {
    std::string path;
    byte_size max_size;
    full_policy when_full = full_policy::rotate;
    byte_size keep;
    duration sync_interval{};
  };

  static constexpr auto fields = sluice::fields(
      field<&config::path>(
          "path", "The file. One that is there with records is moved to <path>.<number> first.")
          .required()
          .between(1, 4'000),
      field<&config::max_size>("max_size", "Largest size of the file.")
          .by_default("1GiB")
          .between(64 << 10, 1e15),
      field<&config::when_full>("when_full",
                                "What to do at max_size: rotate (to <path>.<number>), or stop: "
                                "what comes after is dropped as overflow.")
          .by_default("rotate")
          .one_of("rotate|stop"),
      field<&config::keep>("keep",
                           "What older files may take in all, however many; beyond it the oldest "
                           "are deleted. At least max_size.")
          .by_default("4GiB")
          .between(64 << 10, 1e15),
      field<&config::sync_interval>("sync_interval",
                                    "How often the device is made to have it all: what a power cut "
                                    "may cost. 0s: left to the kernel until the end.")
          .by_default("5s")
          .between(0, 3'600e9));
  static constexpr description about{
      "recorder", "0.1.0", "Writes every record to a file that can be replayed.", SLUICE_SINK};

  static void validate(const config& given, problems& found);

  recorder(const config& given, host to);

  /// Throws if the file cannot be created.
  void start();
  void process(batch& records);
  void on_timer(time_point now);
  bool drain(time_point deadline);

 private:
  void make_room();
  void move_away();
  void delete_oldest();
  void open();
  bool open_again(time_point now);
  bool rotate_or_stop();
  void add(const record& which);
  void commit(batch& records);
  void told_of(const std::string& why);
  void sync();

  config settings_;
  host host_;
  const sluice_codecs* codecs_;
  std::optional<kite::session_writer> writer_;
  std::string last_moved_;
  /// Records of the batch that are in the writer and not yet in the file.
  std::array<const record*, SLUICE_BATCH_MAX> gathered_{};
  std::size_t gathered_count_ = 0;
  time_point retry_{};
  bool stopped_ = false;
  bool failing_ = false;  ///< told of, until a write succeeds
  bool dirty_ = false;    ///< written since the last sync
};

}  // namespace sluice::recorder
