#include "clients/cpp/retry_policy.h"

#include <algorithm>

namespace spex::client {

bool may_repeat(std::optional<base::Reason> reason, bool harmless) {
  if (!reason) return harmless;
  if (base::outcome_of(*reason) == base::Outcome::unknown) return harmless;
  return *reason == base::Reason::shard_unavailable || *reason == base::Reason::overloaded ||
         *reason == base::Reason::draining || *reason == base::Reason::rate_limited;
}

base::Duration backoff_delay(const RetryPolicy& policy, unsigned failures, double random) {
  constexpr unsigned kDoublingsMax = 20;  // beyond any sensible backoff_max
  const unsigned doublings = std::min(failures > 0 ? failures - 1 : 0, kDoublingsMax);
  const base::Duration longest = std::min<base::Duration>(policy.backoff_min * (1LL << doublings), policy.backoff_max);
  return base::Duration(static_cast<std::int64_t>(static_cast<double>(longest.count()) * (0.5 + random / 2)));
}

}  // namespace spex::client
