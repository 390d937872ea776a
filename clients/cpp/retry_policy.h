// RetryPolicy: when a request is repeated, and after how long. Pure.
//
// Repeated are requests that were not executed and may be later, and, where a
// repeat is harmless (a request key, or nothing to change), those whose outcome is unknown.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"
#include "base/error.h"

namespace spex::client {

struct RetryPolicy {
  bool repeat = true;  // false: the first answer, or its absence, is final
  base::Duration backoff_min = std::chrono::milliseconds(10);
  base::Duration backoff_max = std::chrono::seconds(1);
  base::Duration give_up = std::chrono::minutes(5);  // since the request could first be sent
};

// Whether a request that was answered with `reason` (nothing: no reply) may be
// sent again. `harmless`: it carries a request key or changes nothing.
bool may_repeat(std::optional<base::Reason> reason, bool harmless);

// The wait before the next attempt after `failures` (from 1) of them: doubling
// from backoff_min up to backoff_max, times 0.5 to 1. `random`: 0 up to 1.
base::Duration backoff_delay(const RetryPolicy& policy, unsigned failures, double random);

}  // namespace spex::client
