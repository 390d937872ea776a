// Backend: the sockets towards the shards, a fresh DEALER for every incarnation
// so that nothing waits in a dead peer's queue. Moves bytes; what a reply or an
// absence means is the Dispatcher's business.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong_id.h"
#include "router/dispatcher.h"
#include "transport/reactor.h"
#include "transport/socket.h"

namespace spex::router {

class Backend {
 public:
  // Called when requests begin to go to an incarnation of a shard.
  using OnReached = std::function<void(base::ShardId, base::Incarnation)>;
  Backend(transport::Context& context, transport::Reactor& reactor, const base::Clock& clock, Dispatcher& dispatcher,
          base::Incarnation router_incarnation, OnReached on_reached);

  // Does what a step of the shard table asks for: reads what an old incarnation
  // still said, answers requests, closes, opens and says HELLO.
  void apply(base::ShardId shard, const ShardStep& step);
  // Sends the queues of the shards that were given something, as far as their sockets take them.
  void flush();

 private:
  bool on_ready(base::ShardId shard);
  bool drain(base::ShardId shard, int messages_max);
  void on_frame(base::ShardId shard, std::string_view frame);
  void open(base::ShardId shard);
  void close(base::ShardId shard);
  void send_queue(base::ShardId shard);
  void send_last(base::ShardId shard);

  transport::Context& context_;
  transport::Reactor& reactor_;
  const base::Clock& clock_;
  Dispatcher& dispatcher_;
  base::Incarnation router_incarnation_;
  OnReached on_reached_;
  std::vector<std::unique_ptr<transport::Socket>> sockets_;  // by shard - 1; null: none
  std::vector<bool> owes_last_;                              // by shard - 1: LAST is due as soon as the socket takes it
  transport::Message message_;
  std::vector<base::ShardId> touched_;
};

}  // namespace spex::router
