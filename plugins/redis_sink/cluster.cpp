#include "cluster.hpp"

#include <redis/slot.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::redis_sink {
namespace {

using namespace std::chrono_literals;

constexpr duration ask_interval = 100ms;   ///< of the map, while it is known to be wrong
constexpr duration refused_interval = 1s;  ///< of the map, when a node would not tell it
constexpr duration again_interval = 50ms;  ///< of what a node would not take just now
constexpr int unanswered_timeouts = 10;    ///< that what had no answer waits for who takes it again

}  // namespace

/// A connection of the cluster. What it tells goes on with its name.
struct cluster::node final : route::listener {
  explicit node(cluster& of) : owner{of}, connection{of.io_, of.host_, of.settings_, *this} {}

  cluster& owner;
  place at;
  bool used = false;                  ///< else closed, and free for another place
  bool was_up = false;                ///< since it is used
  bool asked = false;                 ///< for the map, and has not answered
  bool asking = false;                ///< with ASKING, what is being staged
  time_point lost_at{};               ///< while it is not up
  std::string out;                    ///< commands on their way
  std::vector<command_label> staged;  ///< of the commands of the call that is being made, in out
  std::deque<call_book::ticket> awaited;  ///< whose answers are missing
  link connection;

  void ended(const sluice_outcome& outcome) override { owner.ended(*this, outcome); }
  void refused(std::uint32_t cause, std::string_view error) override {
    owner.owner_.refused(cause, error);
  }
  void redirected(std::uint64_t, std::string_view error) override {
    owner.redirected(*this, error);
  }
  void told(const reply& answer) override {
    owner.nodes_told(*this, answer.kind == reply_kind::string, answer.text);
  }
  void up(std::string_view) override { owner.up(*this); }
  void down(std::uint32_t cause, std::string_view why, std::uint32_t unknown) override {
    owner.down(*this, cause, why, unknown);
  }
  void attempt_failed(std::uint32_t cause, std::string_view why) override {
    owner.attempt_failed(*this, cause, why);
  }
  void may_disorder(std::string_view why) override { owner.owner_.may_disorder(why); }
};

cluster::cluster(boost::asio::io_context& io, host host, link_settings settings, sharding publish,
                 bool sends_again, listener& owner)
    : io_{io},
      host_{host},
      settings_{std::move(settings)},
      publish_{publish},
      sends_again_{sends_again},
      owner_{owner},
      calls_{owner},
      owners_(redis::slot_count, nullptr),
      known_{settings_.to.seeds} {
  settings_.peer = session::peer::cluster_node;
}

cluster::~cluster() = default;

void cluster::start() { dial_all_known(); }

void cluster::close() {
  for (const auto& each : nodes_) each->connection.close();
}

void cluster::set(const link_times& times) {
  settings_.times = times;
  for (const auto& each : nodes_) each->connection.set(times);
}

// --- what the sink asks -------------------------------------------------------------------------

bool cluster::owns(const node& which) const {
  return std::find(owners_.begin(), owners_.end(), &which) != owners_.end();
}

bool cluster::any_up() const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [](const auto& each) { return each->connection.up(); });
}

bool cluster::unanswered() const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [](const auto& each) { return !each->awaited.empty(); });
}

bool cluster::up() const {
  return has_map_ && std::all_of(nodes_.begin(), nodes_.end(), [](const auto& each) {
           return !each->used || each->connection.up();
         });
}

bool cluster::can_send() const {
  return has_map_ && again_.empty() && !next_map_ && calls_.open_calls() < call_book::calls_max &&
         any_up() && std::all_of(nodes_.begin(), nodes_.end(), [](const auto& each) {
           return !each->connection.up() || each->connection.can_send();
         });
}

std::uint64_t cluster::take_most_receivers() {
  std::uint64_t most = 0;
  for (const auto& each : nodes_) most = std::max(most, each->connection.take_most_receivers());
  return most;
}

std::uint64_t cluster::bytes_written() const {
  std::uint64_t sum = 0;
  for (const auto& each : nodes_) sum += each->connection.bytes_written();
  return sum;
}

std::vector<connection_mark> cluster::unfinished() const {
  std::vector<connection_mark> all;
  for (const auto& each : nodes_)
    for (connection_mark& one : each->connection.unfinished()) all.push_back(std::move(one));
  return all;
}

void cluster::end_first(const std::vector<connection_mark>& others) {
  for (const auto& each : nodes_) {
    each->connection.end_first(others);
    each->lost_at = host_.now();  // what is for it waits
  }
}

route::reach cluster::reach_of(std::uint16_t slot) const {
  const node* owner = owners_[slot];
  if (owner == nullptr) return reach::lost;
  if (owner->connection.up()) return reach::now;
  return host_.now() - owner->lost_at < settings_.times.timeout ? reach::later : reach::lost;
}

// --- sending ------------------------------------------------------------------------------------

bool cluster::send(publish_buffer& commands, std::uint64_t call, time_point now) {
  const auto count = static_cast<std::uint16_t>(commands.count());
  const std::uint16_t number = calls_.open(commands, call, now);
  for (std::uint16_t i = 0; i < count; ++i) {
    const call_book::ticket what{number, i};
    stage(*owners_[calls_.label(what).slot], what);
  }
  send_staged(call, now);
  return true;
}

void cluster::stage(node& to, call_book::ticket what) {
  constexpr std::string_view command = "*1\r\n$6\r\nASKING\r\n";
  if (to.staged.empty()) to.out.clear();
  to.staged.push_back({0, 1, calls_.label(what).success});  // each ends by itself; see call_book
  if (to.asking) to.out += command;
  const auto bytes = calls_.bytes(what);
  to.out.append(bytes.data(), bytes.size());
  to.awaited.push_back(what);
}

void cluster::send_staged(std::uint64_t call, time_point now) {
  for (const auto& each : nodes_) {
    const bool asking = std::exchange(each->asking, false);
    if (each->staged.empty()) continue;
    const auto count = static_cast<std::ptrdiff_t>(each->staged.size());
    const bool sent = each->connection.send(each->out, each->staged, call, now, asking);
    each->staged.clear();
    if (sent) continue;
    // Its socket took nothing, though nothing was in its way.
    const auto first = each->awaited.end() - count;
    for (auto at = first; at != each->awaited.end(); ++at)
      again_.push_back({*at, nullptr, SLUICE_CAUSE_CONNECTION});
    each->awaited.erase(first, each->awaited.end());
  }
}

/// With nothing unanswered: what was not taken, in its order, to who should take it now.
void cluster::send_again(time_point now) {
  if (again_.empty() || now < again_at_) return;
  // Who is asked once is asked for all: that does no harm, and keeps the order.
  for (const retry& each : again_)
    if (each.ask != nullptr) each.ask->asking = true;
  std::vector<retry> rest;
  for (const retry& each : std::exchange(again_, {})) {
    const std::uint16_t slot = calls_.label(each.what).slot;
    node* to = each.ask != nullptr ? each.ask : owners_[slot];
    const bool behind = std::any_of(rest.begin(), rest.end(), [&](const retry& other) {
      return calls_.label(other.what).slot == slot;
    });
    if (to != nullptr && !behind && to->connection.can_send())
      stage(*to, each.what);
    else
      rest.push_back(each);
  }
  constexpr std::uint64_t no_call = 0;  // of several: the tickets say of which
  send_staged(no_call, now);
  std::erase_if(rest, [&](const retry& each) { return give_up(each, now); });
  again_.insert(again_.begin(), rest.begin(), rest.end());
  if (!again_.empty()) again_at_ = now + again_interval;
}

/// Whether its time is over; then it ended as failed, for not a byte of it was taken; but unknown
/// where it may have been taken before.
bool cluster::give_up(const retry& of, time_point now) {
  const duration patience =
      sends_again_ ? unanswered_timeouts * settings_.times.timeout : settings_.times.timeout;
  if (now - calls_.written(of.what) < patience) return false;
  sluice_outcome how{};
  how.result = sends_again_ ? SLUICE_PUBLISH_UNKNOWN : SLUICE_PUBLISH_FAILED;
  how.cause = of.cause;
  how.done_ns = now.time_since_epoch().count();
  calls_.end(of.what, how);
  return true;
}

// --- what the nodes tell ------------------------------------------------------------------------

void cluster::ended(node& by, const sluice_outcome& outcome) {
  sluice_outcome one = outcome;
  for (std::uint32_t i = 0; i < outcome.count; ++i) {
    const call_book::ticket what = by.awaited.front();
    by.awaited.pop_front();
    if (sends_again_ && outcome.result == SLUICE_PUBLISH_UNKNOWN) {
      again_.push_back({what, nullptr, outcome.cause});
      records_sent_again_ += calls_.label(what).ends;
      continue;
    }
    calls_.end(what, one);
    one.receivers = 0;  // those of all of them went with the first
  }
}

void cluster::redirected(node& by, std::string_view error) {
  const time_point now = host_.now();
  retry made{by.awaited.front(), nullptr, SLUICE_CAUSE_BUSY};
  by.awaited.pop_front();
  const auto to = redis::redirection(error, by.at);
  if (!to) {
    again_at_ = now + again_interval;  // TRYAGAIN, CLUSTERDOWN
  } else if (error.starts_with("ASK")) {
    made.ask = find_or_add(*to);
  } else {
    owners_[calls_.label(made.what).slot] = find_or_add(*to);
  }
  stale_ = true;
  if (!give_up(made, now)) again_.push_back(made);
}

void cluster::up(node& by) {
  by.asked = false;
  if (!has_map_) ask_at_ = host_.now();
  if (std::exchange(by.was_up, true)) owner_.up("node " + text_of(by.at));
}

void cluster::down(node& by, std::uint32_t cause, std::string_view why, std::uint32_t unknown) {
  by.lost_at = ask_at_ = host_.now();
  by.asked = false;
  stale_ = true;
  owner_.down(cause, "node " + text_of(by.at) + ": " + std::string{why}, unknown);
}

/// One of many nodes is not all of Redis: a guard hears of it when none is left, and then no more
/// often than of a single Redis.
void cluster::attempt_failed(node& by, std::uint32_t cause, std::string_view why) {
  const std::string text = "node " + text_of(by.at) + ": " + std::string{why};
  const time_point now = host_.now();
  const bool due = now - attempt_told_ >= settings_.times.connect_timeout;
  if (cause != SLUICE_CAUSE_REJECTED && (any_up() || !due)) return host_.debug(text);
  attempt_told_ = now;
  owner_.attempt_failed(cause, text);
}

// --- the map ------------------------------------------------------------------------------------

void cluster::ask_for_map(time_point now) {
  if (!stale_ || now < ask_at_) return;
  ask_at_ = now + ask_interval;
  if (!any_up()) return dial_all_known();
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    node& next = *nodes_[++asked_ % nodes_.size()];
    if (next.asked || !next.connection.can_send()) continue;
    next.asked = true;
    return next.connection.ask({"CLUSTER", "NODES"}, now);
  }
}

void cluster::dial_all_known() {
  for (const place& each : known_) find_or_add(each);
}

void cluster::nodes_told(node& by, bool fine, std::string_view text) {
  by.asked = false;
  std::string refused{text.substr(0, text.find('\r'))};
  if (fine) {
    auto map = redis::parse_cluster_nodes(text, by.at);
    std::size_t masters = 0;
    if (map)
      for (const auto& each : *map) masters += each.slots.empty() ? 0 : 1;
    if (masters > 0 && masters <= nodes_max) {
      next_map_ = std::move(map);
      next_version_ = by.connection.major_version();
      if (is_as_known(*next_map_)) {
        next_map_.reset();
        has_spare_nodes_ = true;
      }
      stale_ = next_map_.has_value() || !up();
      return;
    }
    refused = "with " + std::to_string(masters) + " masters that serve slots; allowed are 1 to " +
              std::to_string(nodes_max);
  }
  ask_at_ = host_.now() + refused_interval;
  if (!std::exchange(refusal_told_, true))
    host_.alert("cluster", "node " + text_of(by.at) + ": CLUSTER NODES was answered " + refused);
}

bool cluster::is_as_known(const std::vector<redis::cluster_node>& map) const {
  if (!has_map_) return false;
  std::size_t served = 0;
  for (const auto& each : map)
    for (const auto& range : each.slots)
      for (std::uint32_t slot = range.first; slot <= range.last; ++slot, ++served)
        if (owners_[slot] == nullptr || owners_[slot]->at != each.at) return false;
  return served == static_cast<std::size_t>(std::count_if(owners_.begin(), owners_.end(),
                                                          [](const node* each) { return each; }));
}

/// With nothing unanswered.
void cluster::take_map() {
  const auto map = *std::exchange(next_map_, {});
  const auto before = std::exchange(owners_, std::vector<node*>(redis::slot_count, nullptr));
  known_ = settings_.to.seeds;
  for (const auto& each : map) {
    known_.push_back(each.at);
    if (each.slots.empty()) continue;
    node* owner = find_or_add(each.at);
    for (const auto& range : each.slots)
      std::fill(owners_.begin() + range.first, owners_.begin() + range.last + 1, owner);
  }
  has_spare_nodes_ = true;
  refusal_told_ = false;
  ask_at_ = host_.now() + ask_interval;
  stale_ = true;  // until all are up and it is told again
  tell_of_map(before);
}

/// With nothing unanswered: connections to who serves no slot, or was dialled when all were lost.
void cluster::close_spare_nodes() {
  has_spare_nodes_ = false;
  for (const auto& each : nodes_) {
    const bool needed =
        owns(*each) || std::any_of(again_.begin(), again_.end(),
                                   [&](const auto& waits) { return waits.ask == each.get(); });
    if (!each->used || needed) continue;
    each->used = each->was_up = false;
    each->connection.close();
  }
}

void cluster::tell_of_map(const std::vector<node*>& before) {
  std::uint32_t moved = 0;
  for (std::size_t slot = 0; slot < owners_.size(); ++slot) moved += owners_[slot] != before[slot];
  if (has_map_)
    return host_.event("slots_moved", std::to_string(moved) + " of the cluster's slots");
  has_map_ = true;
  sharded_ = publish_ == sharding::yes || (publish_ == sharding::automatic && next_version_ >= 7);
  owner_.up(std::string{"a cluster, "} + (sharded_ ? "with" : "without") + " sharded channels");
}

// --- the connections ----------------------------------------------------------------------------

cluster::node* cluster::find_or_add(const place& at) {
  node* free = nullptr;
  for (const auto& each : nodes_) {
    if (each->used && each->at == at) return each.get();
    if (!each->used) free = each.get();
  }
  if (free == nullptr) free = nodes_.emplace_back(std::make_unique<node>(*this)).get();
  free->at = at;
  free->used = true;
  free->lost_at = host_.now();
  free->connection.aim(at);
  free->connection.start();
  return free;
}

void cluster::poll() {
  for (const auto& each : nodes_) each->connection.poll();
  settle(host_.now());
}

void cluster::on_timer(time_point now) {
  for (const auto& each : nodes_) each->connection.on_timer(now);
  settle(now);
}

void cluster::settle(time_point now) {
  if (!unanswered()) {
    if (next_map_) take_map();
    if (has_spare_nodes_) close_spare_nodes();
    send_again(now);
  }
  ask_for_map(now);
}

time_point cluster::deadline() const {
  const time_point now = host_.now();
  time_point soonest = stale_ ? ask_at_ : never;
  if (!again_.empty() && !unanswered()) soonest = std::min(soonest, again_at_);
  for (const auto& each : nodes_) {
    soonest = std::min(soonest, each->connection.deadline());
    const time_point given_up = each->lost_at + settings_.times.timeout;
    if (each->used && !each->connection.up() && given_up > now)
      soonest = std::min(soonest, given_up);
  }
  return soonest;
}

}  // namespace sluice::redis_sink
