#include "shard_worker/deadlines.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "protocol/msgpack_writer.h"
#include "shard_worker/reports.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::Reason;
using base::Result;

constexpr std::size_t kVisitsPerChange = 16;  // that cost about as much

std::optional<store::Instance> living(const store::InstanceStore& instances, store::InstanceNumber number) {
  std::optional<store::Instance> found;
  instances.scan(number, [&](const store::Instance& instance) {
    if (instance.number == number) found = instance;
    return false;
  });
  return found;
}

// In the transaction that deletes the instance, before it does.
Result<void> publish_prune(Shard& shard, store::InstanceNumber number, base::Timestamp now) {
  const store::Instance instance = shard.store.instance(number);
  SPEX_TRY_ASSIGN(const auto details, shard.store.details(number));
  std::string body;
  protocol::MsgpackWriter writer(body);
  writer.map(6).string("kind").string("prune").string("reason").string("prune");
  writer.string("specification").string(shard.store.specification_name(instance.specification));
  writer.string("identifier").raw_or_nil(details.identifier);
  writer.string("current_state").string(shard.store.name(instance.current_state));
  writer.string("record").uint(instance.transitions_total);
  auto appended = shard.store.append_event(now, body);
  if (!appended) return std::move(appended).error();
  return {};
}

// The timeout that holds for this instance in its present state; nothing if none does.
std::optional<std::int64_t> timeout_of(Shard& shard, const store::Instance& instance) {
  const ActiveSpecification* active = shard.catalogue.specification(instance.specification);
  if (active == nullptr || instance.transitions_total == 0 || instance.timeout_reported) return std::nullopt;
  return active->specification->options().transition_timeout.microseconds;
}

}  // namespace

void rebuild_timeouts(Shard& shard, Now now) {
  shard.timeouts.clear();
  shard.store.scan(store::InstanceNumber(0), [&](const store::Instance& instance) {
    if (const auto timeout = timeout_of(shard, instance)) {
      shard.timeouts.record(instance.number, now.monotonic, *timeout, shard.clock.age(instance.last_record_at, now));
    }
    return true;
  });
}

void Deadlines::start(Now now) {
  started_ = now.monotonic;
  shard_.clock.observe(now);
  prune_cursor_ = store::InstanceNumber(0);
}

Result<void> Deadlines::report(store::InstanceNumber number, Now now) {
  const auto instance = living(shard_.store, number);
  if (!instance) return {};
  const auto timeout = timeout_of(shard_, *instance);
  if (!timeout || !shard_.timeouts.is_due_or_put_back(number, now.monotonic, *timeout)) return {};
  const conformance::Specification& specification =
      *shard_.catalogue.specification(instance->specification)->specification;
  const bool at_end = shard_.catalogue.is_at_end(instance->specification, instance->current_state);
  if (at_end && !specification.options().timeout_at_end) return {};
  SPEX_TRY(shard_.store.mark_timeout_reported(number));
  const std::int64_t up = std::chrono::duration_cast<std::chrono::microseconds>(now.monotonic - started_).count();
  const bool was_away = catching_up_ && now.wall - instance->last_record_at - up >= *timeout;
  if (was_away) {
    ++overdue_at_start_;
    if (!shard_.config.check_transition_timeouts_on_start) return {};
  }
  SPEX_TRY_ASSIGN(const auto details, shard_.store.details(number));
  const InstanceError error{Reason::transition_timeout,
                            specification.options().error_policy.accepts(Reason::transition_timeout),
                            specification.name(),
                            details.identifier,
                            {},
                            std::nullopt,
                            instance->transitions_total};
  return publish(shard_, now.wall, error);
}

Result<bool> Deadlines::report_due(Now now, std::size_t changes_max) {
  for (std::size_t i = 0; i < changes_max; ++i) {
    const auto number = shard_.timeouts.pop(now.monotonic);
    if (!number) {
      if (catching_up_ && overdue_at_start_ != 0) {
        base::log(base::LogLevel::info, "timeouts_while_away",
                  {{"count", std::to_string(overdue_at_start_)},
                   {"reported", shard_.config.check_transition_timeouts_on_start ? "true" : "false"}});
      }
      catching_up_ = false;
      return false;
    }
    SPEX_TRY(report(*number, now));
  }
  return true;
}

bool Deadlines::is_prunable(const store::Instance& instance, Now now) {
  const ActiveSpecification* active = shard_.catalogue.specification(instance.specification);
  if (active == nullptr || instance.transitions_total == 0) return false;
  const conformance::SpecificationOptions& options = active->specification->options();
  if (!options.prune_timeout.microseconds) return false;
  if (shard_.clock.age(instance.last_record_at, now) <= *options.prune_timeout.microseconds) return false;
  switch (options.prunable) {
    case conformance::Prunable::none:
      return false;
    case conformance::Prunable::all:
      return true;
    case conformance::Prunable::terminal:
      return shard_.catalogue.is_at_end(instance.specification, instance.current_state);
    case conformance::Prunable::listed:
      return active->prunable_states.contains(shard_.store.name(instance.current_state));
  }
  return false;
}

Result<bool> Deadlines::prune_some(Now now, std::size_t changes_max) {
  if (!prune_cursor_) {
    if (!next_prune_ || now.monotonic < *next_prune_) return false;
    prune_cursor_ = store::InstanceNumber(0);
    pruned_in_pass_ = 0;
  }
  std::vector<store::InstanceNumber> old;
  std::size_t visits = 0;
  std::optional<store::InstanceNumber> rest;
  shard_.store.scan(*prune_cursor_, [&](const store::Instance& instance) {
    if (visits == kVisitsPerChange * changes_max || old.size() == changes_max) {
      rest = instance.number;
      return false;
    }
    ++visits;
    if (is_prunable(instance, now)) old.push_back(instance.number);
    return true;
  });
  for (const store::InstanceNumber number : old) {
    SPEX_TRY(publish_prune(shard_, number, now.wall));
    SPEX_TRY(shard_.store.remove(number, nullptr, nullptr));
  }
  shard_.counters.pruned += old.size();
  pruned_in_pass_ += old.size();
  prune_cursor_ = rest;
  if (!rest) end_pass(now);
  return rest.has_value();
}

void Deadlines::end_pass(Now now) {
  if (pruned_in_pass_ != 0) base::log(base::LogLevel::info, "pruned", {{"instances", std::to_string(pruned_in_pass_)}});
  next_prune_.reset();
  if (const auto interval = shard_.config.prune_interval.microseconds) {
    next_prune_ = now.monotonic + std::chrono::microseconds(*interval);
  }
}

Result<bool> Deadlines::run_slice(Now now, std::size_t changes_max) {
  shard_.clock.observe(now);
  SPEX_TRY_ASSIGN(const bool more_due, report_due(now, changes_max));
  SPEX_TRY_ASSIGN(const bool more_to_prune, prune_some(now, changes_max));
  return more_due || more_to_prune;
}

base::MonotonicTime Deadlines::next(Now now) const {
  if (prune_cursor_) return now.monotonic;
  // The clocks are compared at least this often.
  base::MonotonicTime time = now.monotonic + std::chrono::seconds(1);
  if (const auto due = shard_.timeouts.next()) time = std::min(time, *due);
  if (next_prune_) time = std::min(time, *next_prune_);
  return time;
}

}  // namespace spex::shard_worker
