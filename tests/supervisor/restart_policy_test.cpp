#include "supervisor/restart_policy.h"

#include <catch2/catch.hpp>
#include <random>

using namespace spex::supervisor;
using namespace std::chrono_literals;
using spex::base::Duration;
using spex::base::MonotonicTime;
using spex::config::LimitPolicy;

namespace {

RestartLimits policy_limits() {
  RestartLimits result;
  result.max_restarts = 3;
  result.period = 5s;
  result.backoff_min = 10ms;
  result.backoff_max = 1s;
  result.healthy_after = 10s;
  result.park_retry = 30s;
  return result;
}

RestartLimits without_intensity() {
  RestartLimits result = policy_limits();
  result.max_restarts = 1'000'000;
  return result;
}

constexpr MonotonicTime kStart{std::chrono::hours(1)};

// A failure `after` the start, before the child was ready.
Failure at(Duration after) { return {kStart + std::chrono::duration_cast<MonotonicTime::duration>(after), {}}; }

}  // namespace

TEST_CASE("the first restart is immediate, then the back-off doubles to its cap", "[supervisor]") {
  RestartPolicy policy;
  const Duration expected[] = {0ms, 10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1s, 1s, 1s};
  int seconds = 0;
  for (const Duration delay : expected) {
    const RestartDecision decision = policy.on_failure(without_intensity(), at(std::chrono::seconds(++seconds)));
    CHECK(decision.kind == RestartKind::restart);
    CHECK(decision.delay == delay);
  }
}

TEST_CASE("a thousand failures in a row stay at the cap", "[supervisor]") {
  RestartPolicy policy;
  RestartDecision last;
  for (int i = 0; i < 1'000; ++i) last = policy.on_failure(without_intensity(), at(std::chrono::seconds(i)));
  CHECK(last.delay == Duration(1s));
}

TEST_CASE("jitter shortens a pause by at most a half and never lengthens it", "[supervisor]") {
  for (const double chance : {0.0, 0.25, 0.5, 0.999}) {
    RestartPolicy policy;
    policy.on_failure(policy_limits(), at(0s));
    Failure failure = at(1s);
    failure.chance = chance;
    const Duration delay = policy.on_failure(policy_limits(), failure).delay;
    CHECK(delay <= Duration(10ms));
    CHECK(delay >= Duration(5ms));
    if (chance == 0.5) CHECK(delay == Duration(7'500us));
  }
}

TEST_CASE("a healthy period resets the back-off, a shorter one does not", "[supervisor]") {
  const auto delay_after_serving = [](Duration serving) {
    RestartPolicy policy;
    for (int i = 0; i < 4; ++i) policy.on_failure(without_intensity(), at(std::chrono::seconds(i)));
    Failure failure = at(100s + serving);
    failure.serving_since = at(100s).now;
    return policy.on_failure(without_intensity(), failure).delay;
  };
  CHECK(delay_after_serving(10s) == Duration(0));
  CHECK(delay_after_serving(9'999ms) == Duration(80ms));
}

TEST_CASE("one restart more than the intensity allows parks the child", "[supervisor]") {
  RestartPolicy policy;
  for (int i = 0; i < 3; ++i)
    CHECK(policy.on_failure(policy_limits(), at(std::chrono::seconds(i))).kind == RestartKind::restart);
  CHECK(policy.restarts_in_window(policy_limits(), at(3s).now) == 3);
  const RestartDecision decision = policy.on_failure(policy_limits(), at(3s));
  CHECK(decision.kind == RestartKind::park);
  CHECK(decision.delay == Duration(30s));
}

TEST_CASE("restarts older than the period do not count", "[supervisor]") {
  RestartPolicy policy;
  for (int i = 0; i < 3; ++i) policy.on_failure(policy_limits(), at(std::chrono::seconds(i)));
  CHECK(policy.on_failure(policy_limits(), at(5s)).kind == RestartKind::restart);  // the one of second 0 is forgotten
  CHECK(policy.on_failure(policy_limits(), at(5'500ms)).kind == RestartKind::park);
}

TEST_CASE("with an infinite period restarts are never forgotten", "[supervisor]") {
  RestartLimits for_ever = policy_limits();
  for_ever.period.reset();
  RestartPolicy policy;
  for (int i = 0; i < 3; ++i)
    CHECK(policy.on_failure(for_ever, at(std::chrono::hours(i))).kind == RestartKind::restart);
  CHECK(policy.on_failure(for_ever, at(std::chrono::hours(99))).kind == RestartKind::park);
}

TEST_CASE("an intensity of zero allows no restart", "[supervisor]") {
  RestartLimits none = policy_limits();
  none.max_restarts = 0;
  CHECK(RestartPolicy().on_failure(none, at(0s)).kind == RestartKind::park);
}

TEST_CASE("a parked child that fails again before it was healthy is parked at once", "[supervisor]") {
  RestartPolicy policy;
  for (int i = 0; i < 4; ++i) policy.on_failure(policy_limits(), at(0s));
  Failure failure = at(60s);
  failure.serving_since = at(55s).now;
  CHECK(policy.on_failure(policy_limits(), failure).kind == RestartKind::park);
  failure = at(200s);
  failure.serving_since = at(150s).now;
  CHECK(policy.on_failure(policy_limits(), failure).kind == RestartKind::restart);
}

TEST_CASE("a child that calls itself hopeless is parked at its first failure", "[supervisor]") {
  Failure failure = at(0s);
  failure.hopeless = true;
  CHECK(RestartPolicy().on_failure(policy_limits(), failure).kind == RestartKind::park);
}

TEST_CASE("one that may not be parked goes on at the longest back-off", "[supervisor]") {
  RestartPolicy policy;
  RestartDecision decision;
  for (int i = 0; i < 10; ++i) {
    Failure failure = at(std::chrono::milliseconds(i));
    failure.may_park = false;
    decision = policy.on_failure(policy_limits(), failure);
    CHECK(decision.kind == RestartKind::restart);
  }
  CHECK(decision.delay == Duration(1s));
}

TEST_CASE("escalate instead of park, for those that may not be parked too", "[supervisor]") {
  RestartLimits escalating = policy_limits();
  escalating.on_limit = LimitPolicy::escalate;
  for (const bool may_park : {true, false}) {
    RestartPolicy policy;
    Failure failure = at(0s);
    failure.may_park = may_park;
    for (int i = 0; i < 3; ++i) CHECK(policy.on_failure(escalating, failure).kind == RestartKind::restart);
    CHECK(policy.on_failure(escalating, failure).kind == RestartKind::escalate);
  }
}

TEST_CASE("property: no window of the period ever holds more restarts than the intensity", "[supervisor]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int run = 0; run < 200; ++run) {
    RestartLimits random_limits = policy_limits();
    random_limits.max_restarts = static_cast<std::uint32_t>(random() % 6);
    random_limits.period = std::chrono::milliseconds(1 + random() % 3'000);
    RestartPolicy policy;
    std::vector<Duration> restarts;
    Duration now{};
    for (int i = 0; i < 200; ++i) {
      now += std::chrono::milliseconds(random() % 500);
      Failure failure = at(now);
      // Long enough to be healthy now and then, so that probation ends.
      if (random() % 3 == 0) failure.serving_since = failure.now - std::chrono::seconds(random() % 20);
      if (policy.on_failure(random_limits, failure).kind == RestartKind::restart) restarts.push_back(now);
    }
    for (std::size_t first = 0; first + random_limits.max_restarts < restarts.size(); ++first) {
      REQUIRE(restarts[first + random_limits.max_restarts] - restarts[first] >= *random_limits.period);
    }
  }
}

TEST_CASE("property: a failure is only refused a restart if the window is full", "[supervisor]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  RestartPolicy policy;
  Duration now{};
  for (int i = 0; i < 5'000; ++i) {
    now += std::chrono::milliseconds(random() % 4'000);
    Failure failure = at(now);
    failure.serving_since = failure.now - 10s;  // healthy each time: no probation
    const bool full = policy.restarts_in_window(policy_limits(), failure.now) >= 3;
    REQUIRE((policy.on_failure(policy_limits(), failure).kind == RestartKind::park) == full);
  }
}
