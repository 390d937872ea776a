#include "supervisor/restart_policy.h"

#include <algorithm>

namespace spex::supervisor {
namespace {

base::Duration duration_of(std::int64_t count) { return std::chrono::microseconds(count); }

}  // namespace

RestartLimits restart_limits(const config::Config& config) {
  RestartLimits limits;
  limits.max_restarts = config.max_restarts;
  if (config.max_seconds.microseconds) limits.period = duration_of(*config.max_seconds.microseconds);
  limits.on_limit = config.on_limit;
  limits.backoff_min = duration_of(config.backoff_min);
  limits.backoff_max = duration_of(config.backoff_max);
  limits.healthy_after = duration_of(config.healthy_after);
  limits.park_retry = duration_of(config.park_retry);
  return limits;
}

RestartDecision RestartPolicy::on_failure(const RestartLimits& limits, const Failure& failure) {
  if (failure.serving_since && failure.now - *failure.serving_since >= limits.healthy_after) {
    failures_in_a_row_ = 0;
    on_probation_ = false;
  }
  const bool give_up = on_probation_ || failure.hopeless || beyond_intensity(limits, failure.now);
  if (give_up && limits.on_limit == config::LimitPolicy::escalate) return {RestartKind::escalate, {}};
  if (give_up && failure.may_park) {
    on_probation_ = true;
    return {RestartKind::park, limits.park_retry};
  }
  if (give_up) return {RestartKind::restart, limits.backoff_max};
  restarts_.push_back(failure.now);
  return {RestartKind::restart, backoff(limits, failure.chance)};
}

std::uint32_t RestartPolicy::restarts_in_window(const RestartLimits& limits, base::MonotonicTime now) const {
  const auto counts = [&](base::MonotonicTime at) { return !limits.period || now - at < *limits.period; };
  return static_cast<std::uint32_t>(std::count_if(restarts_.begin(), restarts_.end(), counts));
}

bool RestartPolicy::beyond_intensity(const RestartLimits& limits, base::MonotonicTime now) {
  while (!restarts_.empty() && limits.period && now - restarts_.front() >= *limits.period) restarts_.pop_front();
  return restarts_.size() >= limits.max_restarts;
}

base::Duration RestartPolicy::backoff(const RestartLimits& limits, double chance) {
  const std::uint32_t earlier = failures_in_a_row_++;
  if (earlier == 0) return {};
  base::Duration delay = limits.backoff_min;
  for (std::uint32_t i = 1; i < earlier && delay < limits.backoff_max; ++i) delay *= 2;
  delay = std::min(delay, limits.backoff_max);
  // Jitter only shortens: children that died together do not come back together, and no pause exceeds its bound.
  return delay - std::chrono::duration_cast<base::Duration>(delay * (chance / 2));
}

}  // namespace spex::supervisor
