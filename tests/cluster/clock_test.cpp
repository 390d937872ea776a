// Clocks that step: the wall clock of every process of the cluster is set
// forward and back while it runs. Histories stay ordered, timeouts do not fire by
// the thousand, nothing is pruned early, keys hold (semantics §7, §8, §12).
#include <catch2/catch.hpp>

#include "support/cluster.h"
#include "support/stepped_clock.h"

namespace spex::test {
namespace {

constexpr std::int64_t kDay = 86'400'000'000;

// The times of the instance's records, oldest first.
std::vector<std::int64_t> times_of(WireClient& client, const Encoded& id) {
  const WireReply reply = client.get(id, 1000);
  REQUIRE(reply.ok);
  std::vector<std::int64_t> times;
  const Value& records = at(reply.body, "transitions");
  for (std::size_t i = size_of(records); i-- > 0;) times.push_back(integer_of(at(at(records, i), 2)));
  return times;
}

std::int64_t events_of(WireClient& client, unsigned shard) {
  return integer_of(at(client.call(Operation::read_events, {}, Array{shard, 0, 1}).body, 1));
}

TEST_CASE("stepped clocks: histories stay ordered, no timeout fires, nothing is pruned", "[clock]") {
  ClusterOptions options;
  options.shards = 2;
  options.specs = {
      {"order.spec", order_specification("Transition timeout: 1h\nPrune timeout: 6h\nPrunable states: all\n")}};
  options.models = {{"order.spex", order_model() + "created --[tick]-> created\n"}};
  options.arguments = {"--prune-interval", "50ms"};
  Cluster cluster(std::move(options));
  SteppedClock clock(cluster.dir() + "/clock", SPEX_CLOCK_SHIM);
  cluster.options().environment = clock.environment();
  cluster.start();
  auto client = cluster.client(5);
  constexpr int kInstances = 300;
  for (int i = 0; i < kInstances; ++i) REQUIRE(client->init("order", i).ok);
  RequestOptions key;
  key.key = 1'700'000'000'000'001;
  REQUIRE(client->transition("nobody", "pay", "paid").refused("InstanceError", "instance_identifier_not_found"));
  std::int64_t events_before = 0;
  for (unsigned shard = 1; shard <= 2; ++shard) events_before += events_of(*client, shard);
  REQUIRE(events_before == 1);
  int transitions = 1;
  for (const std::int64_t offset : {2 * kDay, -3 * kDay, std::int64_t{0}, 400 * kDay, -400 * kDay, kDay}) {
    clock.set_offset(offset);
    for (int round = 0; round < 2; ++round, ++transitions)
      for (int i = 0; i < 20; ++i) REQUIRE(client->transition(i, "tick", "created").ok);
    // Long enough for a look at the clocks, and for pruning passes.
    const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    REQUIRE(eventually([&] { return std::chrono::steady_clock::now() > later; }));
  }
  for (int i = 0; i < 20; ++i) {
    const std::vector<std::int64_t> times = times_of(*client, i);
    CHECK(times.size() == static_cast<std::size_t>(transitions));
    CHECK(std::is_sorted(times.begin(), times.end()));
  }
  for (int i = 0; i < kInstances; ++i) CHECK(client->get(i, 1).ok);
  std::int64_t events_after = 0;
  for (unsigned shard = 1; shard <= 2; ++shard) events_after += events_of(*client, shard);
  CHECK(events_after == events_before);
  // The step is said.
  CHECK(cluster.log().find("event=clock_stepped") != std::string::npos);
  // Under a clock that was set back, a shard that comes back goes on as well.
  clock.set_offset(-2 * kDay);
  cluster.kill_and_wait_ready("shard-1");
  cluster.kill_and_wait_ready("shard-2");
  for (int i = 0; i < 20; ++i) {
    CHECK(client->transition(i, "tick", "created").ok);
    const std::vector<std::int64_t> times = times_of(*client, i);
    CHECK(std::is_sorted(times.begin(), times.end()));
  }
  cluster.stop();
}

TEST_CASE("a key is remembered while the clock is set back, and within the window when it is set forward", "[clock]") {
  ClusterOptions options;
  options.shards = 1;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model() + "created --[tick]-> created\n"}};
  options.arguments = {"--request-key-window", "2h", "--max-restarts", "1000"};
  Cluster cluster(std::move(options));
  SteppedClock clock(cluster.dir() + "/clock", SPEX_CLOCK_SHIM);
  cluster.options().environment = clock.environment();
  cluster.start();
  auto client = cluster.client(5);
  REQUIRE(client->init("order", "k").ok);
  RequestOptions key;
  key.key = 1'700'000'000'000'001;
  for (const std::int64_t offset : {std::int64_t{0}, kDay / 24, -10 * kDay, kDay / 24}) {
    clock.set_offset(offset);
    CHECK(client->transition("k", "tick", "created", key).ok);
    cluster.kill_and_wait_ready("shard-1");
    CHECK(client->transition("k", "tick", "created", key).ok);
    CHECK(at(client->get("k", 1).body, "transitions_total") == Value(2));
  }
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
