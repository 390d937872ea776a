// Deviations of closed models: explained, remembered, checked beside the work
// loop and bounded; through real sockets.
#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions closed(unsigned shards, std::vector<std::string> arguments = {}) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  options.arguments = std::move(arguments);
  return options;
}

// A chain so long that its check takes many times what a request does.
constexpr int kChain = 30'000;
ClusterOptions with_chain(std::vector<std::string> arguments = {}) {
  ClusterOptions options = closed(1, std::move(arguments));
  std::string steps;
  for (int i = 0; i < kChain; ++i) {
    steps += "s" + std::to_string(i) + " --[t]-> s" + std::to_string(i + 1) + "\n";
  }
  options.specs["chain.spec"] = "Specification: chain\nTransitions:\n" + steps;
  options.models["chain.spex"] =
      "Specification: chain\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> s0\n" + steps;
  return options;
}

Value moved(std::int64_t id, const std::string& identifier, const std::string& action, const std::string& state) {
  return Array{id, static_cast<std::int64_t>(Operation::transition), identifier, Array{action, state}};
}

TEST_CASE("a deviation is reported with its explanation, which a repeated key gets again after a restart", "[checks]") {
  const unsigned shards = GENERATE(1u, 4u);
  Cluster cluster(closed(shards));
  cluster.start();
  auto client = cluster.client(77);
  REQUIRE(client->init("order", "o").ok);
  REQUIRE(client->transition("o", "pay", "paid").ok);
  const RequestOptions keyed{static_cast<std::uint64_t>(1'900'000'000'000'000), std::nullopt};
  const WireReply first = client->transition("o", "refund", "created", keyed);
  INFO(first.text());
  REQUIRE(first.refused("TransitionError", "deviation_not_equivalent"));
  const Value& why = at(first.error.context, "explanation");
  CHECK(string_of(at(why, "story")).find("after `pay` the implementation (state `paid`) can do `refund`") == 0);
  CHECK(at(why, "trace") == Value(Array{"pay"}));
  CHECK_FALSE(string_of(at(why, "formula")).empty());
  const std::string shard = "shard-" + std::to_string(cluster.shard_of("o"));
  cluster.kill_and_wait_ready(shard);
  const WireReply again = client->transition("o", "refund", "created", keyed);
  INFO(again.text());
  REQUIRE(again.refused("TransitionError", "deviation_not_equivalent"));
  CHECK(at(again.error.context, "explanation") == why);
  CHECK(at(again.error.context, "instance") == at(first.error.context, "instance"));
  const WireReply asked =
      client->call(Operation::check_impl_model, {}, Array{"order", Array{"paid", "refund", "created"}});
  REQUIRE(asked.ok);
  CHECK(at(asked.body, "equivalent") == Value(false));
  CHECK(at(asked.body, "explanation") == why);
  const Finished shown = cluster.ctl({"transition", "o", "vanish", "gone"});
  CHECK(shown.exit_code == 1);
  cluster.stop();
}

TEST_CASE("a long check holds up its instance and nothing else", "[checks]") {
  Cluster cluster(with_chain());
  cluster.start();
  auto client = cluster.client(5);
  REQUIRE(client->init("chain", "c").ok);
  REQUIRE(client->init("order", "o").ok);
  const std::int64_t before = cluster.incarnation("shard-1");
  // In one message, so in one batch.
  client->send_message(protocol::encode_value(
      Array{1, 1, 5,
            Array{moved(1001, "c", "jump", "s9"), moved(1002, "c", "t", "s10"), moved(1003, "o", "pay", "paid"),
                  Array{1004, static_cast<std::int64_t>(Operation::get_instance), "o"}}}));
  const WireReply first = client->receive_any();
  const WireReply second = client->receive_any();
  CHECK(first.id == Value(1003));
  CHECK(first.ok);
  CHECK(second.id == Value(1004));
  const WireReply deviating = client->receive(1001);
  INFO(deviating.text());
  CHECK(deviating.refused("TransitionError", "deviation_not_equivalent"));
  CHECK(client->receive(1002).ok);
  CHECK(at(client->get("c").body, "transitions_total") == Value(3));
  CHECK(cluster.incarnation("shard-1") == before);
  cluster.stop();
}

TEST_CASE("a flood of different deviations is bounded for its client and has no effect beyond; others are served",
          "[checks]") {
  Cluster cluster(with_chain({"--checks-queued-max", "8"}));
  cluster.start();
  auto hostile = cluster.client(5);
  auto other = cluster.client(6);
  constexpr int kFlood = 20;
  Array flood;
  for (int i = 0; i < kFlood; ++i) {
    REQUIRE(hostile->init("chain", "c" + std::to_string(i)).ok);
    flood.push_back(moved(1000 + i, "c" + std::to_string(i), "jump" + std::to_string(i), "s9"));
  }
  REQUIRE(other->init("order", "o").ok);
  hostile->send_message(protocol::encode_value(Array{1, 1, 5, flood}));
  const WireReply served = other->transition("o", "vanish", "gone");
  INFO(served.text());
  CHECK(served.refused("TransitionError", "deviation_not_equivalent"));
  int overloaded = 0;
  for (int i = 0; i < kFlood; ++i) {
    const WireReply reply = hostile->receive(static_cast<std::uint64_t>(1000 + i));
    const bool refused = reply.refused("ClusterError", "overloaded");
    INFO(reply.text());
    CHECK((refused || reply.refused("TransitionError", "deviation_not_equivalent")));
    overloaded += refused ? 1 : 0;
    CHECK(at(other->get("c" + std::to_string(i)).body, "transitions_total") == Value(refused ? 1 : 2));
  }
  // A quarter of the queue is the client's.
  CHECK(overloaded == kFlood - 2);
  cluster.stop();
}

TEST_CASE("a model past model_transitions_max is too large: imported, learned, or in a file", "[checks]") {
  const unsigned shards = GENERATE(1u, 4u);
  ClusterOptions options = closed(shards, {"--model-transitions-max", "3"});
  options.specs["small.spec"] = order_specification("", "small");
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  CHECK_THAT(cluster.ctl({"status", "--json"}).out, Catch::Contains("model_transitions_max"));
  CHECK(
      client->call(Operation::import_impl_model, {}, Array{order_model("small")}).refused("RequestError", "too_large"));
  REQUIRE(client->init("small", "i").ok);
  REQUIRE(client->transition("i", "a", "x").ok);
  REQUIRE(client->transition("i", "b", "y").ok);
  const WireReply past = client->transition("i", "c", "z");
  INFO(past.text());
  CHECK(past.refused("RequestError", "too_large"));
  CHECK(at(client->get("i").body, "transitions_total") == Value(3));
  CHECK(client->transition("i", "b", "y").answered);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
