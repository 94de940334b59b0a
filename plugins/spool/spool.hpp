// spool - keeps records in files while the sink behind it takes none, and sends them when it does.
#pragma once

#include "meters.hpp"
#include "store.hpp"

#include <sluice/ext/codec.h>
#include <sluice/stage.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::spool {

class spool {
 public:
  struct config {
    std::string directory;
    byte_size size{}, segment_size{};
    double spill_at = 0;
    std::uint32_t replay_rate{};
    sync_policy sync{};
  };
  static constexpr auto fields = sluice::fields(
      field<&config::directory>("directory",
                                "The folder of its files, made if it is not there. One spool has "
                                "it for itself.")
          .required()
          .between(1, 4'000),
      field<&config::size>("size",
                           "Most bytes of all files. What does not fit goes on to the queue.")
          .by_default("1GiB")
          .between(64 << 10, 1e15)
          .live(),
      field<&config::spill_at>("spill_at",
                               "Share of the queue behind it, its records or its bytes, from which "
                               "on records go to the files, until half of that is left.")
          .by_default("0.5")
          .between(0.001, 0.85)
          .live(),
      field<&config::replay_rate>("replay_rate",
                                  "Most records a second that are sent from the files.")
          .by_default("50000")
          .between(1, 10'000'000)
          .in_unit("records/s")
          .live(),
      field<&config::sync>("sync",
                           "When the device is made to have what was written. never: left to the "
                           "kernel, which survives a crash of the process. segment: when a file "
                           "ends. batch: before a record counts as spooled, which survives a power "
                           "cut.")
          .one_of("never|segment|batch")
          .by_default("never"),
      field<&config::segment_size>("segment_size", "A file ends at this size.")
          .by_default("16MiB")
          .between(64 << 10, 1 << 30)
          .advanced());
  static constexpr description about{
      "spool", "1.0.0", "Keeps records in files while the sink takes none, and replays them",
      SLUICE_TRANSFORM, SLUICE_CAN_ABSORB | SLUICE_CAN_EMIT};

  spool(const config& given, host to);
  static void validate(const config& given, problems& found);

  /// Throws if the folder cannot be used.
  void start();
  void process(batch& records);
  void on_timer(time_point now);
  bool drain(time_point deadline);

  void reconfigure(const config& given);
  static constexpr std::string_view state_schema{"spool/1"};
  void save(state_writer& out);
  void load(state_reader& in);

 private:
  void learn(const record& seen);
  std::uint32_t index_of(const entry& from) const;
  const std::string& schema_name(std::uint16_t number);
  std::uint16_t schema_number(std::string_view name);

  /// What waits behind the stage now; begins and ends spilling by it, and by whether `batch` fits.
  sluice_waiting look(std::span<const record> batch);
  void spill(batch& records);
  entry entry_of(const record& from, duration unix_offset);
  void replay(time_point now, const sluice_waiting& seen);
  std::uint64_t allowance(time_point now, std::uint64_t pending);
  sluice_status send(const entry& from, time_point now, duration unix_offset);
  void commit(time_point now, std::uint64_t pending, bool at_once);
  void note_loss();
  void refused(std::uint64_t records);
  void succeeded();
  void arm(time_point now);
  void publish();

  config settings_;
  host host_;
  meters meters_;
  const sluice_codecs* codecs_;
  std::optional<handed_over> before_;  ///< of the object whose place it takes
  std::string left_behind_;            ///< what start() is to tell of that object's folder
  std::optional<store> store_;         ///< from start on
  bool spilling_ = false;
  bool failing_ = false;  ///< told of, until a write succeeds
  bool armed_ = false;    ///< a step is due
  double tokens_ = 0;     ///< records that may be sent by replay_rate
  time_point replayed_at_{}, committed_at_{};
  std::optional<time_point> drain_since_;
  std::uint64_t lost_seen_ = 0;  ///< of store_->lost()
  /// Serials between commit and replay that were not sent: what is pending may begin so much
  /// before.
  std::uint64_t unsent_ = 0;
  std::vector<entry> entries_;
  std::vector<std::string> names_;  ///< of schemas, by number
  std::map<std::string, std::uint16_t, std::less<>> numbers_;
  std::vector<std::uint64_t> keys_;  ///< by index, as records came with them
  std::unordered_map<std::uint64_t, std::uint32_t> indexes_;
};

}  // namespace sluice::spool
