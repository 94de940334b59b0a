#include "session.hpp"

#include <algorithm>
#include <array>

namespace sluice::kite_source {

std::string_view name_of(state which) {
  constexpr std::array<std::string_view, 7> names{"IDLE",    "CONNECTING", "LIVE",   "STALE",
                                                  "BACKOFF", "AUTH_WAIT",  "STOPPED"};
  return names[static_cast<std::size_t>(which)];
}

duration jitter::up_to(duration most) {
  // splitmix64
  std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  mixed ^= mixed >> 31;
  return duration{
      static_cast<std::int64_t>(mixed % (static_cast<std::uint64_t>(most.count()) + 1))};
}

bool dial_gate::try_enter(time_point now) {
  if (busy_ || now < held_until_) return false;
  return busy_ = true;
}

time_point dial_gate::free_at(time_point now) const {
  return busy_ ? never : std::max(now, held_until_);
}

time_point dial_gate::hold(time_point now) {
  constexpr std::uint32_t doublings_max = 3;
  const duration wait = rules_.rate_limit_wait * (1 << std::min(holds_, doublings_max));
  ++holds_;
  held_until_ = now + wait + jitter_.up_to(wait / 4);
  return held_until_;
}

void dial_gate::refuse(std::uint64_t token, time_point now) {
  refused_ = token;
  refused_at_ = now;
}

bool dial_gate::may_try(std::uint64_t token, time_point now) const {
  if (refused_ != token) return true;
  return rules_.token_retry > duration::zero() && now - refused_at_ >= rules_.token_retry;
}

void session::start(time_point now) {
  state_ = state::backoff;
  due_ = now;
}

step session::tick(time_point now, bool market_open) {
  switch (state_) {
    case state::idle:
    case state::stopped: return step::none;
    case state::backoff:
    case state::auth_wait: return dial_when_free(now);
    case state::connecting:
      if (now < due_) return step::none;
      lost(now);
      return step::dial_timeout;
    case state::live:
    case state::stale: return watch(now, market_open);
  }
  return step::none;
}

step session::dial_when_free(time_point now) {
  if (now < due_ || !gate_.try_enter(now)) return step::none;
  dialling_ = true;
  return step::read_token;
}

step session::watch(time_point now, bool market_open) {
  if (now - frame_at_ >= rules_.silence) {
    lost(now);
    return step::silent;
  }
  if (!pinged_ && now - frame_at_ >= rules_.silence / 2) {
    pinged_ = true;
    return step::ping;
  }
  if (!market_open) data_at_ = now;
  if (rules_.stall <= duration::zero() || state_ == state::stale || now - data_at_ < rules_.stall)
    return step::none;
  if (redialled_for_stall_) {
    state_ = state::stale;
    return step::stalled_again;
  }
  redialled_for_stall_ = true;
  lost(now);
  return step::stalled;
}

time_point session::deadline(time_point now) const {
  switch (state_) {
    case state::idle:
    case state::stopped: return never;
    case state::backoff:
    case state::auth_wait: return now < due_ ? due_ : gate_.free_at(now);
    case state::connecting: return due_;
    case state::live:
    case state::stale: return frame_at_ + (pinged_ ? rules_.silence : rules_.silence / 2);
  }
  return never;
}

bool session::token(time_point now, std::uint64_t fingerprint) {
  if (!gate_.may_try(fingerprint, now)) {
    wait_for_token(now);
    return false;
  }
  token_ = fingerprint;
  state_ = state::connecting;
  due_ = now + rules_.connect_timeout;
  return true;
}

void session::opened(time_point now) {
  leave_connection();
  gate_.admitted();
  state_ = state::live;
  opened_at_ = frame_at_ = data_at_ = now;
  data_since_open_ = false;
  pinged_ = false;
}

void session::refused(time_point now, unsigned status) {
  switch (status) {
    case 401:
    case 403:
      gate_.refuse(token_, now);
      wait_for_token(now);
      return;
    case 429:
      leave_connection();
      state_ = state::backoff;
      due_ = gate_.hold(now);
      return;
    case 400: stop(); return;
    default: lost(now);
  }
}

void session::lost(time_point now) {
  if (open() && now - opened_at_ >= rules_.settled) attempts_ = 0;
  leave_connection();
  back_off(now);
}

bool session::ticks(time_point now, bool fresh) {
  data_at_ = now;
  data_since_open_ = true;
  if (!fresh) return false;
  redialled_for_stall_ = false;
  if (state_ != state::stale) return false;
  state_ = state::live;
  return true;
}

void session::stop() {
  leave_connection();
  state_ = state::stopped;
}

std::optional<gap> session::take_gap(time_point now) {
  if (!gap_from_ || !open()) return std::nullopt;
  if (!data_since_open_ && now - opened_at_ < rules_.silence) return std::nullopt;
  const gap found{*gap_from_, data_since_open_ ? data_at_ : now};
  gap_from_.reset();
  return found;
}

void session::back_off(time_point now) {
  constexpr std::uint32_t doublings_max = 20;
  const std::int64_t factor = std::int64_t{1} << std::min(attempts_, doublings_max);
  const duration most = rules_.backoff_first > rules_.backoff_max / factor
                            ? rules_.backoff_max
                            : rules_.backoff_first * factor;
  ++attempts_;
  state_ = state::backoff;
  due_ = now + gate_.random().up_to(most);
}

void session::wait_for_token(time_point now) {
  leave_connection();
  state_ = state::auth_wait;
  due_ = now + rules_.token_poll;
}

void session::leave_connection() {
  // What the socket last showed is where the gap begins, however many dials fail after it.
  if (open() && !gap_from_) gap_from_ = frame_at_;
  if (dialling_) gate_.leave();
  dialling_ = false;
}

}  // namespace sluice::kite_source
