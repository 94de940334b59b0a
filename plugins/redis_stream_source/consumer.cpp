#include "consumer.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace sluice::redis_stream_source {
namespace {

using namespace std::chrono_literals;

constexpr duration look_interval = 1ms;  ///< between two questions whether all is settled
constexpr duration pause = 500ms;        ///< after a loss, before the next attempt

bool is_list(const redisReply& of) { return of.type == REDIS_REPLY_ARRAY; }
std::span<redisReply* const> items(const redisReply& of) { return {of.element, of.elements}; }
std::string_view text(const redisReply& of) {
  return of.type == REDIS_REPLY_STRING ? std::string_view{of.str, of.len} : std::string_view{};
}

/// A number stands for itself, other text for its FNV-1a hash.
std::uint64_t key_of(std::string_view name) {
  std::uint64_t number = 0;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data(), end, number);
  if (error == std::errc{} && at == end) return number;
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

std::string milliseconds(duration of) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(of).count());
}

}  // namespace

void consumer::connected() {
  asked_ = asked::nothing;
  group_known_ = false;
  stale_.clear();
  next_claim_ = {};
  keep_at_ = {};  // while we were away they may have become stale
}

bool consumer::finish() {
  finishing_ = true;
  // What is not under way was read and not handed over: it stays pending, for whoever claims it.
  if (state_ == hand::fresh || state_ == hand::pausing) entries_.clear();
  return entries_.empty() && asked_ == asked::nothing;
}

std::optional<consumer::command> consumer::next(time_point now) {
  due_ = never;
  if (!group_known_ && settings_.create_group) {
    asked_ = asked::group;
    return command{"XGROUP",        "CREATE",        settings_.stream,
                   settings_.group, settings_.start, "MKSTREAM"};
  }
  if (!entries_.empty()) return attend(now);
  if (finishing_) return std::nullopt;
  if (!stale_.empty()) {
    asked_ = asked::claim;
    return claim();
  }
  if (now >= next_claim_) {
    asked_ = asked::stale;
    next_claim_ = now + settings_.claim_idle / 2;
    return command{"XPENDING",
                   settings_.stream,
                   settings_.group,
                   "IDLE",
                   milliseconds(settings_.claim_idle),
                   "-",
                   "+",
                   std::to_string(settings_.batch)};
  }
  asked_ = asked::read;
  return command{"XREADGROUP",
                 "GROUP",
                 settings_.group,
                 settings_.name,
                 "COUNT",
                 std::to_string(settings_.batch),
                 "BLOCK",
                 milliseconds(settings_.block),
                 "STREAMS",
                 settings_.stream,
                 ">"};
}

// --- what is in hand ----------------------------------------------------------------------------

std::optional<consumer::command> consumer::attend(time_point now) {
  if (now >= keep_at_ && state_ != hand::done && state_ != hand::buried) {
    keep_at_ = now + settings_.claim_idle / 3;
    asked_ = asked::keep;
    return keep();
  }
  if (state_ == hand::pausing && now >= due_pause_) state_ = hand::fresh;
  if (state_ == hand::fresh) push(now);
  if (state_ == hand::pushed)
    if (const auto seen = to_.settled()) judge(*seen, now);
  switch (state_) {
    case hand::done:
    case hand::buried: asked_ = asked::acknowledge; return acknowledge();
    case hand::dead: asked_ = asked::bury; return bury();
    default: break;
  }
  due_ = std::min(keep_at_, state_ == hand::pausing ? due_pause_ : now + look_interval);
  return std::nullopt;
}

/// One that is alone, or all up to the next such.
std::size_t consumer::generation() const {
  std::size_t count = 1;
  if (entries_.front().alone) return count;
  while (count < entries_.size() && !entries_[count].alone) ++count;
  return count;
}

void consumer::push(time_point now) {
  const entry& first = entries_.front();
  if (first.alone && (!first.readable || first.deliveries > settings_.max_deliveries)) {
    if (!first.readable) to_.discard();
    under_way_ = 1;
    state_ = hand::dead;
    return;
  }
  // What comes the same way from elsewhere may not be counted as ours.
  const auto seen = to_.settled();
  if (!seen) return;
  before_ = *seen;
  under_way_ = generation();
  const std::vector<entry> sent(entries_.begin(),
                                entries_.begin() + static_cast<std::ptrdiff_t>(under_way_));
  state_ = hand::pushed;
  to_.push(sent);
  keep_at_ = std::max(keep_at_, now + settings_.claim_idle / 3);
}

void consumer::judge(const losses& seen, time_point now) {
  const bool lost = seen.lost != before_.lost, refused = seen.refused != before_.refused;
  if (!lost && !refused) {
    state_ = hand::done;
    return;
  }
  entry& first = entries_.front();
  if (first.alone && refused && ++first.refusals >= settings_.max_deliveries) {
    state_ = hand::dead;
    return;
  }
  // Which of several it was nobody knows: one by one from now on.
  for (std::size_t i = 0; i < under_way_; ++i) entries_[i].alone = true;
  counts_.retried += under_way_;
  state_ = lost ? hand::pausing : hand::fresh;
  due_pause_ = now + pause;
  due_ = due_pause_;
}

// --- commands -----------------------------------------------------------------------------------

consumer::command consumer::acknowledge() {
  command made{"XACK", settings_.stream, settings_.group};
  for (std::size_t i = 0; i < under_way_; ++i) made.push_back(entries_[i].id);
  return made;
}

consumer::command consumer::bury() const {
  const entry& of = entries_.front();
  const std::string delivered = std::to_string(std::max(of.deliveries, of.refusals));
  command made{"XADD",
               settings_.dead_letters,
               "*",
               "stream",
               settings_.stream,
               "id",
               of.id,
               "group",
               settings_.group,
               "data",
               of.data,
               "key",
               std::to_string(of.key),
               "schema",
               of.schema,
               "delivered",
               delivered};
  // What is one of the names above is the dead letter's.
  const auto is_taken = [&](const std::string& name) {
    for (std::size_t i = 3; i < made.size(); i += 2)
      if (made[i] == name) return true;
    return false;
  };
  for (std::size_t i = 0; i < of.attributes.size(); ++i)
    if (!of.attributes[i].empty() && !is_taken(settings_.attributes[i]))
      made.insert(made.end(), {settings_.attributes[i], of.attributes[i]});
  return made;
}

/// Ours, and heard of: nobody else claims it for a while. JUSTID counts no delivery.
consumer::command consumer::keep() const {
  command made{"XCLAIM", settings_.stream, settings_.group, settings_.name, "0"};
  for (const entry& each : entries_) made.push_back(each.id);
  made.push_back("JUSTID");
  return made;
}

/// Of two who ask at once one gets it: for the other it is no longer idle.
consumer::command consumer::claim() const {
  command made{"XCLAIM", settings_.stream, settings_.group, settings_.name,
               milliseconds(settings_.claim_idle)};
  for (const stale_entry& each : stale_) made.push_back(each.id);
  return made;
}

// --- answers ------------------------------------------------------------------------------------

std::string consumer::answered(const redisReply& reply, time_point now) {
  const asked what = std::exchange(asked_, asked::nothing);
  if (reply.type == REDIS_REPLY_ERROR) {
    const std::string_view error{reply.str, reply.len};
    if (what == asked::group && error.starts_with("BUSYGROUP")) {
      group_known_ = true;
      return {};
    }
    return std::string{error};
  }
  switch (what) {
    case asked::nothing: return "a reply came that nothing asked for";
    case asked::group: group_known_ = true; return {};
    case asked::keep: return {};
    case asked::stale: return take_stale(reply);
    case asked::claim: {
      const std::string wrong = take_entries(reply, true);
      stale_.clear();
      // There may be more.
      if (!entries_.empty()) next_claim_ = now;
      keep_at_ = now + settings_.claim_idle / 3;
      return wrong;
    }
    case asked::read: {
      keep_at_ = now + settings_.claim_idle / 3;
      if (!is_list(reply)) return {};  // none came
      for (const redisReply* stream : items(reply))
        if (is_list(*stream) && stream->elements == 2)
          if (std::string wrong = take_entries(*stream->element[1], false); !wrong.empty())
            return wrong;
      return {};
    }
    case asked::bury:
      state_ = hand::buried;
      ++counts_.buried;
      return {};
    case asked::acknowledge: break;
  }
  if (state_ == hand::done) counts_.acknowledged += under_way_;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(under_way_));
  under_way_ = 0;
  state_ = hand::fresh;
  return {};
}

/// [[id, consumer, idle, deliveries], ...]
std::string consumer::take_stale(const redisReply& reply) {
  if (!is_list(reply)) return "XPENDING was answered with something else than a list";
  for (const redisReply* item : items(reply)) {
    if (!is_list(*item) || item->elements != 4) return "XPENDING was answered with a strange entry";
    stale_.push_back({std::string{text(*item->element[0])},
                      static_cast<std::uint64_t>(item->element[3]->integer) + 1});
  }
  return {};
}

/// [[id, [field, value, ...]], ...]; nil for what the stream has no more.
std::string consumer::take_entries(const redisReply& list, bool claimed) {
  if (!is_list(list)) return "entries were expected and something else came";
  for (const redisReply* item : items(list)) {
    std::optional<entry> made = read(*item);
    if (!made) continue;
    if (claimed) {
      ++counts_.claimed;
      made->alone = true;
      for (const stale_entry& each : stale_)
        if (each.id == made->id) made->deliveries = each.deliveries;
    }
    made->alone |= !made->readable;
    entries_.push_back(std::move(*made));
  }
  return {};
}

std::optional<entry> consumer::read(const redisReply& item) const {
  if (!is_list(item) || item.elements != 2) return std::nullopt;
  entry made;
  made.id = text(*item.element[0]);
  made.readable = false;
  made.attributes.resize(settings_.attributes.size());
  const redisReply& pairs = *item.element[1];
  for (std::size_t i = 0; is_list(pairs) && i + 1 < pairs.elements; i += 2) {
    const std::string_view name = text(*pairs.element[i]), value = text(*pairs.element[i + 1]);
    if (name == settings_.key_field) {
      made.key = key_of(value);
      made.keyed = true;
    }
    if (name == settings_.schema_field) made.schema = value;
    for (std::size_t which = 0; which < made.attributes.size(); ++which)
      if (name == settings_.attributes[which]) made.attributes[which] = value;
    if (name != settings_.field) continue;
    made.data = value;
    made.readable = true;
  }
  made.schema_number = to_.schema(made.schema);
  made.readable &= made.schema_number != 0;
  return made;
}

}  // namespace sluice::redis_stream_source
