// A batch of records as the commands that hand it over, in one buffer that is reused. Records that
// cannot go are answered.
#pragma once

#include "channel.hpp"
#include "config.hpp"
#include "publish_buffer.hpp"
#include "route.hpp"

#include <sluice/ext/codec.h>
#include <sluice/stage.hpp>

#include <array>
#include <bitset>
#include <cstdint>
#include <vector>

namespace sluice::redis_sink {

class encoder {
 public:
  encoder(const config& settings, sluice::host host);

  void set_message_max(std::uint64_t bytes);
  /// Messages are published by SPUBLISH from now on.
  void use_shards() { channels_.set_frame(0, sharded_frame()); }

  /// Answers the records that `to` does not reach and that cannot be encoded; of all others there
  /// is a command in commands(), or several.
  void encode(batch& records, const route& to);
  publish_buffer& commands() { return buffer_; }
  /// Whether record `i` of the batch is among them.
  bool holds(std::uint32_t i) const { return held_.test(i); }

 private:
  static constexpr std::uint16_t none = SLUICE_BATCH_MAX;
  /// Records of one channel, in order: `next_` leads from one to the next.
  struct group {
    std::uint32_t channel = 0;
    std::uint16_t first = none, last = none;
  };

  bool postponed(batch& records, std::uint32_t i, const route& to);
  void note_newest(batch& records);
  void encode_one(batch& records, std::uint32_t i);
  void join_group(const record& of, std::uint32_t i);
  void encode_group(batch& records, std::uint16_t first);
  std::uint64_t write_array(batch& records, std::uint16_t first, std::uint16_t& end,
                            std::uint32_t& count, char* out, std::uint64_t capacity);
  void encode_values(batch& records, std::uint16_t first, std::uint16_t end);
  encoded append(const record& of, const channel_cache::part& to, command_label label);
  void answer(batch& records, std::uint32_t i, encoded how);
  const sluice_codec* codec_of(std::uint16_t schema);
  command_label label(const channel_cache::entry& of, std::size_t part) const {
    return {of.parts[part].slot, 0, success_[part]};
  }

  sluice::host host_;
  const message_format format_;
  const grouping group_;
  const bool keeps_values_;  ///< the last part of each channel is its value's key
  std::uint64_t message_max_;
  std::vector<reply_kind> success_;  ///< of each part's command
  channel_cache channels_;
  publish_buffer buffer_;
  std::bitset<SLUICE_BATCH_MAX> held_;
  std::vector<std::uint16_t> newest_;  ///< by index: the last record of it in the batch
  std::vector<group> groups_;
  std::array<std::uint16_t, SLUICE_BATCH_MAX> next_;
  const sluice_codecs* codecs_;
  std::vector<const sluice_codec*> codec_by_schema_;
  std::vector<bool> codec_missed_;  ///< by schema: an event was written
};

}  // namespace sluice::redis_sink
