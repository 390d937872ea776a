#include "clients/cpp/pipeline.h"

#include <algorithm>

#include "base/assert.h"

namespace spex::client {
namespace {

// A reply to the last moment still needs to travel.
constexpr base::Duration kReplySlack = std::chrono::seconds(1);

const protocol::OperationInfo& info_of(const Request& request) {
  const auto* info = protocol::find_operation(static_cast<std::uint64_t>(request.operation));
  SPEX_ASSERT(info != nullptr);
  return *info;
}

}  // namespace

Pipeline::Pipeline(PipelineOptions options) : options_(options), random_(options.seed), next_key_(options.first_key) {}

std::uint32_t Pipeline::timeout_ms() const {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(options_.request_timeout).count();
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(milliseconds, 1, static_cast<std::int64_t>(protocol::kTimeoutMillisecondsMax)));
}

RequestId Pipeline::add(Request request) {
  const RequestId id = next_id_++;
  Entry entry;
  const auto& info = info_of(request);
  if (options_.keys && info.mutates && !info.is_async) entry.key = next_key_++;
  entry.request = std::move(request);
  entries_.emplace(id, std::move(entry));
  return id;
}

RequestId Pipeline::submit(Request request, base::MonotonicTime now) {
  const bool is_barrier = request.ordering == Ordering::after_everything;
  const RequestId id = add(std::move(request));
  if (!held_.empty() || barrier_under_way_ || (is_barrier && admitted_ > 0)) {
    held_.push_back(id);
  } else {
    admit(id, now);
  }
  return id;
}

void Pipeline::admit(RequestId id, base::MonotonicTime now) {
  Entry& entry = entries_.at(id);
  ++admitted_;
  if (entry.request.ordering == Ordering::after_everything) barrier_under_way_ = true;
  if (entry.request.ordering == Ordering::by_identifier) {
    auto& queue = queues_[entry.request.identifier];
    queue.push_back(id);
    if (queue.size() > 1) {
      entry.phase = Phase::queued;
      return;
    }
  }
  make_ready(id, entry, now);
}

void Pipeline::make_ready(RequestId id, Entry& entry, base::MonotonicTime now) {
  entry.phase = Phase::ready;
  if (!entry.ready_since) entry.ready_since = now;
  ready_.push_back(id);
  set_due(id, entry, options_.retry.repeat ? std::optional(gives_up_at(entry)) : std::nullopt);
}

RequestId Pipeline::continue_with(RequestId id, Request request, base::MonotonicTime now) {
  auto node = entries_.extract(id);
  SPEX_ASSERT(!node.empty() && node.mapped().phase == Phase::over);
  SPEX_ASSERT(node.mapped().request.identifier == request.identifier);
  request.ordering = node.mapped().request.ordering;
  const unsigned attempts = node.mapped().attempts;
  const RequestId next = add(std::move(request));
  Entry& entry = entries_.at(next);
  entry.attempts = attempts;
  if (entry.request.ordering == Ordering::by_identifier) queues_.at(entry.request.identifier).front() = next;
  make_ready(next, entry, now);
  return next;
}

void Pipeline::finish(RequestId id, base::MonotonicTime now) {
  auto node = entries_.extract(id);
  SPEX_ASSERT(!node.empty() && node.mapped().phase == Phase::over);
  const Request& request = node.mapped().request;
  --admitted_;
  if (request.ordering == Ordering::after_everything) barrier_under_way_ = false;
  if (request.ordering == Ordering::by_identifier) {
    const auto queue = queues_.find(request.identifier);
    queue->second.pop_front();
    if (queue->second.empty()) {
      queues_.erase(queue);
    } else {
      const RequestId next = queue->second.front();
      make_ready(next, entries_.at(next), now);
    }
  }
  release_held(now);
}

void Pipeline::release_held(base::MonotonicTime now) {
  while (!held_.empty() && !barrier_under_way_) {
    const RequestId id = held_.front();
    if (entries_.at(id).request.ordering == Ordering::after_everything && admitted_ > 0) return;
    held_.pop_front();
    admit(id, now);
  }
}

std::vector<RequestId> Pipeline::take_ready(std::size_t limit) {
  const std::size_t count = std::min(limit, ready_.size());
  const auto end = ready_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<RequestId> taken(ready_.begin(), end);
  ready_.erase(ready_.begin(), end);
  return taken;
}

void Pipeline::give_back(const std::vector<RequestId>& ids) { ready_.insert(ready_.begin(), ids.begin(), ids.end()); }

void Pipeline::unpark() {
  give_back(parked_);
  parked_.clear();
}

void Pipeline::sent(RequestId id, base::MonotonicTime now) {
  Entry& entry = entries_.at(id);
  ++entry.attempts;
  if (entry.attempts > 1 && entry.failures > 0) ++repeats_;
  if (info_of(entry.request).is_async) {
    end(id, entry);
    return;
  }
  entry.phase = Phase::in_flight;
  entry.sent_at = now;
  ++in_flight_;
  base::MonotonicTime deadline = now + std::chrono::milliseconds(timeout_ms()) + kReplySlack;
  if (options_.retry.repeat) deadline = std::min(deadline, gives_up_at(entry));
  set_due(id, entry, deadline);
}

void Pipeline::leave_flight(Entry& entry) {
  if (entry.phase == Phase::in_flight) --in_flight_;
}

void Pipeline::set_due(RequestId id, Entry& entry, std::optional<base::MonotonicTime> due) {
  if (entry.due) due_.erase({*entry.due, id});
  entry.due = due;
  if (due) due_.emplace(*due, id);
}

void Pipeline::end(RequestId id, Entry& entry) {
  leave_flight(entry);
  entry.phase = Phase::over;
  set_due(id, entry, std::nullopt);
}

bool Pipeline::is_harmless(const Entry& entry) const { return entry.key || !info_of(entry.request).mutates; }

bool Pipeline::repeat(RequestId id, Entry& entry, std::optional<base::Reason> error, base::MonotonicTime now) {
  if (!options_.retry.repeat || !may_repeat(error, is_harmless(entry))) return false;
  ++entry.failures;
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  const base::MonotonicTime next = now + backoff_delay(options_.retry, entry.failures, random);
  if (next >= gives_up_at(entry)) return false;
  leave_flight(entry);
  entry.phase = Phase::backing_off;
  set_due(id, entry, next);
  return true;
}

Pipeline::Fate Pipeline::answered(RequestId id, std::optional<base::Reason> error, base::MonotonicTime now) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return Fate::stray;
  Entry& entry = found->second;
  // A late answer to an earlier attempt is as good as any, since the key is the same.
  if (entry.attempts == 0 || entry.phase == Phase::over) return Fate::stray;
  const bool is_under_way = entry.phase == Phase::in_flight;
  if (error && may_repeat(error, is_harmless(entry)) && !is_under_way && options_.retry.repeat) return Fate::repeated;
  if (error && repeat(id, entry, error, now)) return Fate::repeated;
  if (entry.phase == Phase::ready) std::erase(ready_, id);
  end(id, entry);
  return Fate::final;
}

void Pipeline::lost(base::MonotonicTime sent_before, base::Duration grace, base::MonotonicTime now) {
  for (auto& [id, entry] : entries_) {
    if (entry.phase != Phase::in_flight || entry.sent_at >= sent_before) continue;
    if (repeat(id, entry, std::nullopt, now)) continue;
    set_due(id, entry, std::min(*entry.due, now + grace));
  }
}

void Pipeline::fail_all(std::vector<Failure>& failures) {
  const std::size_t first = failures.size();
  for (auto& [id, entry] : entries_) {
    if (entry.phase != Phase::in_flight && entry.phase != Phase::ready && entry.phase != Phase::backing_off) continue;
    failures.push_back({id, entry.attempts > 0});
    end(id, entry);
  }
  ready_.clear();
  parked_.clear();
  // In the order of submission, so that callers see what they would have seen.
  std::sort(failures.begin() + static_cast<std::ptrdiff_t>(first), failures.end(),
            [](const Failure& a, const Failure& b) { return a.id < b.id; });
}

void Pipeline::advance(base::MonotonicTime now, std::vector<Failure>& failures) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const RequestId id = due_.begin()->second;
    Entry& entry = entries_.at(id);
    if (entry.phase == Phase::backing_off) {
      make_ready(id, entry, now);
      continue;
    }
    if (entry.phase == Phase::in_flight && repeat(id, entry, std::nullopt, now)) continue;
    if (entry.phase == Phase::ready) {
      std::erase(ready_, id);
      std::erase(parked_, id);
    }
    failures.push_back({id, entry.attempts > 0});
    end(id, entry);
  }
}

std::optional<base::MonotonicTime> Pipeline::next_due() const {
  return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

}  // namespace spex::client
