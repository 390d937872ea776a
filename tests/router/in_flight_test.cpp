#include "router/in_flight.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "tests/support/fake_clock.h"

using namespace spex::router;
using namespace std::chrono_literals;
using spex::base::MonotonicTime;
using spex::base::ShardId;
using spex::test::FakeClock;

TEST_CASE("a token that was removed finds nothing, also when its slot is used again", "[router]") {
  FakeClock clock;
  InFlight in_flight(1, clock.monotonic());
  const Token first = in_flight.add(ShardId(1), clock.monotonic() + 1s, 10).token;
  in_flight.remove(first);
  const Token second = in_flight.add(ShardId(1), clock.monotonic() + 1s, 10).token;
  CHECK(in_flight.find(first) == nullptr);
  CHECK(in_flight.find(second) != nullptr);
  CHECK(in_flight.find(0) == nullptr);
  CHECK(in_flight.find(~Token{0}) == nullptr);
}

TEST_CASE("counts and bytes are kept per shard, and lists are in order", "[router]") {
  FakeClock clock;
  InFlight in_flight(2, clock.monotonic());
  const Token a = in_flight.add(ShardId(1), clock.monotonic(), 10).token;
  const Token b = in_flight.add(ShardId(2), clock.monotonic(), 20).token;
  const Token c = in_flight.add(ShardId(1), clock.monotonic(), 30).token;
  CHECK(in_flight.count(ShardId(1)) == 2);
  CHECK(in_flight.bytes(ShardId(1)) == 40);
  std::vector<Token> tokens;
  in_flight.list(ShardId(1), tokens);
  CHECK(tokens == std::vector<Token>{a, c});
  in_flight.remove(a);
  CHECK(in_flight.bytes(ShardId(1)) == 30);
  CHECK(in_flight.count() == 2);
  in_flight.remove(b);
  CHECK(in_flight.bytes(ShardId(2)) == 0);
}

// Against a plain map, with pauses of a router that was stopped and deadlines
// beyond a turn of the wheel.
TEST_CASE("deadlines are met 0 to 10 ms late, each once", "[router]") {
  const auto seed = GENERATE(range(1u, 9u));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  FakeClock clock;
  InFlight in_flight(3, clock.monotonic());
  std::map<Token, MonotonicTime> expected;
  const auto pick = [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
  for (int round = 0; round < 2000; ++round) {
    for (std::uint32_t i = pick(4); i > 0; --i) {
      const auto timeout = std::chrono::microseconds(pick(10) == 0 ? pick(100'000'000) : pick(200'000));
      const MonotonicTime deadline = clock.monotonic() + timeout;
      expected.emplace(in_flight.add(ShardId(1 + pick(3)), deadline, 1).token, deadline);
    }
    if (!expected.empty() && pick(3) == 0) {
      auto chosen = expected.begin();
      std::advance(chosen, pick(static_cast<std::uint32_t>(expected.size())));
      in_flight.remove(chosen->first);
      expected.erase(chosen);
    }
    clock.advance(std::chrono::microseconds(pick(50) == 0 ? pick(90'000'000) : pick(30'000)));
    std::vector<Token> due;
    in_flight.list_due(clock.monotonic(), due);
    for (const Token token : due) {
      REQUIRE(expected.count(token) == 1);
      CHECK(expected[token] <= clock.monotonic());
      expected.erase(token);
      in_flight.remove(token);
    }
    for (const auto& [token, deadline] : expected) CHECK(deadline + 10ms > clock.monotonic());
    REQUIRE(in_flight.count() == expected.size());
  }
}
