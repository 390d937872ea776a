#include "router/in_flight.h"

#include <algorithm>

#include "base/assert.h"

namespace spex::router {

using base::MonotonicTime;
using base::ShardId;

InFlight::InFlight(std::uint32_t shards, MonotonicTime now) : start_(now), shards_(shards + 1), wheel_(kSteps, kNone) {}

std::int64_t InFlight::step_of(MonotonicTime time) const {
  return std::max<std::int64_t>((time - start_).count() / kStepNanoseconds, 0);
}

InFlightRequest& InFlight::add(ShardId shard, MonotonicTime deadline, std::uint32_t bytes) {
  if (free_.empty()) {
    SPEX_ASSERT(slots_.size() < kNone);
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.used = true;
  InFlightRequest& request = slot.request;
  request.token = std::uint64_t{slot.generation} << 32 | index;
  request.shard = shard;
  request.deadline = deadline;
  request.bytes = bytes;
  request.sequence = request.client = request.async_number = 0;
  request.scatter = kNoScatter;
  // One step later than its own, so that a deadline is never met early.
  slot.step =
      static_cast<std::uint32_t>(static_cast<std::size_t>(std::max(step_of(deadline), done_until_ - 1) + 1) % kSteps);
  link(index);
  ++count_;
  return request;
}

void InFlight::link(std::uint32_t index) {
  Slot& slot = slots_[index];
  ShardList& list = shards_[slot.request.shard.value()];
  slot.of_shard = {list.tail, kNone};
  (list.tail == kNone ? list.head : slots_[list.tail].of_shard.next) = index;
  list.tail = index;
  ++list.count;
  list.bytes += slot.request.bytes;

  std::uint32_t& head = wheel_[slot.step];
  slot.of_step = {kNone, head};
  if (head != kNone) slots_[head].of_step.previous = index;
  head = index;
}

void InFlight::unlink(std::uint32_t index) {
  Slot& slot = slots_[index];
  ShardList& list = shards_[slot.request.shard.value()];
  const Link shard_link = slot.of_shard;
  (shard_link.previous == kNone ? list.head : slots_[shard_link.previous].of_shard.next) = shard_link.next;
  (shard_link.next == kNone ? list.tail : slots_[shard_link.next].of_shard.previous) = shard_link.previous;
  --list.count;
  list.bytes -= slot.request.bytes;

  const Link step_link = slot.of_step;
  (step_link.previous == kNone ? wheel_[slot.step] : slots_[step_link.previous].of_step.next) = step_link.next;
  if (step_link.next != kNone) slots_[step_link.next].of_step.previous = step_link.previous;
}

InFlightRequest* InFlight::find(Token token) {
  const auto index = static_cast<std::uint32_t>(token);
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  return slot.used && slot.request.token == token ? &slot.request : nullptr;
}

void InFlight::remove(Token token) {
  const auto index = static_cast<std::uint32_t>(token);
  SPEX_ASSERT(find(token) != nullptr);
  unlink(index);
  slots_[index].used = false;
  // A slot whose generations are used up is retired: a token never comes twice.
  if (++slots_[index].generation != 0) free_.push_back(index);
  --count_;
}

void InFlight::list(ShardId shard, std::vector<Token>& out) const {
  for (std::uint32_t i = shards_[shard.value()].head; i != kNone; i = slots_[i].of_shard.next) {
    out.push_back(slots_[i].request.token);
  }
}

void InFlight::list_due(MonotonicTime now, std::vector<Token>& out) {
  const std::int64_t current = step_of(now);
  // After a long stop the whole wheel is looked at once.
  done_until_ = std::max(done_until_, current + 1 - static_cast<std::int64_t>(kSteps));
  for (; done_until_ <= current; ++done_until_) {
    const std::size_t step = static_cast<std::size_t>(done_until_) % kSteps;
    for (std::uint32_t i = wheel_[step]; i != kNone; i = slots_[i].of_step.next) {
      // Deadlines beyond one turn of the wheel share the step; their turn comes later.
      if (slots_[i].request.deadline <= now) out.push_back(slots_[i].request.token);
    }
  }
}

}  // namespace spex::router
