#include "ticker.hpp"

#include <algorithm>

namespace sluice::kite_server {

client* ticker::connect(std::string_view api_key, time_point now) {
  const auto of_key = std::count_if(clients_.begin(), clients_.end(),
                                    [&](const auto& each) { return each->api_key() == api_key; });
  if (static_cast<std::size_t>(of_key) >= limits_.sockets_per_key) return nullptr;
  clients_.push_back(std::make_unique<client>(++ids_, std::string{api_key}, limits_.client, now));
  return clients_.back().get();
}

void ticker::disconnect(client& gone) {
  for (const auto& [token, mode] : gone.modes()) forget_reader(gone, token);
  gone_ += gone.counts();
  std::erase_if(clients_, [&](const auto& each) { return each.get() == &gone; });
}

void ticker::request(client& from, std::string_view text, time_point now) {
  std::string error;
  const auto what = kite::parse_client_text(text, error);
  from.count_request(what.has_value());
  if (!what) return;
  if (what->action == kite::client_action::unsubscribe) {
    for (const std::uint32_t token : what->tokens) unsubscribe(from, token);
    return;
  }
  if (within_limit(from, what->tokens)) return subscribe(from, *what, now);
  if (!silent_)
    from.text(kite::error_text("Can't subscribe to more than " +
                               std::to_string(limits_.instruments_per_socket) + " instruments."),
              now);
}

bool ticker::within_limit(const client& from, const std::vector<std::uint32_t>& tokens) const {
  if (tokens.size() > limits_.instruments_per_socket) return false;
  // As at the broker, duplicates within one list count.
  const auto fresh = std::count_if(tokens.begin(), tokens.end(), [&](std::uint32_t token) {
    return !from.modes().contains(token);
  });
  return from.modes().size() + static_cast<std::size_t>(fresh) <= limits_.instruments_per_socket;
}

void ticker::subscribe(client& from, const kite::client_request& what, time_point now) {
  const bool sets_mode = what.action == kite::client_action::set_mode;
  for (const std::uint32_t token : what.tokens) {
    const auto [place, fresh] =
        from.modes().try_emplace(token, sets_mode ? what.mode : kite::mode::quote);
    const bool changed = sets_mode && place->second != what.mode;
    if (sets_mode) place->second = what.mode;
    instrument& of = instruments_[token];
    if (fresh) {
      of.readers.push_back({&from, place->second});
    } else if (changed) {
      for (reader& each : of.readers)
        if (each.who == &from) each.mode = what.mode;
    }
    // The last packet known comes at once, however old it is.
    const bool wants_last = !sets_mode || fresh || changed;
    if (wants_last && of.size != 0) add(from, of.packet(), place->second, now);
  }
}

void ticker::unsubscribe(client& from, std::uint32_t token) {
  if (from.modes().erase(token) != 0) forget_reader(from, token);
}

void ticker::forget_reader(const client& who, std::uint32_t token) {
  const auto found = instruments_.find(token);
  if (found == instruments_.end()) return;
  std::erase_if(found->second.readers, [&](const reader& each) { return each.who == &who; });
  if (found->second.readers.empty() && found->second.size == 0) instruments_.erase(found);
}

bool ticker::tick(kite::bytes_view packet, time_point now) {
  if (!kite::kind_of(packet.size())) return false;
  instrument& of = instruments_[kite::peek_token(packet)];
  if (of.size == 0) ++instruments_seen_;
  std::copy(packet.begin(), packet.end(), of.last.begin());
  of.size = packet.size();
  for (const reader& each : of.readers) add(*each.who, packet, each.mode, now);
  return true;
}

void ticker::add(client& to, kite::bytes_view packet, kite::mode in, time_point now) {
  if (silent_) return;
  to.add(packet, in, now, damage_);
  if (flush_at_ == never) flush_at_ = now + limits_.frame_interval;
}

void ticker::broadcast(std::string_view text, time_point now) {
  if (silent_) return;
  for (const auto& each : clients_) each->text(text, now);
}

void ticker::flush(time_point now) {
  for (const auto& each : clients_) each->flush(now, damage_);
  flush_at_ = never;
}

void ticker::on_time(time_point now) {
  if (flush_at_ <= now) flush(now);
  if (silent_) return;
  for (const auto& each : clients_)
    if (each->queue().empty() && now - each->last_sent() >= limits_.heartbeat) each->heartbeat(now);
}

time_point ticker::next() const {
  time_point soonest = flush_at_;
  if (silent_) return soonest;
  // A client with a queue is busy: its heartbeat is looked at again when the queue is empty.
  for (const auto& each : clients_)
    if (each->queue().empty()) soonest = std::min(soonest, each->last_sent() + limits_.heartbeat);
  return soonest;
}

void ticker::misbehave(misbehaviour mode) {
  silent_ = mode == misbehaviour::silence;
  damage_ = mode == misbehaviour::malformed ? &damager_ : nullptr;
  if (!silent_) return;
  for (const auto& each : clients_) each->silence();
}

client_counts ticker::counts() const {
  client_counts all = gone_;
  for (const auto& each : clients_) all += each->counts();
  return all;
}

}  // namespace sluice::kite_server
