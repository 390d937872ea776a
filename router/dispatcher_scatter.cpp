// Requests to several shards: sending the rounds of scatter.h and giving its answer.
#include "base/assert.h"
#include "protocol/msgpack_writer.h"
#include "protocol/replies.h"
#include "router/dispatcher.h"

namespace spex::router {

using base::fail;
using base::MonotonicTime;
using base::Reason;
using base::ShardId;
using protocol::Route;

namespace {

constexpr std::size_t kRunningMax = 256;
constexpr std::size_t kMergesWaitingMax = 64;

}  // namespace

std::vector<ShardId> Dispatcher::every_shard() const {
  std::vector<ShardId> shards;
  for (std::uint32_t n = 1; n <= shards_.size(); ++n) shards.emplace_back(n);
  return shards;
}

void Dispatcher::handle_scattered(const protocol::RequestHeader& request, const ReplyTo& to, MonotonicTime now) {
  const Route route = request.operation->route;
  if (running_count_ >= kRunningMax || (route == Route::merge_all && merges_waiting_.size() >= kMergesWaitingMax)) {
    ++stats_.overloaded;
    return refuse(to, request.id, fail(Reason::overloaded, "too many requests to all shards are under way"));
  }
  if (free_running_.empty()) {
    free_running_.push_back(static_cast<std::uint32_t>(running_.size()));
    running_.emplace_back();
  }
  const std::uint32_t index = free_running_.back();
  free_running_.pop_back();
  ++running_count_;
  Running& running = running_[index];
  running.scatter = std::make_unique<Scatter>(route, shards_.size(), request.id);
  running.operation = request.operation;
  running.reply_to = to;
  running.request = request.bytes;
  running.client = reader_.client().value_or(0);
  running.deadline = deadline_of(request, now);
  if (route != Route::merge_all) return send_round(index, now);
  merges_waiting_.push_back(index);
  if (!merge_running_) start_merge_all(now);
}

void Dispatcher::start_merge_all(MonotonicTime now) {
  if (merges_waiting_.empty()) return;
  const std::uint32_t index = merges_waiting_.front();
  merges_waiting_.pop_front();
  if (running_[index].deadline > now) {
    merge_running_ = index;
    return send_round(index, now);
  }
  ++stats_.deadlines_exceeded;
  for (const ShardId shard : every_shard()) running_[index].scatter->give_up(shard, Reason::deadline_exceeded);
  finish(index, now);
}

void Dispatcher::send_round(std::uint32_t index, MonotonicTime now) {
  if (give_up_if_any_is_missing(index)) return finish(index, now);
  std::string number;
  if (running_[index].operation->route == Route::merge_all) protocol::MsgpackWriter(number).uint(change_numbers_());
  send_to(index, every_shard(), number, now);
}

bool Dispatcher::give_up_if_any_is_missing(std::uint32_t index) {
  Running& running = running_[index];
  if (running.operation->route != Route::merge_all) return false;
  bool is_any_missing = false;
  for (const ShardId shard : every_shard()) {
    const auto reason = refusal(shard, running.request.size());
    if (!reason) continue;
    running.scatter->give_up(shard, *reason);
    is_any_missing = true;
  }
  return is_any_missing;
}

void Dispatcher::send_to(std::uint32_t index, const std::vector<ShardId>& shards, std::string_view gathered,
                         MonotonicTime now) {
  ScatterNext next = ScatterNext::wait;
  for (const ShardId shard : shards) {
    Running& running = running_[index];
    if (const auto reason = refusal(shard, running.request.size())) {
      if (*reason == Reason::overloaded) ++stats_.overloaded;
      next = running.scatter->on_missing(shard, *reason);
      continue;
    }
    // One round only is round 0 to the shard.
    const bool has_rounds = running.operation->route != Route::scatter_sum;
    const std::uint8_t round = has_rounds ? running.scatter->round() : std::uint8_t{0};
    InFlightRequest& entry =
        hand_to(shard, running.deadline, {0, running.client, round, 0, running.request, gathered}, running.operation);
    entry.scatter = index;
  }
  advance(index, next, now);
}

void Dispatcher::begin_second_round(std::uint32_t index, MonotonicTime now) {
  // Both rounds of merge_all find every shard, or the second is not begun.
  if (give_up_if_any_is_missing(index)) return finish(index, now);
  std::vector<ShardId> shards = every_shard();
  if (running_[index].operation->route == Route::merge_one) shards = {any_shard().value_or(ShardId(1))};
  const std::string gathered = running_[index].scatter->begin_second(shards);
  send_to(index, shards, gathered, now);
}

void Dispatcher::advance(std::uint32_t index, ScatterNext next, MonotonicTime now) {
  switch (next) {
    case ScatterNext::wait:
      return;
    case ScatterNext::second_round:
      return begin_second_round(index, now);
    case ScatterNext::answer:
      return finish(index, now);
  }
}

void Dispatcher::finish(std::uint32_t index, MonotonicTime now) {
  Running& running = running_[index];
  reply_.clear();
  running.scatter->append_answer(reply_);
  peers_.reply(running.reply_to, reply_);
  running = Running();
  free_running_.push_back(index);
  --running_count_;
  if (merge_running_ == index) {
    merge_running_.reset();
    start_merge_all(now);
  }
}

}  // namespace spex::router
