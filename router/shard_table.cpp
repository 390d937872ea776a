#include "router/shard_table.h"

#include "base/assert.h"

namespace spex::router {

using base::Duration;
using base::Incarnation;
using base::MonotonicTime;
using base::ShardId;

std::string_view name_of(ShardPhase phase) {
  switch (phase) {
    case ShardPhase::awaited:
      return "awaited";
    case ShardPhase::down:
      return "down";
    case ShardPhase::parked:
      return "parked";
    case ShardPhase::connecting:
      return "connecting";
    case ShardPhase::serving:
      return "serving";
    case ShardPhase::held:
      return "held";
  }
  return "";
}

ShardTable::ShardTable(std::uint32_t shards, Duration hold_max, Duration hello_timeout, MonotonicTime now)
    : hold_max_(hold_max), hello_timeout_(hello_timeout), entries_(shards) {
  for (ShardEntry& entry : entries_) entry.hold_until = now + hold_max;
}

ShardEntry& ShardTable::entry(ShardId shard) {
  SPEX_ASSERT(knows(shard));
  return entries_[shard.value() - 1];
}

const ShardEntry& ShardTable::at(ShardId shard) const {
  SPEX_ASSERT(knows(shard));
  return entries_[shard.value() - 1];
}

ShardStep ShardTable::on_up(const process::ShardUp& up, MonotonicTime now) {
  ShardEntry& shard = entry(up.shard);
  const bool in_use = shard.phase == ShardPhase::connecting || shard.phase == ShardPhase::serving;
  if (up.incarnation < shard.incarnation || (in_use && up.incarnation == shard.incarnation)) return {};
  ShardStep step;
  step.fail_sent = true;
  step.close = shard.has_socket;
  step.open = true;
  shard.phase = ShardPhase::connecting;
  shard.incarnation = up.incarnation;
  shard.endpoint = up.endpoint;
  shard.has_socket = true;
  shard.hold_expired = false;
  shard.hold_until = now + hold_max_;
  shard.hello_again = now + hello_timeout_;
  return step;
}

ShardStep ShardTable::on_down(const process::ShardDown& down, MonotonicTime now) {
  ShardEntry& shard = entry(down.shard);
  if (down.incarnation < shard.incarnation) return {};
  shard.incarnation = down.incarnation;
  const bool is_dead = shard.phase == ShardPhase::down || shard.phase == ShardPhase::parked;
  if (down.reason == process::DownReason::planned) {
    if (is_dead || shard.phase == ShardPhase::held) return {};
    // The old incarnation finishes what it has; its socket stays for the replies.
    ShardStep step;
    step.say_last = shard.has_socket;
    shard.phase = ShardPhase::held;
    shard.hold_until = now + hold_max_;
    return step;
  }
  ShardStep step;
  step.fail_sent = true;
  step.close = shard.has_socket;
  shard.has_socket = false;
  // The end of the old incarnation is part of a planned restart: go on holding.
  if (shard.phase == ShardPhase::held && down.reason == process::DownReason::restarting) return step;
  step.fail_queued = true;
  shard.phase = down.reason == process::DownReason::parked ? ShardPhase::parked : ShardPhase::down;
  return step;
}

ShardStep ShardTable::on_ready(ShardId shard_id, ShardId said, Incarnation incarnation) {
  ShardEntry& shard = entry(shard_id);
  // A wrong answer is left alone: HELLO goes out again on a fresh socket when its time is up.
  if (shard.phase != ShardPhase::connecting || said != shard_id || incarnation != shard.incarnation) return {};
  shard.phase = ShardPhase::serving;
  ShardStep step;
  step.serve = true;
  return step;
}

ShardStep ShardTable::on_time(ShardId shard_id, MonotonicTime now) {
  ShardEntry& shard = entry(shard_id);
  ShardStep step;
  switch (shard.phase) {
    case ShardPhase::awaited:
    case ShardPhase::held:
      if (now < shard.hold_until) break;
      shard.phase = ShardPhase::down;
      step.fail_queued = true;
      break;
    case ShardPhase::connecting:
      if (!shard.hold_expired && now >= shard.hold_until) {
        shard.hold_expired = true;
        step.fail_queued = true;
      }
      if (now >= shard.hello_again) {
        step.close = step.open = true;
        shard.hello_again = now + hello_timeout_;
      }
      break;
    case ShardPhase::serving:
    case ShardPhase::down:
    case ShardPhase::parked:
      break;
  }
  return step;
}

Admission ShardTable::admission(ShardId shard_id) const {
  const ShardEntry& shard = at(shard_id);
  switch (shard.phase) {
    case ShardPhase::serving:
      return Admission::send;
    case ShardPhase::awaited:
    case ShardPhase::held:
      return Admission::hold;
    case ShardPhase::connecting:
      return shard.hold_expired ? Admission::refuse : Admission::hold;
    case ShardPhase::down:
    case ShardPhase::parked:
      return Admission::refuse;
  }
  return Admission::refuse;
}

}  // namespace spex::router
