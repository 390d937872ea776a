#include "shard_worker/timeout_queue.h"

#include <algorithm>

namespace spex::shard_worker {
namespace {

std::int64_t micros(base::MonotonicTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

}  // namespace

void TimeoutQueue::arm(std::uint32_t number, Micros due) {
  due = std::max<Micros>(due, 1);  // 0 means none
  if (armed_[number] != 0 && armed_[number] <= due) return;
  armed_[number] = due;
  heap_.push({due, number});
}

void TimeoutQueue::record(store::InstanceNumber number, base::MonotonicTime now, std::int64_t timeout,
                          std::int64_t age) {
  const std::uint32_t index = number.value();
  if (armed_.size() <= index) {
    // Grown in steps of a half, not one by one, and both alike.
    const std::size_t size = std::max<std::size_t>(index + std::size_t{1}, armed_.size() + armed_.size() / 2);
    armed_.resize(size);
    latest_.resize(size);
  }
  latest_[index] = micros(now) - age;
  arm(index, latest_[index] + timeout);
}

std::optional<store::InstanceNumber> TimeoutQueue::pop(base::MonotonicTime now) {
  while (!heap_.empty() && heap_.top().due <= micros(now)) {
    const Entry entry = heap_.top();
    heap_.pop();
    if (armed_[entry.number] != entry.due) continue;  // replaced by an earlier one
    armed_[entry.number] = 0;
    return store::InstanceNumber(entry.number);
  }
  return std::nullopt;
}

bool TimeoutQueue::is_due_or_put_back(store::InstanceNumber number, base::MonotonicTime now, std::int64_t timeout) {
  const Micros due = latest_[number.value()] + timeout;
  if (due <= micros(now)) return true;
  arm(number.value(), due);
  return false;
}

std::optional<base::MonotonicTime> TimeoutQueue::next() const {
  if (heap_.empty()) return std::nullopt;
  return base::MonotonicTime(std::chrono::microseconds(heap_.top().due));
}

void TimeoutQueue::clear() {
  heap_ = {};
  armed_.clear();
  latest_.clear();
}

}  // namespace spex::shard_worker
