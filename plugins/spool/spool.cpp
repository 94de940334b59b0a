#include "spool.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace sluice::spool {
namespace {

using namespace std::chrono_literals;

/// Replay goes in steps this far apart; no more than a step's worth waits behind it.
constexpr duration step = 10ms;
/// How often the position is written: what may come twice after a crash.
constexpr duration commit_interval = 100ms;
/// How long a drain waits for what was replayed last.
constexpr duration drain_limit = 1s;
/// What a queue may take for a record beside its payload; ext/downstream.h.
constexpr std::uint64_t beside_payload = 256;
/// Of one step: the host takes 65,536 records and 16 MiB of a call.
constexpr std::uint64_t step_records = 60'000, step_bytes = 8u << 20;

store::limits limits_of(const spool::config& given) {
  return {given.size.bytes, given.segment_size.bytes, given.sync};
}

}  // namespace

void spool::validate(const config& given, problems& found) {
  if (given.segment_size.bytes > given.size.bytes)
    found.add("segment_size", "is more than size; allowed is at most that");
}

spool::spool(const config& given, host to)
    : settings_{given},
      host_{to},
      meters_{to},
      codecs_{to.extension<sluice_codecs>(SLUICE_EXT_CODECS)} {
  if (codecs_ == nullptr) throw std::runtime_error{"the host does not name schemas"};
}

void spool::start() {
  store_.emplace(settings_.directory, limits_of(settings_), before_);
  if (store_->torn_bytes() > 0)
    host_.alert("torn", settings_.directory + ": " + std::to_string(store_->torn_bytes()) +
                            " bytes of a record that was not written whole are cut off");
  if (!before_ && store_->waiting() > 0)
    host_.event("replay",
                std::to_string(store_->waiting()) + " records wait in " + settings_.directory);
  if (!left_behind_.empty()) host_.alert("left", left_behind_);
  replayed_at_ = committed_at_ = host_.now();
  arm(replayed_at_);
  publish();
}

// --- names and numbers, which are of one process ------------------------------------------------

void spool::learn(const record& seen) {
  if (seen.index < keys_.size() && keys_[seen.index] == seen.key) return;
  if (seen.index >= keys_.size()) keys_.resize(seen.index + 1u);
  keys_[seen.index] = seen.key;
  indexes_[seen.key] = seen.index;
}

/// The host has the last word: it numbers a record anew whose index is not its key's.
std::uint32_t spool::index_of(const entry& from) const {
  const auto found = indexes_.find(from.key);
  return found == indexes_.end() ? from.index : found->second;
}

const std::string& spool::schema_name(std::uint16_t number) {
  if (number >= names_.size()) names_.resize(number + 1u);
  if (names_[number].empty()) names_[number] = view(codecs_->name(host_.raw(), number));
  return names_[number];
}

std::uint16_t spool::schema_number(std::string_view name) {
  const auto found = numbers_.find(name);
  if (found != numbers_.end()) return found->second;
  return numbers_.emplace(name, host_.schema(name)).first->second;
}

// --- spilling -----------------------------------------------------------------------------------

/// Half of what began it ends it, so that it does not begin and end with every batch.
sluice_waiting spool::look(std::span<const record> batch) {
  constexpr std::uint64_t free = UINT64_MAX;  // what no queue is behind
  const sluice_waiting seen = host_.downstream().value_or(sluice_waiting{0, 0, 0, 0, free, free});
  std::uint64_t bytes = 0;
  for (const record& each : batch) bytes += each.size + beside_payload;
  const bool fits = batch.size() <= seen.free_records && bytes <= seen.free_bytes;
  const bool spill =
      !fits || seen.fill >= settings_.spill_at || (spilling_ && seen.fill > settings_.spill_at / 2);
  if (spill && !spilling_)
    host_.alert("spill", "the queue is " + std::to_string(static_cast<int>(seen.fill * 100)) +
                             " % full: records go to " + settings_.directory);
  if (!spill && spilling_)
    host_.event("replay", std::to_string(store_->waiting()) + " records wait in " +
                              settings_.directory + "; they are sent, at most " +
                              std::to_string(settings_.replay_rate) + " a second");
  spilling_ = spill;
  return seen;
}

void spool::process(batch& records) {
  for (const record& each : records) learn(each);
  look(records.records());
  if (spilling_) {
    spill(records);
    arm(records.now());
  }
  publish();
}

/// What cannot be written goes on to the queue, whose bounds and policy then decide.
void spool::spill(batch& records) {
  const duration unix_offset = host_.unix_time() - records.now().time_since_epoch();
  const auto fits = [&](const record& each) {
    return frame_head_size + schema_name(each.schema).size() + each.size <= frame_max;
  };
  entries_.clear();
  for (const record& each : records)
    if (fits(each)) entries_.push_back(entry_of(each, unix_offset));
  meters_[meter::refused] += static_cast<double>(records.size() - entries_.size());
  if (entries_.empty()) return;
  if (!store_->append(entries_)) return refused(entries_.size());
  succeeded();
  for (const record& each : records)
    if (fits(each)) records.absorb(each);
  meters_[meter::spooled] += static_cast<double>(entries_.size());
}

entry spool::entry_of(const record& from, duration unix_offset) {
  entry made;
  made.key = from.key;
  made.seq = from.seq;
  made.received_unix_ns = from.received_ns + unix_offset.count();
  made.exchange_ns = from.exchange_ns;
  made.index = from.index;
  made.weight = from.weight;
  made.priority = from.priority;
  made.flags = from.flags;
  made.schema = schema_name(from.schema);
  made.payload = payload(from);
  return made;
}

void spool::refused(std::uint64_t records) {
  meters_[meter::refused] += static_cast<double>(records);
  if (!std::exchange(failing_, true)) host_.alert("spool_failed", store_->error());
}

void spool::succeeded() {
  if (std::exchange(failing_, false))
    host_.event("spool_recovered", "records go to " + settings_.directory + " again");
}

// --- replay -------------------------------------------------------------------------------------

void spool::on_timer(time_point now) {
  armed_ = false;
  const sluice_waiting seen = look({});
  commit(now, seen.pending, false);
  if (!spilling_ && !drain_since_) replay(now, seen);
  arm(now);
  publish();
}

void spool::arm(time_point now) {
  const bool busy = store_->committed() < store_->read_serial() || store_->waiting() > 0;
  if (!busy || armed_) return;
  armed_ = true;
  host_.wake_at(now + step);
}

/// Half of the room behind it is left to what is live.
void spool::replay(time_point now, const sluice_waiting& seen) {
  const duration unix_offset = host_.unix_time() - now.time_since_epoch();
  std::uint64_t left = std::min(allowance(now, seen.pending), seen.free_records / 2);
  std::uint64_t bytes = std::min(step_bytes, seen.free_bytes / 2);
  for (bool first = true; left > 0; first = false) {
    const entry* next = store_->peek();
    note_loss();
    if (next == nullptr) return;
    const std::uint64_t size = next->payload.size() + beside_payload;
    if (size > bytes && !(first && seen.pending == 0)) return;  // alone it may take it all
    bytes -= std::min(size, bytes);
    const sluice_status status = send(*next, now, unix_offset);
    // The first of a call can only be too much if there is no room for its key, now or later.
    const bool no_key = status == SLUICE_FULL && first;
    if (status != SLUICE_OK && !no_key) return;
    store_->pop();
    if (no_key) {
      ++unsent_;
      ++meters_[meter::lost];
      continue;
    }
    ++meters_[meter::replayed];
    tokens_ -= 1;
    --left;
  }
}

/// By the rate, and so that no more waits behind the stage than two steps send.
std::uint64_t spool::allowance(time_point now, std::uint64_t pending) {
  const double rate = settings_.replay_rate;
  const double a_step = rate * std::chrono::duration<double>{step}.count();
  tokens_ += rate * std::chrono::duration<double>{now - replayed_at_}.count();
  tokens_ = std::min(tokens_, std::max(5 * a_step, 1.0));
  replayed_at_ = now;
  const double room = std::max(2 * a_step, 1.0) - static_cast<double>(pending);
  const double least = std::min({tokens_, room, static_cast<double>(step_records)});
  return least < 1 ? 0 : static_cast<std::uint64_t>(least);
}

/// Behind all that is live, but for what no policy may drop.
sluice_status spool::send(const entry& from, time_point now, duration unix_offset) {
  record made{};
  made.key = from.key;
  made.index = index_of(from);
  made.schema = schema_number(from.schema);
  made.priority =
      from.priority == SLUICE_PRIORITY_HIGH ? SLUICE_PRIORITY_HIGH : SLUICE_PRIORITY_LOW;
  made.flags = from.flags;
  made.seq = from.seq;
  made.received_ns =
      std::min(from.received_unix_ns - unix_offset.count(), now.time_since_epoch().count());
  made.exchange_ns = from.exchange_ns;
  made.data = from.payload.data();
  made.size = static_cast<std::uint32_t>(from.payload.size());
  made.weight = from.weight;
  return host_.raw()->emit(host_.raw(), &made, SLUICE_AT_END);
}

/// Of what was sent, at most the last `pending` are not done: should the process end now, they come
/// again.
void spool::commit(time_point now, std::uint64_t pending, bool at_once) {
  const std::uint64_t read = store_->read_serial(), behind = pending == 0 ? 0 : pending + unsent_;
  const std::uint64_t done = read > behind ? read - behind : 0;
  if (done <= store_->committed()) return;
  if (!at_once && now < committed_at_ + commit_interval) return;
  committed_at_ = now;
  if (!store_->commit(done)) return refused(0);
  if (done == read) unsent_ = 0;
}

void spool::note_loss() {
  const std::uint64_t lost = store_->lost() - std::exchange(lost_seen_, store_->lost());
  if (lost == 0) return;
  unsent_ += lost;
  meters_[meter::lost] += static_cast<double>(lost);
  host_.alert("lost",
              std::to_string(lost) + " records in " + settings_.directory + " are damaged or gone");
}

void spool::publish() {
  meters_[meter::waiting] = static_cast<double>(store_->waiting());
  meters_[meter::bytes] = static_cast<double>(store_->bytes());
  meters_[meter::spilling] = spilling_ ? 1 : 0;
  meters_.publish();
}

/// What waits in the files stays there. What was sent last is waited for, unless the sink takes
/// nothing.
bool spool::drain(time_point deadline) {
  if (!store_) return true;
  const time_point now = host_.now();
  if (!drain_since_) drain_since_ = now;
  commit(now, look({}).pending, true);
  publish();
  const bool over = spilling_ || now >= std::min(deadline, *drain_since_ + drain_limit) ||
                    store_->committed() == store_->read_serial();
  if (!over) return host_.wake_at(now + step), false;
  if (settings_.sync != sync_policy::never && !store_->sync()) refused(0);
  if (store_->waiting() > 0)
    host_.event("left", std::to_string(store_->waiting()) + " records stay in " +
                            settings_.directory + " for the next start");
  return true;
}

// --- changes while it runs ----------------------------------------------------------------------

void spool::reconfigure(const config& given) {
  settings_ = given;
  store_->set_size_max(given.size.bytes);
}

void spool::save(state_writer& out) {
  if (!store_) throw std::runtime_error{"it has not started"};
  const handed_over made = store_->hand_over();
  out.put(std::string_view{settings_.directory});
  out.put(made.committed);
  out.put(made.read);
  out.put(made.next);
  out.put(unsent_);
  out.put(spilling_);
}

void spool::load(state_reader& in) {
  const auto directory = in.get<std::string>();
  handed_over from;
  from.committed = in.get<std::uint64_t>(1, INT64_MAX);
  from.read = in.get<std::uint64_t>(from.committed, INT64_MAX);
  from.next = in.get<std::uint64_t>(from.read, INT64_MAX);
  unsent_ = in.get<std::uint64_t>(0, from.read - from.committed);
  spilling_ = in.get<bool>();
  if (!in.at_end()) throw std::runtime_error{"the state goes on behind its end"};
  if (directory == settings_.directory) {
    before_ = from;
    return;
  }
  unsent_ = 0;
  if (from.next > from.committed)
    left_behind_ = std::to_string(from.next - from.committed) + " records stay in " + directory;
}

}  // namespace sluice::spool

SLUICE_PLUGIN(sluice::spool::spool);
