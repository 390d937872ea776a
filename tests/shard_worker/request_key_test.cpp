#include "tests/shard_worker/shard_fixture.h"

namespace spex::shard_worker::testing {
namespace {

using Asked = ShardFixture::Asked;

struct KeyedShard : ShardFixture {
  KeyedShard() {
    put_spec("order.spec", kOrderSpec);
    put_model("order.spex", kOrderModel);
    start();
  }
  // Numbers of keys begin at the time of their client's start.
  Asked with_key(std::uint64_t number) const { return {7, static_cast<std::uint64_t>(now.wall) + number, 0, {}}; }
  std::uint64_t total(const char* id) {
    return static_cast<std::uint64_t>(*get(id).body.find("transitions_total")->integer());
  }
};

bool same(const Reply& a, const Reply& b) {
  return a.ok == b.ok && a.body == b.body && a.error == b.error && a.reported == b.reported;
}

TEST_CASE("a repeated request has one effect and the first answer, also after a restart", "[keys]") {
  KeyedShard shard;
  const Asked init_key = shard.with_key(1);
  const Asked move_key = shard.with_key(2);
  const Asked steal_key = shard.with_key(3);
  CHECK(reason(shard.init("a", "order", "o", init_key)) == "ok");
  CHECK(reason(shard.move("a", "pay", "p", move_key)) == "ok");
  const Reply deviation = shard.move("a", "steal", "gone", steal_key);
  CHECK(reason(deviation) == "deviation_not_equivalent");
  shard.move("a", "onward", "further");
  CHECK(shard.total("a") == 4);
  for (int round = 0; round < 2; ++round) {
    CHECK(reason(shard.init("a", "order", "o", init_key)) == "ok");
    CHECK(reason(shard.move("a", "pay", "p", move_key)) == "ok");
    const Reply again = shard.move("a", "steal", "gone", steal_key);
    CHECK(reason(again) == "deviation_not_equivalent");
    CHECK(*again.error->context.find("deviating_transition") == *deviation.error->context.find("deviating_transition"));
    CHECK(*again.error->context.find("instance") == *deviation.error->context.find("instance"));
    CHECK(same(again, deviation));
    CHECK(shard.total("a") == 4);
    shard.restart();
  }
}

TEST_CASE("refusals are remembered as well", "[keys]") {
  KeyedShard shard;
  const Asked early = shard.with_key(1);
  const Asked no_spec = shard.with_key(2);
  const Asked in_use = shard.with_key(3);
  const Reply refused = shard.move("a", "pay", "p", early);
  CHECK(reason(refused) == "instance_identifier_not_found");
  CHECK(reason(shard.init("x", "later", "o", no_spec)) == "specification_not_found");
  shard.init("a");
  CHECK(reason(shard.init("a", "order", "o", in_use)) == "instance_identifier_already_in_use");
  shard.ask(Operation::delete_instance, "a", "", {});
  shard.init("a");
  CHECK(same(shard.move("a", "pay", "p", early), refused));
  CHECK(reason(shard.init("x", "later", "o", no_spec)) == "specification_not_found");
  CHECK(reason(shard.init("a", "order", "o", in_use)) == "instance_identifier_already_in_use");
  CHECK(shard.total("a") == 1);
}

TEST_CASE("a repeated deviation is explained again, also after a restart", "[keys]") {
  KeyedShard shard;
  shard.init("a");
  const Reply first = shard.move("a", "steal", "gone", shard.with_key(1));
  REQUIRE(first.error->context.find("explanation") != nullptr);
  shard.restart();
  const Reply again = shard.move("a", "steal", "gone", shard.with_key(1));
  CHECK(again.error->context == first.error->context);
  CHECK(again.reported.at(0).context == first.error->context);
  CHECK(shard.shard->checks.finished() == 1);
  CHECK(shard.shard->waiting.size() == 0);
}

TEST_CASE("a deviation of a model that learned it since is repeated without an explanation", "[keys]") {
  KeyedShard shard;
  shard.init("a");
  const Reply first = shard.move("a", "steal", "gone", shard.with_key(1));
  shard.restart();
  shard.ask_rounds(Operation::set_learning_mode,
                   ShardFixture::encoded(protocol::SetLearningModeArguments{"order", true}));
  const Reply again = shard.move("a", "steal", "gone", shard.with_key(1));
  CHECK(reason(again) == "deviation_not_equivalent");
  CHECK(*again.error->context.find("deviating_transition") == *first.error->context.find("deviating_transition"));
  CHECK(again.error->context.find("explanation") == nullptr);
}

TEST_CASE("the same key with another request is refused", "[keys]") {
  KeyedShard shard;
  const Asked key = shard.with_key(1);
  CHECK(reason(shard.init("a", "order", "o", key)) == "ok");
  CHECK(reason(shard.init("b", "order", "o", key)) == "request_key_reused");
  CHECK(reason(shard.move("a", "pay", "p", key)) == "request_key_reused");
  CHECK(reason(shard.get("b")) == "instance_identifier_not_found");
}

TEST_CASE("a key that was forgotten is never executed", "[keys]") {
  KeyedShard shard;
  const Asked key = shard.with_key(1);
  CHECK(reason(shard.init("a", "order", "o", key)) == "ok");
  shard.pass(10 * kSecond);
  shard.store->forget_keys_before(shard.now.wall - kSecond);
  shard.commit();
  CHECK(reason(shard.init("a", "order", "o", key)) == "request_key_expired");
}

TEST_CASE("a deviation of an instance that is gone is still answered so", "[keys]") {
  KeyedShard shard;
  shard.init("a");
  const Asked key = shard.with_key(1);
  CHECK(reason(shard.move("a", "steal", "gone", key)) == "deviation_not_equivalent");
  shard.ask(Operation::delete_instance, "a", "", {});
  const Reply again = shard.move("a", "steal", "gone", key);
  CHECK(reason(again) == "deviation_not_equivalent");
  CHECK(*again.error->context.find("instance_identifier") == Value("a"));
}

TEST_CASE("a repeated bulk deletion answers the first count", "[keys]") {
  KeyedShard shard;
  for (int i = 0; i < 600; ++i) shard.init(i);
  const Asked key = shard.with_key(1);
  const std::string all = ShardFixture::encoded(protocol::DeleteInstancesArguments{"\x80"});
  const auto token = shard.send(Operation::delete_instances, nullptr, all, key);
  shard.shard->deletions.run_slice(*shard.shard, shard.now, shard.answers, 256);
  shard.collect();
  CHECK_FALSE(shard.answered(token));  // in slices
  shard.restart();                     // the caller never heard of it
  const Reply rest = shard.ask(Operation::delete_instances, nullptr, all, key);
  CHECK(rest.body == Value(600));
  shard.init("later");
  CHECK(shard.ask(Operation::delete_instances, nullptr, all, key).body == Value(600));
  CHECK(shard.get("later").ok);
}

TEST_CASE("an operation of all shards counts its key in the last round", "[keys]") {
  KeyedShard shard;
  const auto learning = [](bool on) { return ShardFixture::encoded(protocol::SetLearningModeArguments{"order", on}); };
  const Asked key = shard.with_key(1);
  CHECK(reason(shard.ask_rounds(Operation::set_learning_mode, learning(true), key)) == "ok");
  CHECK(reason(shard.ask_rounds(Operation::set_learning_mode, learning(false))) == "ok");
  CHECK(reason(shard.ask_rounds(Operation::set_learning_mode, learning(true), key)) == "ok");
  const auto id = *shard.store->find_specification("order");
  CHECK_FALSE(shard.shard->catalogue.model(id)->model.learning());
}

}  // namespace
}  // namespace spex::shard_worker::testing
