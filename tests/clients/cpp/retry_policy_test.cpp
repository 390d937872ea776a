#include "clients/cpp/retry_policy.h"

#include <catch2/catch.hpp>

namespace spex::client {
namespace {

using base::Reason;
using std::chrono::milliseconds;

TEST_CASE("what was not executed and may be later is repeated, with or without a key", "[retry]") {
  for (const Reason reason : {Reason::shard_unavailable, Reason::overloaded, Reason::draining, Reason::rate_limited}) {
    CHECK(may_repeat(reason, true));
    CHECK(may_repeat(reason, false));
  }
}

TEST_CASE("an unknown outcome is repeated only where that is harmless", "[retry]") {
  for (const Reason reason : {Reason::shard_restarted, Reason::deadline_exceeded}) {
    CHECK(may_repeat(reason, true));
    CHECK_FALSE(may_repeat(reason, false));
  }
  CHECK(may_repeat(std::nullopt, true));
  CHECK_FALSE(may_repeat(std::nullopt, false));
}

TEST_CASE("every other reason is final", "[retry]") {
  unsigned repeated = 0;
  for (const Reason reason : base::all_reasons()) repeated += may_repeat(reason, true) ? 1 : 0;
  CHECK(repeated == 6);
}

TEST_CASE("the wait doubles up to its bound and is shortened by at most half", "[retry]") {
  RetryPolicy policy;
  policy.backoff_min = milliseconds(10);
  policy.backoff_max = milliseconds(100);
  CHECK(backoff_delay(policy, 1, 0.0) == milliseconds(5));
  CHECK(backoff_delay(policy, 1, 1.0) == milliseconds(10));
  CHECK(backoff_delay(policy, 2, 1.0) == milliseconds(20));
  CHECK(backoff_delay(policy, 4, 1.0) == milliseconds(80));
  CHECK(backoff_delay(policy, 5, 1.0) == milliseconds(100));
  CHECK(backoff_delay(policy, 1'000'000, 1.0) == milliseconds(100));
}

}  // namespace
}  // namespace spex::client
