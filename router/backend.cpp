#include "router/backend.h"

#include "base/log.h"
#include "protocol/backend.h"

namespace spex::router {
namespace {

constexpr int kMessagesPerTurnMax = 256;
// What may wait for the replies of an incarnation that is gone: bounded by its queue.
constexpr int kMessagesLeftMax = 100'000;

}  // namespace

using base::LogLevel;
using base::ShardId;

Backend::Backend(transport::Context& context, transport::Reactor& reactor, const base::Clock& clock,
                 Dispatcher& dispatcher, base::Incarnation router_incarnation, OnReached on_reached)
    : context_(context),
      reactor_(reactor),
      clock_(clock),
      dispatcher_(dispatcher),
      router_incarnation_(router_incarnation),
      on_reached_(std::move(on_reached)),
      sockets_(dispatcher.shards().size()),
      owes_last_(dispatcher.shards().size()) {}

void Backend::apply(ShardId shard, const ShardStep& step) {
  if (step.fail_sent || step.close) drain(shard, kMessagesLeftMax);
  dispatcher_.apply(shard, step, clock_.monotonic());
  if (step.say_last) {
    owes_last_[shard.value() - 1] = true;
    send_last(shard);
  }
  if (step.close) close(shard);
  if (step.open) open(shard);
  if (step.serve) send_queue(shard);
}

void Backend::open(ShardId shard) {
  close(shard);
  transport::SocketOptions options;
  options.send_hwm = 64;  // frames of up to a thousand requests; the queue before it is ours
  const std::string& endpoint = dispatcher_.shards().at(shard).endpoint;
  auto socket = transport::Socket::open(context_, transport::SocketType::dealer, options);
  const auto connected = socket ? socket->connect(endpoint) : base::Result<void>(socket.error());
  if (!connected) {
    // The table says HELLO again in a moment, on another socket.
    base::log_limited(LogLevel::error, "shard_connect_failed",
                      {{"shard", std::to_string(shard.value())}, {"reason", connected.error().message}});
    return;
  }
  auto& place = sockets_[shard.value() - 1];
  place = std::make_unique<transport::Socket>(std::move(*socket));
  reactor_.add(*place, [this, shard] { return on_ready(shard); });
  place->send(protocol::encode(protocol::BackendHello{router_incarnation_.value()}));
}

void Backend::close(ShardId shard) {
  auto& place = sockets_[shard.value() - 1];
  if (!place) return;
  owes_last_[shard.value() - 1] = false;
  reactor_.remove(*place);
  place.reset();
}

bool Backend::on_ready(ShardId shard) {
  const bool did = drain(shard, kMessagesPerTurnMax);
  // A full socket has room again, perhaps.
  if (!dispatcher_.queue(shard).empty()) send_queue(shard);
  if (owes_last_[shard.value() - 1]) send_last(shard);
  return did;
}

bool Backend::drain(ShardId shard, int messages_max) {
  bool did = false;
  for (int i = 0; i < messages_max; ++i) {
    transport::Socket* socket = sockets_[shard.value() - 1].get();
    if (socket == nullptr || !socket->receive(message_)) return did;
    did = true;
    if (message_.size() == 1) on_frame(shard, message_.frame(0));
  }
  return did;
}

void Backend::on_frame(ShardId shard, std::string_view frame) {
  if (protocol::backend_kind(frame) == protocol::BackendKind::replies) {
    protocol::BackendReplyReader reader(frame);
    const base::MonotonicTime now = clock_.monotonic();
    while (const auto reply = reader.next()) dispatcher_.on_shard_reply(shard, reply->token, reply->reply, now);
    if (!reader.damaged()) return;
  } else if (const auto ready = protocol::decode_ready(frame)) {
    const auto step =
        dispatcher_.shards().on_ready(shard, ShardId(ready->shard), base::Incarnation(ready->incarnation));
    if (step.serve) {
      base::log(LogLevel::info, "shard_serves",
                {{"of_shard", std::to_string(shard.value())},
                 {"of_incarnation", std::to_string(ready->incarnation)},
                 {"pid", std::to_string(ready->pid)}});
      on_reached_(shard, base::Incarnation(ready->incarnation));
      return send_queue(shard);
    }
  }
  base::log_limited(LogLevel::error, "unexpected_shard_frame",
                    {{"of_shard", std::to_string(shard.value())}, {"bytes", std::to_string(frame.size())}});
}

void Backend::send_queue(ShardId shard) {
  transport::Socket* socket = sockets_[shard.value() - 1].get();
  if (socket == nullptr || dispatcher_.shards().at(shard).phase != ShardPhase::serving) return;
  OutgoingQueue& queue = dispatcher_.queue(shard);
  while (!queue.empty() && socket->send(queue.front()) == transport::SendOutcome::sent) queue.pop_sent();
}

void Backend::send_last(ShardId shard) {
  transport::Socket* socket = sockets_[shard.value() - 1].get();
  const bool is_full =
      socket != nullptr && socket->send(protocol::encode_last()) == transport::SendOutcome::would_block;
  owes_last_[shard.value() - 1] = is_full;
}

void Backend::flush() {
  dispatcher_.take_touched(touched_);
  for (const ShardId shard : touched_) send_queue(shard);
}

}  // namespace spex::router
