// Closing and opening a model while processes die: all shards end the same way.
#include <catch2/catch.hpp>

#include "support/cluster.h"

namespace spex::test {
namespace {

constexpr unsigned kShards = 4;
constexpr int kInstances = 24;

ClusterOptions learning() {
  ClusterOptions options;
  options.shards = kShards;
  options.specs = {{"order.spec", order_specification()}};
  options.arguments = {"--hold-max", "200ms", "--max-restarts", "1000"};
  return options;
}

std::string exported(const Cluster& cluster) {
  const WireReply reply = cluster.client()->call(Operation::export_impl_models, {}, Array{});
  REQUIRE(reply.ok);
  return string_of(at(at(reply.body, 0), 1));
}

// Until it is definitely done, as a client that repeats does.
void set_learning(const Cluster& cluster, bool on) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const WireReply reply = cluster.client()->call(Operation::set_learning_mode, {}, Array{"order", on});
    if (reply.ok) return;
    INFO(reply.text());
    REQUIRE((!reply.answered || reply.error.error_class == "ClusterError"));
  }
  FAIL("the model could not be changed");
}

// Of how many instances, spread over all shards, a step that no shard knows is learned.
int learned_somewhere(const Cluster& cluster, const std::string& action) {
  auto client = cluster.client();
  int learned = 0;
  for (int i = 0; i < kInstances; ++i) {
    const WireReply reply = client->transition(i, action, "probed");
    INFO(reply.text());
    REQUIRE(reply.answered);
    if (reply.ok && reply.reported.empty()) ++learned;
  }
  return learned;
}

TEST_CASE("whatever is killed while a model is closed, all shards learn on or all judge by the union", "[closing]") {
  Cluster cluster(learning());
  cluster.start();
  auto client = cluster.client();
  for (int i = 0; i < kInstances; ++i) REQUIRE(client->init("order", i).ok);
  int closed = 0;
  constexpr int kRounds = 12;
  for (int round = 0; round < kRounds; ++round) {
    const std::string victim = round % 3 == 0 ? "router" : "shard-" + std::to_string(1 + round % kShards);
    CAPTURE(round, victim);
    const std::string taught = "taught" + std::to_string(round);
    for (int i = 0; i < kInstances; i += 5) REQUIRE(cluster.client()->transition(i, taught, "taught").answered);
    auto closing = cluster.client();
    closing->send(Operation::set_learning_mode, {}, Array{"order", false});
    closing->pump(std::chrono::milliseconds(round / 3));  // another moment each time
    cluster.kill_and_wait_ready(victim);
    const int learned = learned_somewhere(cluster, "probe" + std::to_string(round));
    CHECK((learned == 0 || learned == kInstances));
    closed += learned == 0 ? 1 : 0;
    if (learned == 0) {
      CHECK_THAT(exported(cluster), Catch::Contains("Learning mode: false") && Catch::Contains(taught));
    }
    set_learning(cluster, true);
  }
  WARN(closed << " of " << kRounds << " closings were made, the others given up");
  cluster.stop();
}

TEST_CASE("a closing that every shard took is the same for all after every process was killed", "[closing]") {
  Cluster cluster(learning());
  cluster.start();
  auto client = cluster.client();
  for (int i = 0; i < kInstances; ++i) {
    REQUIRE(client->init("order", i).ok);
    REQUIRE(client->transition(i, "taught" + std::to_string(i % 3), "taught").ok);
  }
  set_learning(cluster, false);
  const std::string before = exported(cluster);
  cluster.kill_supervisor();
  cluster.start();
  CHECK(exported(cluster) == before);
  CHECK(learned_somewhere(cluster, "probe") == 0);
  cluster.stop();
}

TEST_CASE("sightings are summed over the shards and survive the death of all of them", "[closing]") {
  Cluster cluster(learning());
  cluster.start();
  auto client = cluster.client();
  for (int i = 0; i < kInstances; ++i) {
    REQUIRE(client->init("order", i).ok);
    REQUIRE(client->transition(i, "pay", "paid").ok);
  }
  for (unsigned shard = 1; shard <= kShards; ++shard) cluster.kill_and_wait_ready("shard-" + std::to_string(shard));
  const auto sightings = [&](const std::string& action) {
    const Value models = cluster.client()->call(Operation::all_impl_models, {}, Array{}).body;
    const Value& transitions = at(at(models, 0), "transitions");
    for (std::size_t i = 0; i < size_of(transitions); ++i) {
      if (at(at(transitions, i), 1) == Value(action)) return at(at(at(models, 0), "sightings"), i);
    }
    return Value();
  };
  CHECK(at(sightings("pay"), 0) == Value(kInstances));
  CHECK(at(sightings("__initialisation__"), 0) == Value(kInstances));
  set_learning(cluster, false);
  CHECK(at(sightings("pay"), 0) == Value(kInstances));
  CHECK(*at(sightings("pay"), 1).integer() <= *at(sightings("pay"), 2).integer());
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
