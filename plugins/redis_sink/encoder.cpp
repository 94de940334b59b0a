#include "encoder.hpp"

#include "message.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace sluice::redis_sink {
namespace {

/// A group has no key that is its own, and JSON is not what a schema says of the payload.
entry_fields fields_of(const config& settings) {
  if (settings.group != grouping::none) return entry_fields::none;
  return settings.format == message_format::raw ? entry_fields::key_and_schema : entry_fields::key;
}

std::vector<channel_cache::form> forms_of(const config& settings) {
  std::vector<channel_cache::form> made;
  if (settings.mode != send_mode::stream)
    made.push_back({channel_template{settings.channel}, publish_frame()});
  if (settings.mode != send_mode::publish)
    made.push_back(
        {channel_template{settings.channel},
         stream_frame(settings.stream_length, fields_of(settings), settings.attributes)});
  if (!settings.last_value.empty())
    made.push_back({channel_template{settings.last_value}, value_frame()});
  return made;
}

std::vector<reply_kind> successes_of(const config& settings) {
  std::vector<reply_kind> made;
  if (settings.mode != send_mode::stream) made.push_back(reply_kind::integer);
  if (settings.mode != send_mode::publish) made.push_back(reply_kind::string);
  if (!settings.last_value.empty()) made.push_back(reply_kind::status);
  return made;
}

}  // namespace

encoder::encoder(const config& settings, sluice::host host)
    : host_{host},
      format_{settings.format},
      group_{settings.group},
      keeps_values_{!settings.last_value.empty()},
      message_max_{settings.message_max.bytes},
      success_{successes_of(settings)},
      channels_{forms_of(settings), host},
      buffer_{settings.message_max.bytes},
      codecs_{host.extension<sluice_codecs>(SLUICE_EXT_CODECS)} {}

void encoder::set_message_max(std::uint64_t bytes) {
  message_max_ = bytes;
  buffer_.set_message_max(bytes);
}

void encoder::encode(batch& records, const route& to) {
  buffer_.clear();
  channels_.refresh();
  held_.reset();
  groups_.clear();
  if (keeps_values_) note_newest(records);
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    if (postponed(records, i, to)) continue;
    if (group_ == grouping::none)
      encode_one(records, i);
    else
      join_group(records[i], i);
  }
  for (const group& each : groups_) encode_group(records, each.first);
}

/// Whether nobody can take it now. Who waits holds up all that is behind: not for long, but for
/// what no policy drops.
bool encoder::postponed(batch& records, std::uint32_t i, const route& to) {
  route::reach worst = route::reach::now;
  for (const auto& part : channels_.of(records[i]).parts)
    worst = std::max(worst, to.reach_of(part.slot));
  if (worst == route::reach::now) return false;
  if (worst == route::reach::later || records[i].priority == SLUICE_PRIORITY_HIGH)
    records.give_back(records[i]);
  else
    records.drop(records[i], reason::circuit_open);
  return true;
}

void encoder::note_newest(batch& records) {
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    const std::uint32_t index = records[i].index;
    if (index >= newest_.size()) newest_.resize(index + 1);
    newest_[index] = static_cast<std::uint16_t>(i);
  }
}

void encoder::encode_one(batch& records, std::uint32_t i) {
  const record& of = records[i];
  const channel_cache::entry& channel = channels_.of(of);
  const encoded got = append(of, channel.parts[0], label(channel, 0));
  if (got != encoded::ok) return answer(records, i, got);
  const std::size_t streams = channel.parts.size() - (keeps_values_ ? 1 : 0);
  const bool newest = keeps_values_ && newest_[of.index] == i;
  for (std::size_t part = 1; part < streams + (newest ? 1 : 0); ++part)
    buffer_.repeat(channel.parts[part].prefix, label(channel, part));
  buffer_.last_label().ends = 1;
  held_.set(i);
}

encoded encoder::append(const record& of, const channel_cache::part& to, command_label label) {
  if (format_ == message_format::raw)
    return buffer_.append(
        to.prefix, of.size,
        [&](char* out, std::uint64_t capacity) { return write_raw_message(of, out, capacity); },
        label);
  const sluice_codec* codec = codec_of(of.schema);
  if (codec == nullptr) return encoded::malformed;
  return buffer_.append(
      to.prefix, codec->json_max,
      [&](char* out, std::uint64_t capacity) {
        return write_json_message(of, *codec, out, capacity);
      },
      label);
}

void encoder::answer(batch& records, std::uint32_t i, encoded how) {
  records.drop(records[i], how == encoded::oversize ? reason::oversize : reason::malformed);
}

// --- groups -------------------------------------------------------------------------------------

void encoder::join_group(const record& of, std::uint32_t i) {
  const auto position = static_cast<std::uint16_t>(i);
  const std::uint32_t channel = channels_.of(of).channel;
  next_[i] = none;
  for (group& each : groups_) {
    if (each.channel != channel) continue;
    next_[each.last] = position;
    each.last = position;
    return;
  }
  groups_.push_back({channel, position, position});
}

/// A message, or as many as `message_max` makes necessary: "[{...},{...}]".
void encoder::encode_group(batch& records, std::uint16_t first) {
  while (first != none) {
    std::uint16_t end = none;
    std::uint32_t count = 0;
    const channel_cache::entry& channel = channels_.of(records[first]);
    const encoded got = buffer_.append(
        channel.parts[0].prefix, message_max_,
        [&](char* out, std::uint64_t capacity) {
          return write_array(records, first, end, count, out, capacity);
        },
        label(channel, 0));
    if (got != encoded::ok) return;  // all were answered
    const std::size_t streams = channel.parts.size() - (keeps_values_ ? 1 : 0);
    for (std::size_t part = 1; part < streams; ++part)
      buffer_.repeat(channel.parts[part].prefix, label(channel, part));
    if (keeps_values_) encode_values(records, first, end);
    buffer_.last_label().ends = static_cast<std::uint16_t>(count);
    first = end;
  }
}

/// As publish_buffer's renderer: `count` records from `first` on, as many as fit, but those that
/// are answered because they can be in no message; `end` is the first after them.
std::uint64_t encoder::write_array(batch& records, std::uint16_t first, std::uint16_t& end,
                                   std::uint32_t& count, char* out, std::uint64_t capacity) {
  std::uint64_t at = 1;  // behind the '['
  for (end = first; end != none; end = next_[end]) {
    const record& of = records[end];
    const sluice_codec* codec = codec_of(of.schema);
    const std::uint64_t size =
        codec == nullptr ? 0 : write_json_message(of, *codec, out + at, capacity - at);
    if (size == 0) {
      answer(records, end, encoded::malformed);
    } else if (at + size + 1 <= message_max_) {
      held_.set(end);
      ++count;
      at += size;
      out[at++] = ',';
    } else if (count == 0) {
      answer(records, end, encoded::oversize);
    } else {
      break;  // it begins the next message
    }
  }
  if (count == 0) return 0;
  out[0] = '[';
  out[at - 1] = ']';
  return at;
}

/// The newest value of each key in the group.
void encoder::encode_values(batch& records, std::uint16_t first, std::uint16_t end) {
  for (std::uint16_t i = first; i != end; i = next_[i]) {
    if (!held_.test(i) || newest_[records[i].index] != i) continue;
    const channel_cache::entry& channel = channels_.of(records[i]);
    const std::size_t part = channel.parts.size() - 1;
    (void)append(records[i], channel.parts[part], label(channel, part));  // it was encoded before
  }
}

const sluice_codec* encoder::codec_of(std::uint16_t schema) {
  if (schema >= codec_by_schema_.size()) {
    codec_by_schema_.resize(schema + 1u, nullptr);
    codec_missed_.resize(schema + 1u, false);
  }
  const sluice_codec*& known = codec_by_schema_[schema];
  if (known == nullptr && codecs_ != nullptr) known = codecs_->find(host_.raw(), schema);
  if (known == nullptr && !codec_missed_[schema]) {
    codec_missed_[schema] = true;
    const std::string name{codecs_ == nullptr ? "" : view(codecs_->name(host_.raw(), schema))};
    host_.alert("codec_missing", "no plugin explains the schema " + name +
                                     ": its records are dropped as malformed; format = \"raw\" "
                                     "needs no codec");
  }
  return known;
}

}  // namespace sluice::redis_sink
