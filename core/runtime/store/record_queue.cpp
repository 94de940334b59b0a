#include "runtime/store/record_queue.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <utility>

namespace sluice::runtime {

namespace {

// The delay must stay above the bound this long before anything expires: a burst passes.
constexpr std::int64_t patience_ns = 100'000'000;

std::int64_t arrival(const sluice_record& header) {
  return static_cast<std::int64_t>(header.reserved);
}

}  // namespace

record_queue::record_queue(const config::queue_spec& spec, std::uint32_t max_keys, bool may_wait,
                           bool guarded)
    : spec_{spec},
      may_wait_{may_wait},
      record_limit_{std::max<std::uint32_t>(spec.records, 2)},
      chunk_limit_{static_cast<std::uint32_t>(
          std::clamp<std::uint64_t>(spec.bytes / chunk_size, 2, UINT32_MAX - 1))},
      record_reserve_{std::max<std::uint32_t>(record_limit_ / 10, 1)},
      chunk_reserve_{std::max<std::uint32_t>(chunk_limit_ / 10, 1)} {
  nodes_.reserve(record_limit_);
  chunks_.reserve(chunk_limit_);
  chunk_next_.reserve(chunk_limit_);
  if (guarded || conflating()) newest_.assign(std::size_t{max_keys} * 2, none);
}

// --- bounds -------------------------------------------------------------------------------------

bool record_queue::fits(std::uint32_t priority, std::uint32_t chunks) const {
  if (node_count_ >= record_limit_ || !bytes_fit(priority, chunks)) return false;
  if (priority == SLUICE_PRIORITY_HIGH) return true;
  // The rest may not use what is reserved for priority 0 and not yet used by it.
  const std::uint32_t high = lists_[SLUICE_PRIORITY_HIGH].count;
  return node_count_ + record_reserve_ - std::min(record_reserve_, high) < record_limit_;
}

bool record_queue::bytes_fit(std::uint32_t priority, std::uint32_t chunks) const {
  if (priority == SLUICE_PRIORITY_HIGH) return chunk_count_ + chunks <= chunk_limit_;
  const std::uint32_t high = lists_[SLUICE_PRIORITY_HIGH].chunks;
  return chunk_count_ + chunks + chunk_reserve_ - std::min(chunk_reserve_, high) <= chunk_limit_;
}

/// The most chunks a record may have.
std::uint32_t record_queue::largest(std::uint32_t priority) const {
  return priority == SLUICE_PRIORITY_HIGH ? chunk_limit_ : chunk_limit_ - chunk_reserve_;
}

bool record_queue::has_room() const {
  if (spec_.policy != config::when_full::block) return true;
  const std::lock_guard lock{mutex_};
  return abandoned_ || fits(SLUICE_PRIORITY_NORMAL, 1);
}

bool record_queue::roomy() const {
  return node_count_ <= record_limit_ - (record_limit_ + 7) / 8 &&
         chunk_count_ <= chunk_limit_ - (chunk_limit_ + 7) / 8;
}

bool record_queue::pushable(const sluice_record& record) {
  return abandoned_ || fits(record.priority, chunks_of(record.size)) ||
         replaceable(record) != nullptr;
}

// --- in -----------------------------------------------------------------------------------------

void record_queue::push(std::span<const sluice_record> records, std::int64_t now,
                        const waiting& meanwhile) {
  std::unique_lock lock{mutex_};
  for (const sluice_record& record : records) {
    const bool blocks = spec_.policy == config::when_full::block && may_wait_ &&
                        chunks_of(record.size) <= largest(record.priority);
    while (blocks && !pushable(record)) {
      // First, for who pops may sleep: it was not yet told of what is here.
      lock.unlock();
      if (meanwhile) meanwhile();
      lock.lock();
      ++waiting_;
      wanted_ = std::max(wanted_, chunks_of(record.size));
      room_.wait_for(lock, std::chrono::milliseconds{100}, [&] { return pushable(record); });
      if (--waiting_ == 0) wanted_ = 0;
    }
    push_one(record, now);
  }
}

void record_queue::push_one(const sluice_record& record, std::int64_t now) {
  const std::uint32_t priority = record.priority;
  const std::uint32_t chunks = chunks_of(record.size);
  ++pushed_;
  if (abandoned_) return count_drop(priority, SLUICE_DROP_SHUTDOWN);
  if (chunks > largest(priority)) return count_drop(priority, SLUICE_DROP_OVERSIZE);
  if (conflate(record, now)) return;
  if (!make_room(priority, chunks)) return count_drop(priority, SLUICE_DROP_OVERFLOW);
  insert(record, now);
}

/// Where the last record of its key and priority is noted; null if that is not asked.
std::uint32_t* record_queue::newest_of(const sluice_record& record) {
  const std::size_t keys = conflating() ? newest_.size() / 2 : 0;
  if (record.priority == SLUICE_PRIORITY_HIGH || record.index >= keys) return nullptr;
  return &newest_[(record.priority - 1) * keys + record.index];
}

/// The newest of its key, schema and priority, for a conflating queue to drop in its stead; null if
/// there is none.
record_queue::node* record_queue::replaceable(const sluice_record& record) {
  const std::uint32_t* newest = newest_of(record);
  if (newest == nullptr) return nullptr;
  std::uint32_t number = *newest;
  while (number != none && nodes_[number].header.schema != record.schema)
    number = nodes_[number].older;
  if (number == none) return nullptr;
  node& old = nodes_[number];
  const std::uint32_t had = chunks_of(old.header.size), needs = chunks_of(record.size);
  if (needs > had && !bytes_fit(record.priority, needs - had)) return nullptr;
  return &old;
}

bool record_queue::conflate(const sluice_record& record, std::int64_t now) {
  node* old = replaceable(record);
  if (old == nullptr) return false;
  node& last = nodes_[*newest_of(record)];
  move_up(*old, last);
  release_chunks(last);
  const float weight = last.header.weight + record.weight;
  store(last, record);
  last.header.weight = weight;
  last.header.reserved = static_cast<std::uint64_t>(now);
  count_drop(record.priority, SLUICE_DROP_CONFLATED);
  return true;
}

/// Each record of the key after `old`, up to `last`, takes the place of the one before it, and
/// `old` comes to stand in the last place: there a newer one of its schema replaces it. So the
/// order of the key is kept, and its places too: at the tail, a key whose schemas alternate would
/// wait for ever in a queue that never empties.
void record_queue::move_up(node& old, node& last) {
  for (node* place = &old; place != &last;) {
    node& next = nodes_[place->newer];
    std::swap(place->header, next.header);
    std::swap(place->chunk, next.chunk);
    place = &next;
  }
}

/// Whether its bytes fit once all that may give way for it is gone: nothing is evicted in vain.
bool record_queue::could_fit(std::uint32_t priority, std::uint32_t chunks, bool newest) const {
  std::uint32_t staying = 0;
  for (std::uint32_t each = 0; each < (newest ? priority + 1 : priority); ++each)
    staying += lists_[each].chunks;
  if (priority == SLUICE_PRIORITY_HIGH) return staying + chunks <= chunk_limit_;
  const std::uint32_t high = lists_[SLUICE_PRIORITY_HIGH].chunks;
  return staying + chunks + chunk_reserve_ - std::min(chunk_reserve_, high) <= chunk_limit_;
}

bool record_queue::make_room(std::uint32_t priority, std::uint32_t chunks) {
  // Without waiting (virtual time) a step may overshoot the bound; the memory then grows.
  if (spec_.policy == config::when_full::block) return !may_wait_ || fits(priority, chunks);
  const bool newest = spec_.policy == config::when_full::drop_newest;
  if (!fits(priority, chunks) && !could_fit(priority, chunks, newest)) return false;
  while (!fits(priority, chunks)) {
    std::uint32_t lowest = SLUICE_PRIORITY_LOW;
    while (lowest > priority && lists_[lowest].count == 0) --lowest;
    const list& victims = lists_[lowest];
    if (victims.count == 0 || (newest && lowest == priority)) return false;
    drop(newest ? victims.tail : victims.head, SLUICE_DROP_OVERFLOW);
  }
  return true;
}

void record_queue::insert(const sluice_record& record, std::int64_t now) {
  std::uint32_t number = free_node_;
  if (number == none) {
    number = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_node_ = nodes_[number].next;
  }
  ++node_count_;
  node& made = nodes_[number];
  store(made, record);
  made.header.reserved = static_cast<std::uint64_t>(now);

  list& queue = lists_[record.priority];
  made.next = none;
  made.previous = queue.tail;
  (queue.tail == none ? queue.head : nodes_[queue.tail].next) = number;
  queue.tail = number;
  ++queue.count;
  link(number);
}

/// As the newest of its key and priority.
void record_queue::link(std::uint32_t number) {
  node& added = nodes_[number];
  added.newer = added.older = none;
  std::uint32_t* newest = newest_of(added.header);
  if (newest == nullptr) return;
  added.older = *newest;
  if (added.older != none) nodes_[added.older].newer = number;
  *newest = number;
}

void record_queue::unlink(std::uint32_t number) {
  const node& gone = nodes_[number];
  std::uint32_t* newest = newest_of(gone.header);
  if (newest == nullptr) return;
  if (*newest == number) *newest = gone.older;
  if (gone.newer != none) nodes_[gone.newer].older = gone.older;
  if (gone.older != none) nodes_[gone.older].newer = gone.newer;
}

void record_queue::store(node& into, const sluice_record& record) {
  into.header = record;
  into.header.data = nullptr;
  into.chunk = none;
  std::uint32_t last = none;
  for (std::uint32_t at = 0; at < record.size; at += chunk_size) {
    const std::uint32_t number = take_chunk();
    std::memcpy(chunks_[number].bytes, record.data + at, std::min(chunk_size, record.size - at));
    (last == none ? into.chunk : chunk_next_[last]) = number;
    last = number;
  }
  lists_[record.priority].chunks += chunks_of(record.size);
}

std::uint32_t record_queue::take_chunk() {
  std::uint32_t number = free_chunk_;
  if (number == none) {
    number = static_cast<std::uint32_t>(chunks_.size());
    chunks_.emplace_back();
    chunk_next_.push_back(none);
  } else {
    free_chunk_ = chunk_next_[number];
  }
  chunk_next_[number] = none;
  ++chunk_count_;
  return number;
}

// --- out ----------------------------------------------------------------------------------------

void record_queue::remove(std::uint32_t number) {
  node& gone = nodes_[number];
  list& queue = lists_[gone.header.priority];
  (gone.previous == none ? queue.head : nodes_[gone.previous].next) = gone.next;
  (gone.next == none ? queue.tail : nodes_[gone.next].previous) = gone.previous;
  --queue.count;
  unlink(number);
  release_chunks(gone);
  gone.next = free_node_;
  free_node_ = number;
  --node_count_;
}

void record_queue::release_chunks(const node& of) {
  lists_[of.header.priority].chunks -= chunks_of(of.header.size);
  for (std::uint32_t first = of.chunk; first != none;) {
    const std::uint32_t next = chunk_next_[first];
    chunk_next_[first] = free_chunk_;
    free_chunk_ = first;
    --chunk_count_;
    first = next;
  }
}

void record_queue::load(const node& from, std::uint8_t* to) const {
  std::uint32_t left = from.header.size;
  for (std::uint32_t at = from.chunk; at != none; at = chunk_next_[at]) {
    const std::uint32_t size = std::min(left, chunk_size);
    std::memcpy(to, chunks_[at].bytes, size);
    to += size;
    left -= size;
  }
}

std::uint32_t record_queue::pop(record_batch& into, std::uint32_t most, std::int64_t now) {
  into.clear();
  most = std::min(most, SLUICE_BATCH_MAX);
  const std::lock_guard lock{mutex_};
  expire(now);
  for (list& queue : lists_) {
    while (queue.count > 0 && into.size() < most) {
      const std::uint32_t number = queue.head;
      load(nodes_[number], into.append(nodes_[number].header));
      remove(number);
    }
  }
  into.seal();
  popped_ += into.size();
  // What stays is looked at now: until the next pop it may all have gone and come anew.
  if (!late(now)) above_since_ = 0;
  // A pusher that waits is woken for an eighth of the bound, not for each batch.
  if (waiting_ > 0 && roomy() && fits(SLUICE_PRIORITY_NORMAL, wanted_)) room_.notify_all();
  return into.size();
}

void record_queue::expire(std::int64_t now) {
  if (spec_.max_delay_ns == 0 || keeps_latest_) return;
  if (!late(now)) {
    above_since_ = 0;
    return;
  }
  // It was the oldest all along, whether or not anything was taken meanwhile.
  if (above_since_ == 0) above_since_ = arrival(nodes_[oldest()].header) + spec_.max_delay_ns;
  if (now - above_since_ < patience_ns) return;
  for (const std::uint32_t priority : {SLUICE_PRIORITY_NORMAL, SLUICE_PRIORITY_LOW}) {
    const list& queue = lists_[priority];
    while (queue.count > 0 && now - arrival(nodes_[queue.head].header) > 2 * spec_.max_delay_ns)
      drop(queue.head, SLUICE_DROP_EXPIRED);
  }
}

void record_queue::drop(std::uint32_t number, std::uint32_t reason) {
  count_drop(nodes_[number].header.priority, reason);
  remove(number);
}

void record_queue::count_drop(std::uint32_t priority, std::uint32_t reason) {
  ++dropped_[reason];
  if (priority == SLUICE_PRIORITY_HIGH) ++priority_lost_;
}

// --- what a guard asks for -----------------------------------------------------------------------

void record_queue::keep_latest(bool on, std::int64_t now) {
  const std::lock_guard lock{mutex_};
  if (on == keeps_latest_ || newest_.empty()) return;
  const bool was_conflating = conflating();
  keeps_latest_ = on;
  above_since_ = node_count_ > 0 ? now : 0;
  if (was_conflating) return;
  std::fill(newest_.begin(), newest_.end(), none);
  for (const std::uint32_t priority : {SLUICE_PRIORITY_NORMAL, SLUICE_PRIORITY_LOW}) {
    for (std::uint32_t number = lists_[priority].head; number != none;) {
      const std::uint32_t next = nodes_[number].next;
      fold(number);
      number = next;
    }
  }
  room_.notify_all();
}

/// The next record from the head on: of those of its key before it, the one of its schema goes.
void record_queue::fold(std::uint32_t number) {
  link(number);
  node& later = nodes_[number];
  std::uint32_t before = later.older;
  while (before != none && nodes_[before].header.schema != later.header.schema)
    before = nodes_[before].older;
  if (before == none) return;
  later.header.weight += nodes_[before].header.weight;
  move_up(nodes_[before], later);
  drop(number, SLUICE_DROP_CONFLATED);
}

std::uint32_t record_queue::refuse(std::uint32_t reason) {
  const std::lock_guard lock{mutex_};
  std::uint32_t dropped = 0;
  for (const std::uint32_t priority : {SLUICE_PRIORITY_NORMAL, SLUICE_PRIORITY_LOW})
    for (list& queue = lists_[priority]; queue.count > 0; ++dropped) drop(queue.head, reason);
  if (dropped > 0) room_.notify_all();
  return dropped;
}

// --- end ----------------------------------------------------------------------------------------

void record_queue::add_producer() {
  const std::lock_guard lock{mutex_};
  ++producers_;
}

void record_queue::remove_producer() {
  const std::lock_guard lock{mutex_};
  if (--producers_ == 0) closed_ = true;
}

bool record_queue::closed() const {
  const std::lock_guard lock{mutex_};
  return closed_;
}

void record_queue::abandon() {
  const std::lock_guard lock{mutex_};
  abandoned_ = true;
  for (list& queue : lists_)
    while (queue.count > 0) drop(queue.head, SLUICE_DROP_SHUTDOWN);
  room_.notify_all();
}

// --- figures ------------------------------------------------------------------------------------

std::uint32_t record_queue::oldest() const {
  std::uint32_t found = none;
  for (const list& queue : lists_)
    if (queue.head != none &&
        (found == none || arrival(nodes_[queue.head].header) < arrival(nodes_[found].header)))
      found = queue.head;
  return found;
}

bool record_queue::late(std::int64_t now) const {
  const std::uint32_t number = oldest();
  return number != none && now - arrival(nodes_[number].header) > spec_.max_delay_ns;
}

std::uint32_t record_queue::depth() const {
  const std::lock_guard lock{mutex_};
  return node_count_;
}

std::int64_t record_queue::oldest_age(std::int64_t now) const {
  const std::lock_guard lock{mutex_};
  const std::uint32_t number = oldest();
  return number == none ? 0 : std::max<std::int64_t>(0, now - arrival(nodes_[number].header));
}

record_queue::reading record_queue::read(std::int64_t now) const {
  const std::lock_guard lock{mutex_};
  reading made;
  const std::uint32_t number = oldest();
  made.state.present = true;
  made.state.depth = node_count_;
  made.state.capacity = record_limit_;
  made.state.bytes = std::uint64_t{chunk_count_} * chunk_size;
  made.state.bytes_capacity = std::uint64_t{chunk_limit_} * chunk_size;
  made.state.oldest_ns =
      number == none ? 0 : std::max<std::int64_t>(0, now - arrival(nodes_[number].header));
  made.state.policy = config::policy_name(spec_.policy);
  made.pushed = pushed_;
  made.popped = popped_;
  made.dropped = dropped_;
  made.state.priority_lost = priority_lost_;
  const std::uint64_t listed = lists_[0].count + lists_[1].count + lists_[2].count;
  const std::uint64_t lost = std::accumulate(dropped_.begin(), dropped_.end(), std::uint64_t{0});
  made.imbalance = static_cast<std::int64_t>(pushed_ - popped_ - lost - listed);
  return made;
}

}  // namespace sluice::runtime
