#include "shard_worker/clock_steps.h"

#include <algorithm>
#include <chrono>

#include "base/log.h"

namespace spex::shard_worker {
namespace {

std::int64_t micros_between(base::MonotonicTime from, base::MonotonicTime to) {
  return std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
}

}  // namespace

void ClockSteps::observe(Now now) {
  if (last_) {
    const std::int64_t by = (now.wall - last_->wall) - micros_between(last_->monotonic, now.monotonic);
    if (by > kTolerance || by < -kTolerance) {
      past_.push_back({begin_, last_->wall, last_->monotonic});
      begin_ = now.wall;
      if (past_.size() > kErasMax) {
        // The two oldest become one, with all that they held at its end: younger, never older.
        past_[1] = {past_[0].begin, std::numeric_limits<base::Timestamp>::min(), past_[1].end_time};
        past_.erase(past_.begin());
      }
      base::log_limited(base::LogLevel::warning, "clock_stepped", {{"microseconds", std::to_string(by)}});
    }
  }
  last_ = now;
}

std::int64_t ClockSteps::age(base::Timestamp stamp, Now now) const {
  std::int64_t youngest = std::numeric_limits<std::int64_t>::max();
  if (stamp >= begin_) youngest = std::max<std::int64_t>(now.wall - stamp, 0);
  for (const Era& era : past_) {
    if (stamp < era.begin) continue;
    const std::int64_t before_its_end = stamp < era.end ? era.end - stamp : 0;
    youngest = std::min(youngest, micros_between(era.end_time, now.monotonic) + before_its_end);
  }
  return youngest;
}

}  // namespace spex::shard_worker
