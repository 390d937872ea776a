#include "clients/cpp/pipeline.h"

#include <algorithm>

#include "base/hash.h"

namespace spex::client {
namespace {

// A reply to the last moment still needs to travel.
constexpr base::Duration kReplySlack = std::chrono::seconds(1);
// Short texts are copied into the place's own memory, which is used again and again; others are moved.
constexpr std::size_t kCopiedBytes = 256;

void keep(std::string& kept, std::string&& text) {
  if (text.size() > kCopiedBytes) {
    kept = std::move(text);
  } else {
    kept.assign(text);
  }
}

// Frees what is long.
void forget(std::string& kept) {
  if (kept.capacity() > kCopiedBytes) kept = std::string();
  kept.clear();
}

}  // namespace

Pipeline::Pipeline(PipelineOptions options) : options_(options), random_(options.seed), next_key_(options.first_key) {}

std::uint32_t Pipeline::timeout_ms() const {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(options_.request_timeout).count();
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(milliseconds, 1, static_cast<std::int64_t>(protocol::kTimeoutMillisecondsMax)));
}

RequestId Pipeline::add(Request&& request) {
  if (free_.empty()) {
    SPEX_ASSERT(entries_.size() < kPlaceMask);
    free_.push_back(static_cast<Place>(entries_.size()));
    entries_.emplace_back();
  }
  const Place place = free_.back();
  free_.pop_back();
  ++size_;
  fill(place, std::move(request));
  return entries_[place].id;
}

// Everything but what belongs to the place in the order: `behind` and `hash`.
void Pipeline::fill(Place place, Request&& request) {
  Entry& entry = entries_[place];
  entry.info = protocol::find_operation(static_cast<std::uint64_t>(request.operation));
  SPEX_ASSERT(entry.info != nullptr);
  entry.id = ((entry.id >> kPlaceBits) + 1) << kPlaceBits | place;
  entry.serial = next_serial_++;
  entry.phase = Phase::held;
  entry.key.reset();
  if (options_.keys && entry.info->mutates && !entry.info->is_async) entry.key = next_key_++;
  entry.attempts = entry.failures = 0;
  entry.ready_since.reset();
  entry.request.operation = request.operation;
  entry.request.ordering = request.ordering;
  keep(entry.request.identifier, std::move(request.identifier));
  keep(entry.request.arguments, std::move(request.arguments));
}

RequestId Pipeline::submit(Request&& request, base::MonotonicTime now) {
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
  Entry& admitted = entry(id);
  ++admitted_;
  if (admitted.request.ordering == Ordering::after_everything) barrier_under_way_ = true;
  if (admitted.request.ordering == Ordering::by_identifier) {
    const auto place = static_cast<Place>(place_of(id));
    admitted.hash = base::hash64(admitted.request.identifier);
    const Place before = newest_.replace(admitted.hash, place);
    if (before != kNone) {
      entries_[before].behind = place;
      admitted.phase = Phase::queued;
      return;
    }
  }
  make_ready(admitted, now);
}

void Pipeline::make_ready(Entry& entry, base::MonotonicTime now) {
  entry.phase = Phase::ready;
  if (!entry.ready_since) entry.ready_since = now;
  ready_.push_back(entry.id);
  set_due(entry, options_.retry.repeat ? std::optional(gives_up_at(entry)) : std::nullopt);
}

RequestId Pipeline::continue_with(RequestId id, Request&& request, base::MonotonicTime now) {
  Entry& current = entry(id);
  SPEX_ASSERT(current.phase == Phase::over && current.request.identifier == request.identifier);
  request.ordering = current.request.ordering;
  const unsigned attempts = current.attempts;
  fill(static_cast<Place>(place_of(id)), std::move(request));
  current.attempts = attempts;
  make_ready(current, now);
  return current.id;
}

void Pipeline::finish(RequestId id, base::MonotonicTime now) {
  Entry& finished = entry(id);
  SPEX_ASSERT(finished.phase == Phase::over);
  --admitted_;
  if (finished.request.ordering == Ordering::after_everything) barrier_under_way_ = false;
  const Place next = std::exchange(finished.behind, kNone);
  if (next != kNone) {
    make_ready(entries_[next], now);
  } else if (finished.request.ordering == Ordering::by_identifier) {
    newest_.erase(finished.hash);
  }
  finished.phase = Phase::free;
  forget(finished.request.identifier);
  forget(finished.request.arguments);
  free_.push_back(static_cast<Place>(place_of(id)));
  --size_;
  release_held(now);
}

void Pipeline::release_held(base::MonotonicTime now) {
  while (!held_.empty() && !barrier_under_way_) {
    const RequestId id = held_.front();
    if (entry(id).request.ordering == Ordering::after_everything && admitted_ > 0) return;
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
  Entry& sent = entry(id);
  ++sent.attempts;
  if (sent.attempts > 1 && sent.failures > 0) ++repeats_;
  if (sent.info->is_async) return end(sent);
  forget_due(sent);
  sent.phase = Phase::in_flight;
  sent.sent_at = now;
  ++in_flight_;
  base::MonotonicTime deadline = now + std::chrono::milliseconds(timeout_ms()) + kReplySlack;
  if (options_.retry.repeat) deadline = std::min(deadline, gives_up_at(sent));
  set_due(sent, deadline);
}

void Pipeline::leave_flight(Entry& entry) {
  if (entry.phase == Phase::in_flight) --in_flight_;
}

void Pipeline::set_due(Entry& entry, std::optional<base::MonotonicTime> due) {
  forget_due(entry);
  entry.due = due;
  if (!due) return;
  const auto place = static_cast<Place>(place_of(entry.id));
  const bool in_list = entry.phase == Phase::ready || entry.phase == Phase::in_flight;
  entry.due_in = entry.phase == Phase::ready ? DueIn::ready_list : DueIn::flight_list;
  DueList& list = due_list(entry.due_in);
  if (!in_list || (list.tail != kNone && *entries_[list.tail].due > *due)) {
    entry.due_in = DueIn::tree;
    due_tree_.emplace(*due, place);
    return;
  }
  entry.due_before = list.tail;
  entry.due_after = kNone;
  (list.tail == kNone ? list.head : entries_[list.tail].due_after) = place;
  list.tail = place;
}

void Pipeline::forget_due(Entry& entry) {
  if (!entry.due) return;
  if (entry.due_in == DueIn::tree) {
    due_tree_.erase({*entry.due, static_cast<Place>(place_of(entry.id))});
  } else {
    DueList& list = due_list(entry.due_in);
    (entry.due_before == kNone ? list.head : entries_[entry.due_before].due_after) = entry.due_after;
    (entry.due_after == kNone ? list.tail : entries_[entry.due_after].due_before) = entry.due_before;
  }
  entry.due.reset();
}

const Pipeline::Entry* Pipeline::first_due() const {
  const Entry* first = nullptr;
  const auto consider = [&](Place place) {
    if (place != kNone && (first == nullptr || *entries_[place].due < *first->due)) first = &entries_[place];
  };
  consider(ready_due_.head);
  consider(flight_due_.head);
  if (!due_tree_.empty()) consider(due_tree_.begin()->second);
  return first;
}

void Pipeline::end(Entry& entry) {
  leave_flight(entry);
  entry.phase = Phase::over;
  forget_due(entry);
}

bool Pipeline::repeat(Entry& entry, std::optional<base::Reason> error, base::MonotonicTime now) {
  if (!options_.retry.repeat || !may_repeat(error, is_harmless(entry))) return false;
  ++entry.failures;
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  const base::MonotonicTime next = now + backoff_delay(options_.retry, entry.failures, random);
  if (next >= gives_up_at(entry)) return false;
  leave_flight(entry);
  entry.phase = Phase::backing_off;
  set_due(entry, next);
  return true;
}

Pipeline::Fate Pipeline::answered(RequestId id, std::optional<base::Reason> error, base::MonotonicTime now) {
  const std::size_t place = place_of(id);
  if (place >= entries_.size() || entries_[place].id != id || entries_[place].phase == Phase::free) return Fate::stray;
  Entry& entry = entries_[place];
  // A late answer to an earlier attempt is as good as any, since the key is the same.
  if (entry.attempts == 0 || entry.phase == Phase::over) return Fate::stray;
  const bool is_under_way = entry.phase == Phase::in_flight;
  if (error && may_repeat(error, is_harmless(entry)) && !is_under_way && options_.retry.repeat) return Fate::repeated;
  if (error && repeat(entry, error, now)) return Fate::repeated;
  if (entry.phase == Phase::ready) std::erase(ready_, id);
  end(entry);
  return Fate::final;
}

void Pipeline::lost(base::MonotonicTime sent_before, base::Duration grace, base::MonotonicTime now) {
  for (Entry& entry : entries_) {
    if (entry.phase != Phase::in_flight || entry.sent_at >= sent_before) continue;
    if (repeat(entry, std::nullopt, now)) continue;
    set_due(entry, std::min(*entry.due, now + grace));
  }
}

void Pipeline::fail_all(std::vector<Failure>& failures) {
  std::vector<Entry*> failed;
  for (Entry& entry : entries_) {
    if (entry.phase == Phase::in_flight || entry.phase == Phase::ready || entry.phase == Phase::backing_off) {
      failed.push_back(&entry);
    }
  }
  // In the order of submission, so that callers see what they would have seen.
  std::sort(failed.begin(), failed.end(), [](const Entry* a, const Entry* b) { return a->serial < b->serial; });
  for (Entry* entry : failed) {
    failures.push_back({entry->id, entry->attempts > 0});
    end(*entry);
  }
  ready_.clear();
  parked_.clear();
}

void Pipeline::advance(base::MonotonicTime now, std::vector<Failure>& failures) {
  for (const Entry* first = first_due(); first != nullptr && *first->due <= now; first = first_due()) {
    Entry& entry = entries_[place_of(first->id)];
    if (entry.phase == Phase::backing_off) {
      make_ready(entry, now);
      continue;
    }
    if (entry.phase == Phase::in_flight && repeat(entry, std::nullopt, now)) continue;
    if (entry.phase == Phase::ready) {
      std::erase(ready_, entry.id);
      std::erase(parked_, entry.id);
    }
    failures.push_back({entry.id, entry.attempts > 0});
    end(entry);
  }
}

std::optional<base::MonotonicTime> Pipeline::next_due() const {
  const Entry* first = first_due();
  return first == nullptr ? std::nullopt : first->due;
}

}  // namespace spex::client
