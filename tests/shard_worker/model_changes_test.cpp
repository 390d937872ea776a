// Two shards that close a model together, with the router, or one of them,
// failing between any two steps.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/shard_worker/shard_fixture.h"

namespace spex::shard_worker::testing {
namespace {

const std::string kLearning =
    "Specification: order\nLearning mode: true\nTransitions:\nnil --[__initialisation__]-> o\no --[pay]-> p\n";

// One of the shards; what both share is the data directory.
struct LearningShard : ShardFixture {
  explicit LearningShard(const std::string& data_dir) {
    config.data_dir = data_dir;
    put_spec("order.spec", kOrderSpec);
    put_model("order.spex", kLearning);
    start();
    init("a");
  }
  // Killed: nothing is closed, what was not committed is gone.
  void crash() {
    shard.reset();
    start();
  }
  bool learning() {
    const auto id = *store->find_specification("order");
    return shard->catalogue.model(id)->model.learning();
  }
  bool has(const std::string& line) { return exported().find(line) != std::string::npos; }
  std::string exported() {
    return text(&ask_rounds(Operation::export_impl_models, "").body.array()->front().array()->at(1));
  }
  std::uint64_t send_move(const char* action, const char* state) {
    return send(Operation::transition, "a", encoded(protocol::TransitionArguments{action, state, {}}), {});
  }
  void run_due() {
    REQUIRE(shard->changes.run_due(*shard, now).ok());
    commit();
    settle();
    run_checks();
  }
};

// The router's part.
struct Change {
  Operation operation = Operation::set_learning_mode;
  std::string arguments = ShardFixture::encoded(protocol::SetLearningModeArguments{"order", false});
  std::int64_t number = 1;
  std::optional<std::uint64_t> key = std::nullopt;
  protocol::Array bodies = {};

  Reply first(LearningShard& shard) {
    const ShardFixture::Asked asked{7, key, 1, protocol::encode_value(number)};
    const Reply reply = shard.ask(operation, nullptr, arguments, asked);
    if (reply.ok) bodies.push_back(reply.body);
    return reply;
  }
  Reply second(LearningShard& shard) const {
    return shard.ask(operation, nullptr, arguments, {7, key, 2, protocol::encode_value(bodies)});
  }
};

struct TwoShards {
  test::TempDir data;
  LearningShard one{data.path()};
  LearningShard two{data.path()};
  Change closing;

  TwoShards() {
    one.move("a", "steal", "gone");
    two.move("a", "borrow", "away");
    REQUIRE(closing.first(one).ok);
    REQUIRE(closing.first(two).ok);
  }
  void check_all_closed() {
    for (LearningShard* shard : {&one, &two}) {
      CHECK_FALSE(shard->learning());
      CHECK(shard->has("o --[steal]-> gone"));
      CHECK(shard->has("o --[borrow]-> away"));
      CHECK_FALSE(shard->shard->changes.held("order"));
    }
    CHECK(one.exported() == two.exported());
  }
  void check_all_learn() {
    for (LearningShard* shard : {&one, &two}) {
      CHECK(shard->learning());
      CHECK_FALSE(shard->shard->changes.held("order"));
      CHECK(reported(shard->move("a", "surprise", "somewhere")).empty());
      CHECK(shard->has("]-> somewhere"));
    }
  }
  void pass_patience() {
    one.pass(one.config.hold_max);
    two.pass(two.config.hold_max);
  }
};

TEST_CASE("closing a model gives every shard what all have learned", "[changes]") {
  TwoShards shards;
  CHECK(shards.closing.second(shards.one).ok);
  CHECK(shards.closing.second(shards.two).ok);
  shards.check_all_closed();
  shards.one.restart();
  shards.two.restart();
  shards.check_all_closed();
}

TEST_CASE("between the rounds nothing new is learned: it waits and is judged by the whole closed model", "[changes]") {
  TwoShards shards;
  // Known in the other shard, new, and known here.
  shards.two.init("b");
  const auto known_elsewhere = shards.two.send(
      Operation::transition, "b", ShardFixture::encoded(protocol::TransitionArguments{"steal", "gone", {}}), {});
  const auto unknown = shards.one.send_move("bribe", "free");
  shards.two.init("c");
  const Reply known_here = shards.two.move("c", "pay", "p");
  CHECK(known_here.ok);
  CHECK(known_here.reported.empty());
  CHECK_FALSE(shards.two.answered(known_elsewhere));
  CHECK_FALSE(shards.one.answered(unknown));
  shards.closing.second(shards.one);
  shards.closing.second(shards.two);
  shards.one.settle();
  shards.one.run_checks();
  shards.two.settle();
  CHECK(shards.two.reply_to(known_elsewhere).reported.empty());
  CHECK_FALSE(shards.one.reply_to(unknown).reported.empty());
  CHECK_FALSE(shards.one.has("bribe"));
  shards.check_all_closed();
}

TEST_CASE("a shard that missed the second round makes up for it", "[changes]") {
  TwoShards shards;
  CHECK(shards.closing.second(shards.one).ok);
  shards.two.run_due();
  CHECK(shards.two.learning());  // not before its time
  shards.pass_patience();
  shards.two.run_due();
  shards.check_all_closed();
}

TEST_CASE("a shard killed before it committed the second round makes up for it at its start", "[changes]") {
  TwoShards shards;
  CHECK(shards.closing.second(shards.one).ok);
  shards.two.crash();
  shards.check_all_closed();
}

TEST_CASE("a router that dies between the rounds leaves all shards learning", "[changes]") {
  TwoShards shards;
  const auto waiting = shards.one.send_move("bribe", "free");
  shards.pass_patience();
  shards.one.run_due();
  shards.two.run_due();
  CHECK(shards.one.reply_to(waiting).ok);
  CHECK(shards.one.has("bribe"));
  shards.check_all_learn();
}

TEST_CASE("a change that one shard gave up is made by none", "[changes]") {
  TwoShards shards;
  shards.two.crash();
  CHECK(reason(shards.closing.second(shards.one)) == "shard_unavailable");
  CHECK(reason(shards.closing.second(shards.two)) == "shard_unavailable");
  shards.check_all_learn();
}

TEST_CASE("a second round that comes after it was made up for is answered ok", "[changes]") {
  TwoShards shards;
  CHECK(shards.closing.second(shards.one).ok);
  shards.pass_patience();
  shards.two.run_due();
  CHECK(shards.closing.second(shards.two).ok);
  shards.check_all_closed();
}

TEST_CASE("the next change settles one that was left unfinished", "[changes]") {
  TwoShards shards;
  CHECK(shards.closing.second(shards.one).ok);
  Change opening;
  opening.arguments = ShardFixture::encoded(protocol::SetLearningModeArguments{"order", true});
  opening.number = 2;
  CHECK(opening.first(shards.one).ok);
  CHECK(opening.first(shards.two).ok);
  CHECK_FALSE(shards.two.learning());  // the closing was made up for
  CHECK(opening.second(shards.one).ok);
  CHECK(opening.second(shards.two).ok);
  shards.check_all_learn();
  const std::filesystem::directory_iterator decisions(shards.data.file("model_changes"));
  CHECK(std::distance(begin(decisions), end(decisions)) == 1);
}

TEST_CASE("a key of a change that was made up for is remembered", "[changes]") {
  test::TempDir data;
  LearningShard one(data.path());
  LearningShard two(data.path());
  Change closing;
  closing.key = static_cast<std::uint64_t>(one.now.wall);
  closing.first(one);
  closing.first(two);
  CHECK(closing.second(one).ok);
  two.crash();
  CHECK_FALSE(two.learning());
  // Opened meanwhile by somebody else; the repetition with the old key closes nothing.
  for (LearningShard* shard : {&one, &two}) {
    shard->ask_rounds(Operation::set_learning_mode,
                      ShardFixture::encoded(protocol::SetLearningModeArguments{"order", true}));
  }
  closing.number = 99;
  closing.bodies.clear();
  closing.first(one);
  closing.first(two);
  CHECK(closing.second(one).ok);
  CHECK(closing.second(two).ok);
  CHECK(one.learning());
  CHECK(two.learning());
  CHECK_FALSE(one.shard->changes.held("order"));
}

TEST_CASE("an import that one shard missed is made up for as well", "[changes]") {
  test::TempDir data;
  LearningShard one(data.path());
  LearningShard two(data.path());
  const std::string text =
      "Specification: order\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> z\nz --[end]-> y\n";
  Change import;
  import.operation = Operation::import_impl_model;
  import.arguments = ShardFixture::encoded(protocol::TextArguments{text});
  import.first(one);
  import.first(two);
  CHECK(import.second(one).ok);
  two.crash();
  CHECK(one.exported() == text);
  CHECK(two.exported() == text);
}

TEST_CASE("a union past model_transitions_max is refused, and the shards learn on", "[changes]") {
  test::TempDir data;
  LearningShard one(data.path());
  LearningShard two(data.path());
  one.shard->config.model_transitions_max = 3;
  two.shard->config.model_transitions_max = 3;
  one.move("a", "steal", "gone");
  two.move("a", "borrow", "away");
  Change closing;
  closing.first(one);
  closing.first(two);
  CHECK(reason(closing.second(one)) == "too_large");
  CHECK(reason(closing.second(two)) == "too_large");
  CHECK(one.learning());
  CHECK(two.learning());
  CHECK_FALSE(two.shard->changes.held("order"));
}

TEST_CASE("proposals that killed shards left are removed at the next start, those of others stay", "[changes]") {
  TwoShards shards;
  const pid_t killed = ::fork();
  if (killed == 0) ::_exit(0);
  REQUIRE(::waitpid(killed, nullptr, 0) == killed);
  const std::string proposal = shards.data.path() + "/model_changes/proposal-";
  std::filesystem::create_directories(shards.data.path() + "/model_changes");
  for (const std::string& name : {std::to_string(killed), std::to_string(killed) + ".tmp-" + std::to_string(killed),
                                  std::to_string(::getppid())}) {
    std::ofstream(proposal + name) << "merge\n";
  }
  shards.one.crash();
  CHECK_FALSE(std::filesystem::exists(proposal + std::to_string(killed)));
  CHECK_FALSE(std::filesystem::exists(proposal + std::to_string(killed) + ".tmp-" + std::to_string(killed)));
  CHECK(std::filesystem::exists(proposal + std::to_string(::getppid())));
}

TEST_CASE("a change whose commit fails is neither made nor forgotten", "[changes]") {
  TwoShards shards;
  CHECK(shards.closing.second(shards.one).ok);
  // As after a failed commit: the store goes back to its file, and so does what is kept beside it.
  const auto waiting = shards.two.send_move("bribe", "free");
  REQUIRE(shards.two.shard->recover(shards.two.now).ok());
  CHECK(shards.two.shard->changes.held("order"));
  CHECK_FALSE(shards.two.answered(waiting));
  shards.pass_patience();
  shards.two.run_due();
  CHECK_FALSE(shards.two.reply_to(waiting).reported.empty());
  shards.check_all_closed();
}

}  // namespace
}  // namespace spex::shard_worker::testing
