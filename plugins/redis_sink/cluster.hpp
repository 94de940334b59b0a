// A cluster: a connection to each of its masters, and which of them serves which slot. Order per
// key holds while slots move and masters change: what a node did not take goes again, in order,
// before anything new does, and a new map of the slots is taken when nothing is unanswered.
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
#pragma once

#include "call_book.hpp"
#include "link.hpp"
#include "route.hpp"

#include <redis/cluster_nodes.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redis_sink {

/// Whether to publish within the shard of a channel (SPUBLISH).
enum class sharding : std::uint8_t { automatic, yes, no };

class cluster final : public route {
 public:
  /// Nodes that are connected to; a map with more masters is not taken.
  static constexpr std::size_t nodes_max = 256;

  /// `sends_again`: what a lost connection left unanswered is sent again too, as what was not
  /// taken.
  cluster(boost::asio::io_context& io, host host, link_settings settings, sharding publish,
          bool sends_again, listener& owner);
  ~cluster() override;

  void start() override;
  void close() override;
  void set(const link_times& times) override;

  void poll() override;
  void on_timer(time_point now) override;
  time_point deadline() const override;

  bool up() const override;
  bool can_send() const override;
  std::uint32_t in_flight() const override { return calls_.open_calls(); }
  std::uint64_t take_most_receivers() override;
  std::uint64_t bytes_written() const override;

  std::vector<connection_mark> unfinished() const override;
  void end_first(const std::vector<connection_mark>& others) override;

  std::uint64_t records_sent_again() const override { return records_sent_again_; }
  bool sharded() const override { return sharded_; }
  reach reach_of(std::uint16_t slot) const override;
  bool send(publish_buffer& commands, std::uint64_t call, time_point now) override;

 private:
  struct node;
  struct retry {
    call_book::ticket what;
    node* ask = nullptr;                      ///< who is to be asked; null: the slot's owner
    std::uint32_t cause = SLUICE_CAUSE_BUSY;  ///< of its end, if nobody takes it in time
  };

  node* find_or_add(const place& at);
  void ended(node& by, const sluice_outcome& outcome);
  void redirected(node& by, std::string_view error);
  void nodes_told(node& by, bool fine, std::string_view text);
  void up(node& by);
  void down(node& by, std::uint32_t cause, std::string_view why, std::uint32_t unknown);
  void attempt_failed(node& by, std::uint32_t cause, std::string_view why);

  void stage(node& to, call_book::ticket what);
  void send_staged(std::uint64_t call, time_point now);
  void settle(time_point now);
  void take_map();
  void tell_of_map(const std::vector<node*>& before);
  void close_spare_nodes();
  void send_again(time_point now);
  bool give_up(const retry& of, time_point now);
  void ask_for_map(time_point now);
  void dial_all_known();
  bool is_as_known(const std::vector<redis::cluster_node>& map) const;
  bool owns(const node& which) const;
  bool any_up() const;
  bool unanswered() const;

  boost::asio::io_context& io_;
  host host_;
  link_settings settings_;
  const sharding publish_;
  const bool sends_again_;
  listener& owner_;
  call_book calls_;

  std::vector<std::unique_ptr<node>> nodes_;  ///< never removed: a closed one serves another place
  std::vector<node*> owners_;                 ///< by slot; null: nobody
  std::vector<place> known_;                  ///< every node of the last map, and the seeds
  std::vector<retry> again_;  ///< not taken, or not answered, in the order they were sent
  std::uint64_t records_sent_again_ = 0;
  time_point again_at_{};
  std::optional<std::vector<redis::cluster_node>> next_map_;
  bool has_spare_nodes_ = false;
  std::uint32_t next_version_ = 0;  ///< of who told it
  bool has_map_ = false;
  bool sharded_ = false;
  bool stale_ = true;  ///< the map is to be asked for
  time_point ask_at_{};
  std::size_t asked_ = 0;  ///< nodes, round and round
  bool refusal_told_ = false;
  time_point attempt_told_{};
};

}  // namespace sluice::redis_sink
