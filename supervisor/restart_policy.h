// When a child that failed is started again: restart intensity, exponential
// back-off with jitter, parking. Pure: time and chance are arguments.
//
// The first restart after a healthy period is immediate, then backoff_min
// doubling to backoff_max. More than max_restarts in the period: park (retried
// every park_retry, and parked again if it fails before it was healthy) or escalate.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "config/config.h"

namespace spex::supervisor {

struct RestartLimits {
  std::uint32_t max_restarts = 3;
  std::optional<base::Duration> period;  // nothing: restarts are never forgotten
  config::LimitPolicy on_limit = config::LimitPolicy::park;
  base::Duration backoff_min{};
  base::Duration backoff_max{};
  base::Duration healthy_after{};
  base::Duration park_retry{};
};
RestartLimits restart_limits(const config::Config& config);

// A child that ended and should not have.
struct Failure {
  base::MonotonicTime now;
  std::optional<base::MonotonicTime> serving_since;  // nothing: it never got ready
  bool hopeless = false;                             // it said that trying again is no use (usage, configuration)
  bool may_park = true;
  double chance = 0;  // uniform in [0, 1), for the jitter
};

enum class RestartKind : std::uint8_t { restart, park, escalate };
struct RestartDecision {
  RestartKind kind = RestartKind::restart;
  base::Duration delay{};  // of restart and park
};

class RestartPolicy {
 public:
  // Decides and remembers.
  RestartDecision on_failure(const RestartLimits& limits, const Failure& failure);
  // Restarts that count against the intensity now.
  std::uint32_t restarts_in_window(const RestartLimits& limits, base::MonotonicTime now) const;

 private:
  bool beyond_intensity(const RestartLimits& limits, base::MonotonicTime now);
  base::Duration backoff(const RestartLimits& limits, double chance);

  std::deque<base::MonotonicTime> restarts_;  // at most max_restarts
  std::uint32_t failures_in_a_row_ = 0;
  bool on_probation_ = false;  // parked, and not healthy since
};

}  // namespace spex::supervisor
