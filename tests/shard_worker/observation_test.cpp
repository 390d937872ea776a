#include "tests/shard_worker/shard_fixture.h"

namespace spex::shard_worker::testing {
namespace {

using Reasons = std::vector<std::string>;

struct ObservingShard : ShardFixture {
  explicit ObservingShard(config::Config configuration = {}) : ShardFixture(std::move(configuration)) {
    put_spec("order.spec", kOrderSpec);
    put_model("order.spex", kOrderModel);
    start();
  }
};

std::size_t history_length(const Reply& got) { return got.body.find("transitions")->array()->size(); }

TEST_CASE("a known path is ok and recorded", "[observation]") {
  ObservingShard shard;
  CHECK(reason(shard.init("a")) == "ok");
  CHECK(reason(shard.move("a", "pay", "p")) == "ok");
  CHECK(reason(shard.move("a", "ship", "s")) == "ok");
  const Reply got = shard.get("a");
  CHECK(text(got.body.find("current_state")) == "s");
  CHECK(history_length(got) == 3);
  CHECK(shard.events().empty());
}

TEST_CASE("a deviation that changes the behaviour is reported, and recorded all the same", "[observation]") {
  ObservingShard shard;
  CHECK(reason(shard.init("a")) == "ok");
  const Reply reply = shard.move("a", "steal", "gone");
  CHECK(reason(reply) == "deviation_not_equivalent");
  CHECK(reported(reply) == Reasons{"deviation_not_equivalent"});
  const Value& context = reply.error->context;
  CHECK(*context.find("deviating_transition") == Value(protocol::Array{"o", "steal", "gone"}));
  CHECK(text(context.find("instance")->find("current_state")) == "gone");
  CHECK(text(shard.get("a").body.find("current_state")) == "gone");
  REQUIRE(shard.events().size() == 1);
  CHECK(text(shard.events()[0].find("reason")) == "deviation_not_equivalent");
}

TEST_CASE("a deviation without consequence is accepted, and said", "[observation]") {
  ObservingShard shard;
  CHECK(reason(shard.init("a")) == "ok");
  CHECK(reason(shard.move("a", "pay", "p")) == "ok");
  CHECK(reason(shard.move("a", "ship", "s")) == "ok");
  const Reply reply = shard.move("a", "__internal__", "archived");
  CHECK(reason(reply) == "ok");
  CHECK(reported(reply) == Reasons{"deviation_still_equivalent"});
  CHECK(*shard.events()[0].find("accepted") == Value(true));
}

TEST_CASE("a second initial state makes a closed model not equivalent; the instance exists", "[observation]") {
  ObservingShard shard;
  const Reply reply = shard.init("a", "order", "elsewhere");
  CHECK(reason(reply) == "deviation_not_equivalent");
  CHECK(*reply.error->context.find("deviating_transition") ==
        Value(protocol::Array{nullptr, "__initialisation__", "elsewhere"}));
  CHECK(shard.get("a").ok);
}

TEST_CASE("one verdict serves all instances: a flood of one deviation is checked once", "[observation]") {
  ObservingShard shard;
  for (int i = 0; i < 20; ++i) {
    CHECK(reason(shard.init(i)) == "ok");
    CHECK(reason(shard.move(i, "steal", "gone")) == "deviation_not_equivalent");
  }
  CHECK(shard.shard->checks.finished() == 1);
}

TEST_CASE("the report of a deviation says why, the event in a sentence", "[observation]") {
  ObservingShard shard;
  shard.init("a");
  shard.move("a", "pay", "p");
  const Reply reply = shard.move("a", "steal", "gone");
  REQUIRE(reason(reply) == "deviation_not_equivalent");
  const Value* why = reply.error->context.find("explanation");
  REQUIRE(why != nullptr);
  const std::string story =
      "after `pay` the implementation (state `p`) can do `steal`; the specification (state `paid`) can only do `ship`";
  CHECK(text(why->find("story")) == story);
  CHECK(text(why->find("kind")) == "trace");
  CHECK(text(why->find("able")) == "left");
  CHECK(*why->find("trace") == Value(protocol::Array{"pay"}));
  CHECK(text(why->find("action")) == "steal");
  CHECK(*why->find("left_run") ==
        Value(protocol::Array{protocol::Array{"pay", "p"}, protocol::Array{"steal", "gone"}}));
  CHECK(*why->find("right_offers") == Value(protocol::Array{"ship"}));
  CHECK_FALSE(text(why->find("formula")).empty());
  CHECK(*reply.reported.at(0).context.find("explanation") == *why);
  CHECK(text(shard.events().at(0).find("story")) == story);
}

TEST_CASE("a difference that no trace shows is reported as a play", "[observation]") {
  ShardFixture shard;
  shard.put_spec("order.spec", "Specification: order\nTransitions:\ns --[a]-> t\ns --[b]-> u\n");
  shard.put_model("order.spex",
                  "Specification: order\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> o\n"
                  "o --[a]-> x\no --[b]-> y\nr --[b]-> y\n");
  shard.start();
  shard.init("a");
  const Reply reply = shard.move("a", "__internal__", "r");
  REQUIRE(reason(reply) == "deviation_not_equivalent");
  const Value* why = reply.error->context.find("explanation");
  REQUIRE(why != nullptr);
  CHECK(text(why->find("kind")) == "game");
  REQUIRE(why->find("game")->array()->size() == 2);
  const Value& first = why->find("game")->array()->front();
  CHECK(text(first.find("mover")) == "left");
  CHECK(*first.find("left") == Value(protocol::Array{protocol::Array{nullptr, "r"}}));
}

TEST_CASE("the report of a hostile deviation stays small", "[observation]") {
  ShardFixture shard;
  const std::string name(250, 'n');
  std::string steps;
  std::string model =
      "Specification: order\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> " + name + "0\n";
  for (int i = 0; i < 600; ++i) {
    const std::string step = name + std::to_string(i) + " --[" + name + "]-> " + name + std::to_string(i + 1) + "\n";
    steps += step;
    model += step;
  }
  shard.put_spec("order.spec", "Specification: order\nTransitions:\n" + steps);
  shard.put_model("order.spex", model);
  shard.start();
  shard.init("a", "order", name + "0");
  REQUIRE(shard
              .ask(Operation::mock_instance, "a",
                   ShardFixture::encoded(protocol::MockArguments{"order", name + "600", {}}), {})
              .ok);
  const Reply reply = shard.move("a", name + "x", name + "y");
  REQUIRE(reason(reply) == "deviation_not_equivalent");
  const Value* why = reply.error->context.find("explanation");
  REQUIRE(why != nullptr);
  CHECK(protocol::encode_value(*why).size() < 256 * 1024);
  CHECK_FALSE(text(why->find("note")).empty());
  CHECK(text(shard.events().at(0).find("story")).size() <= 512);
}

TEST_CASE("while a check runs, that instance waits and the others do not", "[observation]") {
  ObservingShard shard;
  shard.init("a");
  shard.init("b");
  const auto moved = [&](const char* id, const char* action, const char* state) {
    return shard.send(Operation::transition, id,
                      ShardFixture::encoded(protocol::TransitionArguments{action, state, {}}), {});
  };
  const auto deviating = moved("a", "steal", "gone");
  const auto behind = moved("a", "pay", "p");
  const auto read_behind = shard.send(Operation::get_instance, "a", "", {});
  const auto other = moved("b", "pay", "p");
  CHECK_FALSE(shard.answered(deviating));
  CHECK_FALSE(shard.answered(behind));
  CHECK_FALSE(shard.answered(read_behind));
  CHECK(reason(shard.reply_to(other)) == "ok");
  shard.run_checks();
  CHECK(reason(shard.reply_to(deviating)) == "deviation_not_equivalent");
  // Where it stands now the model does not reach: no consequence, so accepted; it took a check of its own.
  CHECK(reported(shard.reply_to(behind)) == Reasons{"deviation_still_equivalent"});
  CHECK(text(shard.reply_to(read_behind).body.find("current_state")) == "p");
  CHECK(shard.shard->waiting.size() == 0);
}

TEST_CASE("others that deviate in the same way wait for the one check", "[observation]") {
  ObservingShard shard;
  std::vector<std::uint64_t> tokens;
  for (int i = 0; i < 50; ++i) shard.init(i);
  for (int i = 0; i < 50; ++i) {
    tokens.push_back(shard.send(Operation::transition, i,
                                ShardFixture::encoded(protocol::TransitionArguments{"steal", "gone", {}}), {}));
  }
  CHECK(shard.runner.jobs.size() == 1);
  shard.run_checks();
  for (const std::uint64_t token : tokens) CHECK(reason(shard.reply_to(token)) == "deviation_not_equivalent");
  CHECK(shard.shard->checks.finished() == 1);
}

TEST_CASE("past a quarter of the check queue one client is refused without effect", "[observation]") {
  config::Config config;
  config.checks_queued_max = 8;
  ObservingShard shard(config);
  for (int i = 0; i < 9; ++i) shard.init(i);
  const auto deviate = [&](int id, std::uint64_t client) {
    const std::string action = "a" + std::to_string(id);
    ShardFixture::Asked asked;
    asked.client = client;
    return shard.send(Operation::transition, id, ShardFixture::encoded(protocol::TransitionArguments{action, "x", {}}),
                      asked);
  };
  deviate(0, 1);
  deviate(1, 1);
  const auto third = deviate(2, 1);
  CHECK(reason(shard.reply_to(third)) == "overloaded");
  CHECK(history_length(shard.get(2)) == 1);
  const auto of_another = deviate(3, 2);
  CHECK_FALSE(shard.answered(of_another));
  shard.run_checks();
  CHECK(reason(shard.reply_to(of_another)) == "deviation_not_equivalent");
}

TEST_CASE("without a model an empty learning one is made, by default", "[observation]") {
  ShardFixture shard;
  shard.put_spec("order.spec", kOrderSpec);
  shard.start();
  const Reply reply = shard.init("a");
  CHECK(reason(reply) == "ok");
  CHECK(reported(reply) == Reasons{"impl_model_not_found"});
  CHECK(reported(shard.move("a", "pay", "p")).empty());
  shard.restart();  // learned transitions are durable like instances
  const Reply models = shard.ask_rounds(Operation::all_impl_models, "");
  REQUIRE(models.body.array()->size() == 1);
  const Value& model = models.body.array()->front();
  CHECK(*model.find("learning_mode") == Value(true));
  CHECK(*model.find("transitions") ==
        Value(protocol::Array{protocol::Array{nullptr, "__initialisation__", "o"}, protocol::Array{"o", "pay", "p"}}));
}

TEST_CASE("where a missing model is to be reported, nothing happens at all", "[observation]") {
  ShardFixture shard;
  shard.put_spec("order.spec",
                 "Specification: order\nOn impl_model_not_found: report\nTransitions:\nopen --[pay]-> paid\n");
  shard.start();
  const Reply reply = shard.init("a");
  CHECK(reason(reply) == "impl_model_not_found");
  CHECK(reported(reply) == Reasons{"impl_model_not_found"});
  CHECK(reason(shard.get("a")) == "instance_identifier_not_found");
  CHECK(shard.ask_rounds(Operation::all_impl_models, "").body == Value(protocol::Array{}));
  CHECK(shard.events().size() == 1);
}

TEST_CASE("a learning model stops at its limit and the request has no effect", "[observation]") {
  config::Config config;
  config.model_transitions_max = 2;
  ShardFixture shard(config);
  shard.put_spec("order.spec", kOrderSpec);
  shard.start();
  CHECK(reason(shard.init("a")) == "ok");
  CHECK(reason(shard.move("a", "pay", "p")) == "ok");
  CHECK(reason(shard.move("a", "ship", "s")) == "too_large");
  CHECK(text(shard.get("a").body.find("current_state")) == "p");
  CHECK(reason(shard.init("b")) == "ok");
}

TEST_CASE("the policy of the specification decides what the caller sees", "[observation]") {
  ShardFixture shard;
  shard.put_spec("order.spec",
                 "Specification: order\nOn deviation_not_equivalent: accept\n"
                 "On instance_identifier_already_in_use: accept\nOn deviation_still_equivalent: report\n"
                 "Transitions:\nopen --[pay]-> paid\npaid --[ship]-> shipped\n");
  shard.put_model("order.spex", kOrderModel);
  shard.start();
  shard.init("a");
  const Reply deviation = shard.move("a", "steal", "gone");
  CHECK(reason(deviation) == "ok");
  CHECK(reported(deviation) == Reasons{"deviation_not_equivalent"});
  const Reply again = shard.init("a");
  CHECK(reason(again) == "ok");
  CHECK(reported(again) == Reasons{"instance_identifier_already_in_use"});
  CHECK(history_length(shard.get("a")) == 2);
  shard.init("b");
  CHECK(reason(shard.move("b", "__internal__", "o")) == "deviation_still_equivalent");
  CHECK(shard.events().size() == 3);
}

TEST_CASE("errors of instances that belong to no specification are reported by default", "[observation]") {
  ObservingShard shard;
  const Reply unknown = shard.move("nobody", "pay", "p");
  CHECK(reason(unknown) == "instance_identifier_not_found");
  CHECK(reported(unknown) == Reasons{"instance_identifier_not_found"});
  CHECK(*unknown.error->context.find("instance_identifier") == Value("nobody"));
  CHECK(shard.events().size() == 1);
  CHECK(reported(shard.get("nobody")).empty());
  CHECK(shard.events().size() == 1);
}

TEST_CASE("bad names and unknown specifications are refused", "[observation]") {
  ObservingShard shard;
  CHECK(reason(shard.init("a", "other")) == "specification_not_found");
  CHECK(reason(shard.init("a", "order", "nil")) == "invalid_argument");
  shard.init("a");
  CHECK(reason(shard.move("a", "tab\t", "p")) == "invalid_argument");
  CHECK(reason(shard.move("a", "pay", "x]-> y")) == "invalid_argument");
  CHECK(history_length(shard.get("a")) == 1);
}

TEST_CASE("a mocked instance has no history and leaves the model alone", "[observation]") {
  ObservingShard shard;
  const auto mock = [&](const char* state) {
    return shard.ask(Operation::mock_instance, "m", ShardFixture::encoded(protocol::MockArguments{"order", state, {}}),
                     {});
  };
  CHECK(reason(mock("p")) == "ok");
  CHECK(history_length(shard.get("m")) == 0);
  CHECK(reason(shard.move("m", "ship", "s")) == "ok");
  CHECK(reason(mock("o")) == "ok");
  CHECK(history_length(shard.get("m")) == 0);
  CHECK(text(shard.get("m").body.find("current_state")) == "o");
}

}  // namespace
}  // namespace spex::shard_worker::testing
