// Dispatcher: what the router does with each request and reply, without sockets.
//
// Reads of a request only what routing needs; copies bytes, never re-encodes
// (pages and merged answers excepted). Each request is answered exactly once,
// by its shard, by the router, or with the reason why there is no answer. Time
// is an argument. Called by router.cpp, which owns the sockets.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "config/cluster_layout.h"
#include "config/config.h"
#include "protocol/messages.h"
#include "protocol/requests.h"
#include "protocol/shard_map.h"
#include "router/async_clients.h"
#include "router/in_flight.h"
#include "router/outgoing_queue.h"
#include "router/peer_table.h"
#include "router/scatter.h"
#include "router/shard_table.h"

namespace spex::router {

struct DispatcherStats {
  std::uint64_t requests = 0;
  std::uint64_t overloaded = 0;
  std::uint64_t late_replies = 0;
  std::uint64_t deadlines_exceeded = 0;
  std::uint64_t refused_messages = 0;
};

class Dispatcher {
 public:
  // Runs a line of control; answers later, once.
  using ControlDone = std::function<void(base::Result<std::string>)>;
  using Control = std::function<void(std::string_view line, base::MonotonicTime deadline, ControlDone done)>;

  Dispatcher(const config::Config& config, const config::ClusterLayout& layout, protocol::SlotMap slots,
             base::Incarnation incarnation, base::MonotonicTime now);
  void set_control(Control control) { control_ = std::move(control); }
  void reconfigure(const config::Config& config);

  // A message of a client. `is_sound` false: its frames were no message at all.
  void on_client_message(std::string_view routing_id, bool is_delimited, bool is_sound, std::string_view payload,
                         const PeerTable::Send& send, base::MonotonicTime now);
  void on_shard_reply(base::ShardId shard, Token token, std::string_view reply, base::MonotonicTime now);
  // Answers requests as the step says; opening and closing sockets is the caller's.
  void apply(base::ShardId shard, const ShardStep& step, base::MonotonicTime now);
  // Meets deadlines; every few milliseconds while anything is in flight.
  void on_tick(base::MonotonicTime now);
  void begin_drain() { is_draining_ = true; }
  bool has_deadlines() const { return in_flight_.count() > 0 || !merges_waiting_.empty(); }
  // Nothing accepted is unanswered.
  bool is_idle() const;
  // Hands notices and credits to the peers.
  void tell_async_clients();
  void sweep(base::MonotonicTime now);

  ShardTable& shards() { return shards_; }
  PeerTable& peers() { return peers_; }
  OutgoingQueue& queue(base::ShardId shard) { return queues_[shard.value() - 1]; }
  // Shards that were given something since the last call.
  void take_touched(std::vector<base::ShardId>& out);
  const InFlight& in_flight() const { return in_flight_; }
  const DispatcherStats& stats() const { return stats_; }
  std::string stats_json() const;

 private:
  struct Running {                     // a scattered request
    std::unique_ptr<Scatter> scatter;  // null: the slot is free
    const protocol::OperationInfo* operation = nullptr;
    ReplyTo reply_to;
    std::string request;
    std::uint64_t client = 0;
    base::MonotonicTime deadline;
  };

  void handle(const protocol::RequestHeader& request, const ReplyTo& to, base::MonotonicTime now);
  void handle_async(const protocol::RequestHeader& request, const ReplyTo& to, base::MonotonicTime now);
  void handle_keyed(const protocol::RequestHeader& request, const ReplyTo& to, base::MonotonicTime now);
  void handle_paged(const protocol::RequestHeader& request, const ReplyTo& to, base::MonotonicTime now);
  void handle_any(const protocol::RequestHeader& request, const ReplyTo& to, base::MonotonicTime now);
  void handle_local(const protocol::RequestHeader& request, const ReplyTo& to);
  void handle_control(const protocol::RequestHeader& request, const ReplyTo& to, base::MonotonicTime now);
  void handle_scattered(const protocol::RequestHeader& request, const ReplyTo& to, base::MonotonicTime now);

  base::Result<base::ShardId> shard_of(const protocol::RequestHeader& request);
  base::Result<base::ShardId> page_shard(const protocol::RequestHeader& request) const;
  std::optional<base::ShardId> any_shard();
  base::MonotonicTime deadline_of(const protocol::RequestHeader& request, base::MonotonicTime now) const;
  // Why a shard cannot be given a request of that size; nothing if it can.
  std::optional<base::Reason> refusal(base::ShardId shard, std::size_t bytes) const;
  InFlightRequest& hand_to(base::ShardId shard, base::MonotonicTime deadline, const protocol::BackendRequest& request,
                           const protocol::OperationInfo* operation);
  void forward(base::ShardId shard, const protocol::RequestHeader& request, const ReplyTo& to, base::MonotonicTime now);

  void refuse(const ReplyTo& to, std::string_view id, const base::Error& error);
  void refuse_shard(const ReplyTo& to, std::string_view id, const protocol::OperationInfo& operation,
                    base::ShardId shard, base::Reason reason);
  void fail_request(Token token, base::Reason reason, base::MonotonicTime now);
  void fail_all(base::ShardId shard, bool sent, base::Reason reason, base::MonotonicTime now);
  void answer_page(const InFlightRequest& entry, std::string_view reply);
  void answer_missing_page(const ReplyTo& to, std::string_view id, base::ShardId shard, base::Reason reason);
  void settle_async(const InFlightRequest& entry, std::string_view reply);

  void start_merge_all(base::MonotonicTime now);
  void send_round(std::uint32_t index, base::MonotonicTime now);
  void send_to(std::uint32_t index, const std::vector<base::ShardId>& shards, std::string_view gathered,
               base::MonotonicTime now);
  bool give_up_if_any_is_missing(std::uint32_t index);
  void begin_second_round(std::uint32_t index, base::MonotonicTime now);
  void advance(std::uint32_t index, ScatterNext next, base::MonotonicTime now);
  void finish(std::uint32_t index, base::MonotonicTime now);
  std::vector<base::ShardId> every_shard() const;

  config::Config config_;
  std::string cluster_id_;
  protocol::SlotMap slots_;
  base::Incarnation incarnation_;
  Control control_;
  ShardTable shards_;
  PeerTable peers_;
  InFlight in_flight_;
  AsyncClients async_;
  std::vector<OutgoingQueue> queues_;
  std::vector<bool> is_touched_;
  std::vector<base::ShardId> touched_;

  std::vector<Running> running_;
  std::vector<std::uint32_t> free_running_;
  std::size_t running_count_ = 0;
  std::deque<std::uint32_t> merges_waiting_;  // merge_all goes one after the other, so that all shards agree
  std::optional<std::uint32_t> merge_running_;
  std::mt19937_64 change_numbers_{
      std::random_device{}()};  // name each change of all shards, for shards that missed a round

  std::size_t controls_ = 0;
  std::uint32_t next_any_ = 0;
  bool is_draining_ = false;
  DispatcherStats stats_;

  // Reused from message to message.
  protocol::RequestMessageReader reader_;
  std::string canonical_;
  std::string reply_;
  std::vector<Token> tokens_;
  std::vector<AsyncNews> news_;
};

}  // namespace spex::router
