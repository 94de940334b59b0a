#include "resending.hpp"

namespace sluice::redis_sink {

void resending::poll() {
  below_.poll();
  send_again(host_.now());
}

void resending::on_timer(time_point now) {
  below_.on_timer(now);
  send_again(now);
}

bool resending::send(publish_buffer& commands, std::uint64_t call, time_point now) {
  if (!below_.send(commands, call, now)) return false;
  calls_.sent(commands, call, now);
  return true;
}

void resending::send_again(time_point now) {
  while (calls_.waiting() && below_.can_send()) {
    const retry_book::call next = calls_.next();
    if (!below_.send(next.bytes, next.commands, next.id, now, false)) return;
    records_sent_again_ += calls_.sent_again();
  }
}

void resending::ended(const sluice_outcome& outcome) {
  sluice_outcome told = outcome;
  if (calls_.ended(told)) owner_.ended(told);
}

}  // namespace sluice::redis_sink
