// Observing transitions against the implementation model and the error policy
// (semantics §4 and §5), through real sockets, with 1 and with 4 shards.
#include <catch2/catch.hpp>

#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with(unsigned shards, const std::string& policy, bool with_model = true) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification(policy)}};
  if (with_model) options.models = {{"order.spex", order_model()}};
  return options;
}

Value models(WireClient& client) { return client.call(Operation::all_impl_models, {}, Array{}).body; }

// The events of all shards that have this reason.
std::vector<Value> events_with(WireClient& client, unsigned shards, const std::string& reason) {
  std::vector<Value> found;
  for (unsigned shard = 1; shard <= shards; ++shard) {
    const WireReply reply = client.call(Operation::read_events, {}, Array{shard, 0});
    REQUIRE(reply.ok);
    for (std::size_t i = 0; i < size_of(at(reply.body, 0)); ++i) {
      const Value& event = at(at(at(reply.body, 0), i), 2);
      if (at(event, "reason") == Value(reason)) found.push_back(event);
    }
  }
  return found;
}

TEST_CASE("a deviation that stays equivalent is accepted by default, reported and published", "[observation]") {
  const unsigned shards = GENERATE(1u, 4u);
  Cluster cluster(with(shards, ""));
  cluster.start();
  auto client = cluster.client();
  const Value before = models(*client);
  REQUIRE(client->init("order", "o").ok);
  REQUIRE(client->transition("o", "pay", "paid").ok);
  // An internal step to a state that can do the same.
  const WireReply reply = client->transition("o", "__internal__", "packed");
  INFO(reply.text());
  CHECK(reply.ok);
  REQUIRE(reply.reported.size() == 1);
  CHECK(reply.reported[0].error_class == "TransitionError");
  CHECK(reply.reported[0].reason == "deviation_still_equivalent");
  CHECK(at(reply.reported[0].context, "deviating_transition") == Value(Array{"paid", "__internal__", "packed"}));
  CHECK(at(at(reply.reported[0].context, "instance"), "current_state") == Value("packed"));
  CHECK(at(at(reply.reported[0].context, "instance"), "transitions_total") == Value(3));
  CHECK(states_of(client->get("o").body) == "packed paid created");
  // From there it goes on inside the model; the model itself has not changed.
  CHECK(client->transition("o", "ship", "shipped").reported.empty());
  CHECK(models(*client) == before);
  const auto events = events_with(*client, shards, "deviation_still_equivalent");
  REQUIRE(events.size() == 1);
  CHECK(at(events[0], "accepted") == Value(true));
  CHECK(at(events[0], "class") == Value("TransitionError"));
  CHECK(at(events[0], "specification") == Value("order"));
  CHECK(at(events[0], "identifier") == Value("o"));
  cluster.stop();
}

TEST_CASE("a deviation that breaks equivalence is an error, and the record is there", "[observation]") {
  const unsigned shards = GENERATE(1u, 4u);
  Cluster cluster(with(shards, ""));
  cluster.start();
  auto client = cluster.client();
  const Value before = models(*client);
  REQUIRE(client->init("order", "o").ok);
  const WireReply reply = client->transition("o", "ship", "shipped");
  INFO(reply.text());
  CHECK(reply.refused("TransitionError", "deviation_not_equivalent"));
  CHECK(at(reply.error.context, "deviating_transition") == Value(Array{"created", "ship", "shipped"}));
  const Value& instance = at(reply.error.context, "instance");
  CHECK(at(instance, "identifier") == Value("o"));
  CHECK(states_of(instance) == "shipped created");
  CHECK(reply.reports("deviation_not_equivalent"));
  CHECK(states_of(client->get("o").body) == "shipped created");
  CHECK(models(*client) == before);
  // The same again on another instance: judged the same way.
  REQUIRE(client->init("order", "p").ok);
  CHECK(client->transition("p", "ship", "shipped").refused("TransitionError", "deviation_not_equivalent"));
  const auto events = events_with(*client, shards, "deviation_not_equivalent");
  REQUIRE(events.size() == 2);
  CHECK(at(events[0], "accepted") == Value(false));
  cluster.stop();
}

TEST_CASE("a report carries the newest records only, and how many there are", "[observation]") {
  ClusterOptions options = with(1, "");
  options.arguments = {"--report-records", "3"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o", {}, "created").ok);
  for (int i = 0; i < 6; ++i) client->transition("o", "other", "s" + std::to_string(i));
  const WireReply reply = client->transition("o", "other", "last");
  INFO(reply.text());
  REQUIRE(reply.reported.size() == 1);
  const Value& instance = at(reply.reported[0].context, "instance");
  CHECK(states_of(instance) == "last s5 s4");
  CHECK(at(instance, "transitions_total") == Value(8));
  cluster.stop();
}

TEST_CASE("an init in a state that the closed model does not start in deviates and still stores", "[observation]") {
  Cluster cluster(with(GENERATE(1u, 4u), ""));
  cluster.start();
  auto client = cluster.client();
  const WireReply reply = client->init("order", "o", Map{{"k", 1}}, "paid");
  INFO(reply.text());
  CHECK(reply.refused("TransitionError", "deviation_not_equivalent"));
  CHECK(at(reply.error.context, "deviating_transition") == Value(Array{Value(), "__initialisation__", "paid"}));
  const WireReply got = client->get("o");
  REQUIRE(got.ok);
  CHECK(at(got.body, "current_state") == Value("paid"));
  CHECK(at(at(got.body, "meta"), "k") == Value(1));
  cluster.stop();
}

TEST_CASE("without a model an empty one in learning mode is made, once, and that is reported", "[observation]") {
  Cluster cluster(with(1, "", false));
  cluster.start();
  auto client = cluster.client();
  CHECK(size_of(models(*client)) == 0);
  const WireReply first = client->init("order", "o");
  INFO(first.text());
  CHECK(first.ok);
  REQUIRE(first.reported.size() == 1);
  CHECK(first.reported[0].error_class == "ImplModelError");
  CHECK(first.reported[0].reason == "impl_model_not_found");
  const WireReply second = client->transition("o", "anything", "anywhere");
  CHECK(second.ok);
  CHECK(second.reported.empty());
  const Value all = models(*client);
  REQUIRE(size_of(all) == 1);
  CHECK(at(at(all, 0), "specification") == Value("order"));
  CHECK(at(at(all, 0), "learning_mode") == Value(true));
  CHECK(at(at(all, 0), "transitions") ==
        Value(Array{Array{"created", "anything", "anywhere"}, Array{Value(), "__initialisation__", "created"}}));
  cluster.stop();
}

TEST_CASE("with impl_model_not_found reported an operation without a model has no effect at all", "[observation]") {
  Cluster cluster(with(GENERATE(1u, 4u), "On impl_model_not_found: report\n", false));
  cluster.start();
  auto client = cluster.client();
  for (int i = 0; i < 2; ++i) {
    const WireReply reply = client->init("order", "o");
    INFO(reply.text());
    CHECK(reply.refused("ImplModelError", "impl_model_not_found"));
    CHECK(reply.reports("impl_model_not_found"));
  }
  CHECK(client->get("o").refused("InstanceError", "instance_identifier_not_found"));
  REQUIRE(client->mock("order", "m", "created").ok);
  CHECK(client->transition("m", "pay", "paid").refused("ImplModelError", "impl_model_not_found"));
  CHECK(at(client->get("m").body, "current_state") == Value("created"));
  CHECK(at(client->get("m").body, "transitions_total") == Value(0));
  CHECK(size_of(models(*client)) == 0);
  cluster.stop();
}

TEST_CASE("a policy turns deviations the other way round", "[observation]") {
  Cluster cluster(with(GENERATE(1u, 4u),
                       "On deviation_still_equivalent: report\nOn deviation_not_equivalent: accept\n"
                       "On instance_identifier_already_in_use: accept\n"));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  REQUIRE(client->transition("o", "pay", "paid").ok);
  CHECK(client->transition("o", "__internal__", "packed").refused("TransitionError", "deviation_still_equivalent"));
  CHECK(at(client->get("o").body, "current_state") == Value("packed"));
  REQUIRE(client->init("order", "b").ok);
  const WireReply broken = client->transition("b", "explode", "gone");
  INFO(broken.text());
  CHECK(broken.ok);
  CHECK(broken.reports("deviation_not_equivalent"));
  const WireReply again = client->init("order", "o");
  INFO(again.text());
  CHECK(again.ok);
  CHECK(again.reports("instance_identifier_already_in_use"));
  CHECK(states_of(client->get("b").body) == "gone created");
  CHECK(states_of(client->get("o").body) == "packed paid created");
  cluster.stop();
}

TEST_CASE("a model in learning mode learns; closed, it judges; learned transitions are durable", "[observation]") {
  const unsigned shards = GENERATE(1u, 4u);
  Cluster cluster(with(shards, "", false));
  cluster.start();
  auto client = cluster.client();
  // Different instances teach different shards; the union is one model.
  for (int i = 0; i < 12; ++i) {
    REQUIRE(client->init("order", i).ok);
    REQUIRE(client->transition(i, i % 2 == 0 ? "pay" : "cancel", i % 2 == 0 ? "paid" : "cancelled").ok);
    if (i % 4 == 0) REQUIRE(client->transition(i, "ship", "shipped").ok);
  }
  const std::string learned =
      "Specification: order\nLearning mode: true\nTransitions:\n"
      "created --[cancel]-> cancelled\ncreated --[pay]-> paid\n"
      "nil --[__initialisation__]-> created\npaid --[ship]-> shipped\n";
  const auto exported = [&] {
    const WireReply reply = cluster.client()->call(Operation::export_impl_models, {}, Array{});
    REQUIRE(reply.ok);
    REQUIRE(size_of(reply.body) == 1);
    CHECK(at(at(reply.body, 0), 0) == Value("order.spex"));
    return string_of(at(at(reply.body, 0), 1));
  };
  CHECK(exported() == learned);
  for (unsigned shard = 1; shard <= shards; ++shard) cluster.kill_and_wait_ready("shard-" + std::to_string(shard));
  CHECK(exported() == learned);

  REQUIRE(client->call(Operation::set_learning_mode, {}, Array{"order", false}).ok);
  CHECK(at(at(models(*client), 0), "learning_mode") == Value(false));
  REQUIRE(client->init("order", "o").ok);
  CHECK(client->transition("o", "ship", "shipped").refused("TransitionError", "deviation_not_equivalent"));
  REQUIRE(client->call(Operation::set_learning_mode, {}, Array{"order", true}).ok);
  REQUIRE(client->init("order", "p").ok);
  const WireReply taught = client->transition("p", "ship", "shipped");
  CHECK(taught.ok);
  CHECK(taught.reported.empty());
  cluster.stop();
}

TEST_CASE("closing the model closes what other shards learned, too", "[observation]") {
  Cluster cluster(with(4, "", false));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "teacher").ok);
  REQUIRE(client->transition("teacher", "pay", "paid").ok);
  REQUIRE(client->transition("teacher", "ship", "shipped").ok);
  REQUIRE(client->transition("teacher", "done", "shipped").answered);
  REQUIRE(client->call(Operation::set_learning_mode, {}, Array{"order", false}).ok);
  // Every shard has a model now, and it is the same union: what one shard learned is no deviation on another.
  for (int i = 0; i < 16; ++i) {
    REQUIRE(client->init("order", i).ok);
    const WireReply reply = client->transition(i, "pay", "paid");
    INFO("instance " << i << ": " << reply.text());
    CHECK(reply.ok);
    CHECK(reply.reported.empty());
  }
  cluster.stop();
}

TEST_CASE("a model of an undefined specification is kept, listed and exported", "[observation]") {
  ClusterOptions options = with(GENERATE(1u, 4u), "");
  options.models["other-name.spex"] = order_model("undefined");
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  const Value all = models(*client);
  REQUIRE(size_of(all) == 2);
  CHECK(at(at(all, 0), "specification") == Value("order"));
  CHECK(at(at(all, 1), "specification") == Value("undefined"));
  const WireReply exported = client->call(Operation::export_impl_models, {}, Array{});
  REQUIRE(size_of(exported.body) == 2);
  CHECK(at(exported.body, 1) == Value(Array{"undefined.spex", order_model("undefined")}));
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
