// Requests on their way in: routed, admitted, put into a shard's queue, or refused.
#include "router/dispatcher.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/assert.h"
#include "base/log.h"
#include "protocol/arguments.h"
#include "protocol/identifier.h"
#include "protocol/msgpack_writer.h"
#include "protocol/replies.h"

namespace spex::router {

using base::Duration;
using base::Error;
using base::fail;
using base::MonotonicTime;
using base::Reason;
using base::Result;
using base::ShardId;
using protocol::Operation;
using protocol::RequestHeader;
using protocol::Route;

namespace {

constexpr std::string_view kNil("\xc0", 1);
constexpr std::chrono::seconds kHelloTimeout{2};

Duration microseconds(std::int64_t count) { return std::chrono::microseconds(count); }

PeerLimits limits_of(const config::Config& config) {
  PeerLimits limits;
  limits.peers_max = config.clients_max;
  return limits;
}

}  // namespace

Dispatcher::Dispatcher(const config::Config& config, const config::ClusterLayout& layout, protocol::SlotMap slots,
                       base::Incarnation incarnation, MonotonicTime now)
    : config_(config),
      cluster_id_(layout.cluster_id),
      slots_(std::move(slots)),
      incarnation_(incarnation),
      shards_(layout.distribution_factor, microseconds(config.hold_max), kHelloTimeout, now),
      peers_(limits_of(config)),
      in_flight_(layout.distribution_factor, now),
      async_(config.async_credit, config.clients_max),
      queues_(layout.distribution_factor),
      is_touched_(layout.distribution_factor) {}

void Dispatcher::reconfigure(const config::Config& config) {
  config_ = config;
  shards_.set_hold_max(microseconds(config.hold_max));
  async_.set_credit(config.async_credit);
}

void Dispatcher::on_client_message(std::string_view routing_id, bool is_delimited, bool is_sound,
                                   std::string_view payload, const PeerTable::Send& send, MonotonicTime now) {
  const auto peer = peers_.find_or_add(routing_id, now);
  if (!peer) {
    // No room to remember whom to answer, so the refusal goes out at once.
    ++stats_.overloaded;
    base::log_limited(base::LogLevel::warning, "clients_max_reached");
    send(routing_id, is_delimited,
         protocol::encode_refusal(fail(Reason::overloaded, "too many clients have requests under way")));
    return;
  }
  const ReplyTo to = peers_.open(*peer, is_delimited);
  const Result<void> read = is_sound
                                ? reader_.read(payload)
                                : fail(Reason::malformed, "a message is one frame, after an empty delimiter or none");
  if (!read) {
    ++stats_.refused_messages;
    peers_.expect(to);
    refuse(to, kNil, read.error());
    peers_.close(to);
    return;
  }
  for (const RequestHeader& request : reader_.requests()) handle(request, to, now);
  if (reader_.requests().empty() && reader_.client()) async_.ask(*reader_.client(), to, now);
  peers_.close(to);
}

void Dispatcher::handle(const RequestHeader& request, const ReplyTo& to, MonotonicTime now) {
  ++stats_.requests;
  if (request.operation != nullptr && request.operation->is_async && reader_.client() && request.async_number() > 0) {
    return handle_async(request, to, now);
  }
  peers_.expect(to);
  if (request.fault) return refuse(to, request.id, fail(request.fault->reason, request.fault->what));
  if (request.operation->is_async) {
    return refuse(to, request.id, fail(Reason::invalid_argument, "an async request needs a client and a number as id"));
  }
  const Route route = request.operation->route;
  if (is_draining_ && route != Route::local && route != Route::supervisor) {
    return refuse(to, request.id, fail(Reason::draining, "the service is stopping"));
  }
  switch (route) {
    case Route::keyed:
      return handle_keyed(request, to, now);
    case Route::paged:
      return handle_paged(request, to, now);
    case Route::scatter_sum:
    case Route::merge_one:
    case Route::merge_all:
      return handle_scattered(request, to, now);
    case Route::any_shard:
      return handle_any(request, to, now);
    case Route::local:
      return handle_local(request, to);
    case Route::supervisor:
      return handle_control(request, to, now);
  }
}

void Dispatcher::handle_async(const RequestHeader& request, const ReplyTo& to, MonotonicTime now) {
  const std::uint64_t client = *reader_.client();
  const std::uint64_t number = request.async_number();
  if (!async_.arrive(client, number, to, now)) {
    ++stats_.overloaded;
    return;
  }
  if (request.fault) return async_.done(client, number, request.fault->reason);
  if (is_draining_) return async_.done(client, number, Reason::draining);
  const auto shard = shard_of(request);
  if (!shard) return async_.done(client, number, shard.error().reason);
  if (const auto reason = refusal(*shard, request.bytes.size())) {
    if (*reason == Reason::overloaded) ++stats_.overloaded;
    return async_.done(client, number, *reason);
  }
  InFlightRequest& entry =
      hand_to(*shard, deadline_of(request, now), {0, client, 0, 0, request.bytes, {}}, request.operation);
  entry.async_number = number;
}

void Dispatcher::handle_keyed(const RequestHeader& request, const ReplyTo& to, MonotonicTime now) {
  const auto shard = shard_of(request);
  if (!shard) return refuse(to, request.id, shard.error());
  forward(*shard, request, to, now);
}

void Dispatcher::handle_paged(const RequestHeader& request, const ReplyTo& to, MonotonicTime now) {
  const auto shard = page_shard(request);
  if (!shard) return refuse(to, request.id, shard.error());
  forward(*shard, request, to, now);
}

void Dispatcher::handle_any(const RequestHeader& request, const ReplyTo& to, MonotonicTime now) {
  const auto shard = any_shard();
  if (!shard) return refuse(to, request.id, fail(Reason::shard_unavailable, "no shard serves"));
  forward(*shard, request, to, now);
}

void Dispatcher::handle_local(const RequestHeader& request, const ReplyTo& to) {
  std::string body;
  protocol::MsgpackWriter writer(body);
  if (request.operation->operation == Operation::ping) {
    // Incarnations begin anew with the supervisor; by the process a client knows one router from its successor.
    writer.array(3).string(SPEX_VERSION).uint(incarnation_.value()).uint(static_cast<std::uint64_t>(::getpid()));
  } else {
    writer.array(3).uint(slots_.shards()).array(static_cast<std::uint32_t>(slots_.slots().size()));
    for (const std::uint16_t shard : slots_.slots()) writer.uint(shard);
    writer.string(cluster_id_);
  }
  reply_.clear();
  protocol::append_reply(reply_, {request.id, true, body, {}, {}});
  peers_.reply(to, reply_);
}

void Dispatcher::handle_control(const RequestHeader& request, const ReplyTo& to, MonotonicTime now) {
  protocol::TextArguments arguments;
  if (const auto decoded = protocol::decode(request.arguments, arguments); !decoded) {
    return refuse(to, request.id, decoded.error());
  }
  if (arguments.text.empty() || arguments.text.find_first_of(std::string_view("\n\0", 2)) != std::string_view::npos) {
    return refuse(to, request.id, fail(Reason::invalid_argument, "a control command is one line of text"));
  }
  ++controls_;
  control_(arguments.text, deadline_of(request, now), [this, to, id = std::string(request.id)](auto answer) {
    --controls_;
    if (!answer) return refuse(to, id, answer.error());
    std::string body;
    protocol::MsgpackWriter(body).string(*answer);
    reply_.clear();
    protocol::append_reply(reply_, {id, true, body, {}, {}});
    peers_.reply(to, reply_);
  });
}

Result<ShardId> Dispatcher::shard_of(const RequestHeader& request) {
  SPEX_TRY_ASSIGN(const std::string_view canonical, protocol::canonicalise(request.identifier, canonical_));
  return slots_.shard_of(canonical);
}

Result<ShardId> Dispatcher::page_shard(const RequestHeader& request) const {
  ShardId shard(1);
  if (request.operation->operation == Operation::all_instances) {
    protocol::AllInstancesArguments arguments;
    SPEX_TRY(protocol::decode(request.arguments, arguments));
    if (arguments.cursor) shard = arguments.cursor->shard;
  } else {
    protocol::ReadEventsArguments arguments;
    SPEX_TRY(protocol::decode(request.arguments, arguments));
    shard = ShardId(arguments.shard);
  }
  if (!shards_.knows(shard)) return fail(Reason::invalid_argument, "there is no such shard");
  return shard;
}

std::optional<ShardId> Dispatcher::any_shard() {
  // First one that serves now, then one that will soon.
  for (const Admission wanted : {Admission::send, Admission::hold}) {
    for (std::uint32_t i = 0; i < shards_.size(); ++i) {
      const ShardId shard((next_any_ + i) % shards_.size() + 1);
      if (shards_.admission(shard) != wanted) continue;
      next_any_ = shard.value();
      return shard;
    }
  }
  return std::nullopt;
}

MonotonicTime Dispatcher::deadline_of(const RequestHeader& request, MonotonicTime now) const {
  if (request.timeout_ms) return now + std::chrono::milliseconds(*request.timeout_ms);
  return now + std::chrono::duration_cast<MonotonicTime::duration>(microseconds(config_.request_timeout));
}

std::optional<Reason> Dispatcher::refusal(ShardId shard, std::size_t bytes) const {
  if (shards_.admission(shard) == Admission::refuse) return Reason::shard_unavailable;
  // A request larger than the whole bound may still go alone.
  const std::uint64_t bytes_after = in_flight_.bytes(shard) + bytes;
  const bool is_full = in_flight_.count(shard) >= config_.queue_max ||
                       (in_flight_.count(shard) > 0 && bytes_after > config_.queue_bytes_max);
  return is_full ? std::optional(Reason::overloaded) : std::nullopt;
}

InFlightRequest& Dispatcher::hand_to(ShardId shard, MonotonicTime deadline, const protocol::BackendRequest& request,
                                     const protocol::OperationInfo* operation) {
  InFlightRequest& entry =
      in_flight_.add(shard, deadline, static_cast<std::uint32_t>(request.request.size() + request.gathered.size()));
  protocol::BackendRequest with_token = request;
  with_token.token = entry.token;
  entry.sequence = queue(shard).append(with_token);
  entry.operation = operation;
  entry.client = request.client;
  if (!is_touched_[shard.value() - 1]) {
    is_touched_[shard.value() - 1] = true;
    touched_.push_back(shard);
  }
  return entry;
}

void Dispatcher::forward(ShardId shard, const RequestHeader& request, const ReplyTo& to, MonotonicTime now) {
  if (const auto reason = refusal(shard, request.bytes.size())) {
    return refuse_shard(to, request.id, *request.operation, shard, *reason);
  }
  InFlightRequest& entry = hand_to(shard, deadline_of(request, now),
                                   {0, reader_.client().value_or(0), 0, 0, request.bytes, {}}, request.operation);
  entry.reply_to = to;
  entry.id.assign(request.id);
}

void Dispatcher::take_touched(std::vector<ShardId>& out) {
  out.clear();
  out.swap(touched_);
  for (const ShardId shard : out) is_touched_[shard.value() - 1] = false;
}

}  // namespace spex::router
