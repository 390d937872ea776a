#include "shard_worker/deadlines.h"

#include "tests/shard_worker/shard_fixture.h"

namespace spex::shard_worker::testing {
namespace {

struct TimedShard : ShardFixture {
  explicit TimedShard(const std::string& options, config::Config configuration = {})
      : ShardFixture(std::move(configuration)) {
    put_spec("order.spec",
             "Specification: order\n" + options + "Transitions:\nopen --[pay]-> paid\npaid --[ship]-> shipped\n");
    put_model("order.spex", kOrderModel);
    start();
  }
  std::size_t timeouts() {
    std::size_t count = 0;
    for (const Value& event : events()) count += text(event.find("reason")) == "transition_timeout" ? 1 : 0;
    return count;
  }
  std::uint64_t instances() { return store->statistics().instances; }
};

TEST_CASE("an instance without a further record is reported once per record", "[deadlines]") {
  TimedShard shard("Transition timeout: 30s\n");
  shard.init("a");
  shard.pass(29 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 0);
  shard.pass(kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 1);
  CHECK(*shard.events()[0].find("identifier") == Value("a"));
  CHECK(*shard.events()[0].find("accepted") == Value(false));
  shard.pass(1000 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 1);
  shard.move("a", "pay", "p");
  shard.pass(30 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 2);
}

TEST_CASE("a mocked, a deleted and an ended instance never time out", "[deadlines]") {
  TimedShard shard("Transition timeout: 30s\n");
  shard.ask(Operation::mock_instance, "m", ShardFixture::encoded(protocol::MockArguments{"order", "o", {}}), {});
  shard.init("deleted");
  shard.ask(Operation::delete_instance, "deleted", "", {});
  shard.init("known end of the closed model");
  shard.move("known end of the closed model", "pay", "p");
  shard.move("known end of the closed model", "ship", "s");
  shard.init("by name");
  shard.move("by name", "x", "shipped");
  const std::size_t deviations = shard.events().size();
  shard.pass(60 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 0);
  CHECK(shard.events().size() == deviations);
}

TEST_CASE("instances at their end are reported where that is asked for", "[deadlines]") {
  TimedShard shard("Transition timeout: 30s\nTimeout at end: report\n");
  shard.init("a");
  shard.move("a", "pay", "p");
  shard.move("a", "ship", "s");
  shard.pass(30 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 1);
}

TEST_CASE("due times survive a restart, and each is reported once", "[deadlines]") {
  TimedShard shard("Transition timeout: 30s\n");
  shard.init("early");
  shard.pass(20 * kSecond);
  shard.init("late");
  shard.pass(15 * kSecond);
  shard.restart();
  shard.run_deadlines();
  CHECK(shard.timeouts() == 1);
  shard.restart();
  shard.run_deadlines();
  CHECK(shard.timeouts() == 1);
  shard.pass(15 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 2);
}

TEST_CASE("what fell due while the shard was away can be skipped for good", "[deadlines]") {
  config::Config config;
  config.check_transition_timeouts_on_start = false;
  TimedShard shard("Transition timeout: 30s\n", config);
  shard.init("a");
  shard.pass(60 * kSecond);
  shard.restart();
  shard.run_deadlines();
  CHECK(shard.timeouts() == 0);
  shard.init("b");
  shard.pass(30 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 1);
}

TEST_CASE("a step of the wall clock fires no timeout and delays none", "[deadlines]") {
  TimedShard shard("Transition timeout: 30s\n");
  shard.init("a");
  shard.now.wall += 365 * 86'400 * kSecond;
  shard.run_deadlines();
  CHECK(shard.timeouts() == 0);
  shard.now.wall -= 2 * 365 * 86'400 * kSecond;
  shard.pass(30 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 1);
}

TEST_CASE("a new definition recomputes what is due", "[deadlines]") {
  TimedShard shard("Transition timeout: 2d\n");
  shard.init("a");
  const std::string text = "Specification: order\nTransition timeout: 10s\nTransitions:\nopen --[pay]-> paid\n";
  CHECK(reason(shard.ask_rounds(Operation::define_specification,
                                ShardFixture::encoded(protocol::TextArguments{text}))) == "ok");
  shard.pass(10 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 1);
}

TEST_CASE("due times computed anew after a step of the wall clock fire nothing", "[deadlines]") {
  TimedShard shard("Transition timeout: 2d\n");
  shard.init("a");
  shard.run_deadlines();
  shard.now.wall += 365 * 86'400 * kSecond;
  shard.run_deadlines();
  const std::string text = "Specification: order\nTransition timeout: 10s\nTransitions:\nopen --[pay]-> paid\n";
  CHECK(reason(shard.ask_rounds(Operation::define_specification,
                                ShardFixture::encoded(protocol::TextArguments{text}))) == "ok");
  shard.run_deadlines();
  CHECK(shard.timeouts() == 0);
  shard.pass(10 * kSecond);
  shard.run_deadlines();
  CHECK(shard.timeouts() == 1);
}

TEST_CASE("old instances in prunable states leave, the others stay", "[deadlines]") {
  TimedShard shard("Prune timeout: 60s\nPrunable states: terminal\n");
  shard.init("open");
  shard.init("done");
  shard.move("done", "pay", "p");
  shard.move("done", "ship", "s");
  shard.ask(Operation::mock_instance, "mocked", ShardFixture::encoded(protocol::MockArguments{"order", "s", {}}), {});
  shard.pass(60 * kSecond);
  shard.restart();  // one pass right after the start
  shard.run_deadlines();
  CHECK(shard.instances() == 3);
  shard.pass(kSecond);
  shard.restart();
  shard.run_deadlines();
  CHECK(shard.instances() == 2);
  CHECK_FALSE(shard.get("done").ok);
}

TEST_CASE("a pass comes every prune_interval, in slices", "[deadlines]") {
  config::Config config;
  config.prune_interval.microseconds = 100 * kSecond;
  TimedShard shard("Prune timeout: 60s\nPrunable state: o\n", config);
  shard.run_deadlines();
  for (int i = 0; i < 600; ++i) shard.init(i);
  shard.pass(99 * kSecond);
  shard.run_deadlines();
  CHECK(shard.instances() == 600);
  shard.pass(kSecond);
  REQUIRE(shard.deadlines->run_slice(shard.now, 256).ok());
  CHECK(shard.instances() == 344);
  shard.run_deadlines();
  CHECK(shard.instances() == 0);
}

TEST_CASE("a wall clock that jumps forward prunes nothing early", "[deadlines]") {
  config::Config config;
  config.prune_interval.microseconds = 100 * kSecond;
  TimedShard shard("Prune timeout: 1d\nPrunable states: all\n", config);
  shard.run_deadlines();
  shard.init("a");
  shard.run_deadlines();
  shard.now.wall += 365 * 86'400 * kSecond;
  shard.pass(kSecond);
  shard.run_deadlines();
  shard.pass(200 * kSecond);
  shard.run_deadlines();
  CHECK(shard.instances() == 1);
  shard.pass(86'400 * kSecond);
  shard.run_deadlines();
  CHECK(shard.instances() == 0);
}

TEST_CASE("after steps of the wall clock a record counts as the youngest that its time can mean", "[deadlines]") {
  constexpr base::Timestamp kDay = 86'400 * kSecond;
  constexpr base::Timestamp kStart = 20'000 * kDay;
  ClockSteps clock;
  std::int64_t seconds = 0;  // that have passed in truth
  const auto at = [&](base::Timestamp offset) {
    return Now{kStart + seconds * kSecond + offset, base::MonotonicTime(std::chrono::seconds(1'000 + seconds))};
  };
  const auto pass = [&](std::int64_t time, base::Timestamp offset) {
    seconds += time;
    clock.observe(at(offset));
  };
  pass(0, 0);
  CHECK(clock.age(kStart - kDay, at(0)) == kDay);
  CHECK(clock.age(kStart + kDay, at(0)) == 0);
  pass(10, 0);
  pass(10, 400 * kDay);  // a step forward: what was there before is as old as before
  CHECK(clock.age(kStart, at(400 * kDay)) == 20 * kSecond);
  CHECK(clock.age(kStart - kDay, at(400 * kDay)) == kDay + 20 * kSecond);
  const base::Timestamp future = at(400 * kDay).wall;
  pass(10, 0);  // and back: records that go on after the one in the future take its time
  CHECK(clock.age(future, at(0)) == 0);
  pass(10, 800 * kDay);
  CHECK(clock.age(future, at(800 * kDay)) <= 10 * kSecond);
  pass(1'000, 800 * kDay);
  CHECK(clock.age(kStart - kDay, at(800 * kDay)) >= 1'000 * kSecond);
  // Any number of steps is safe.
  for (int i = 0; i < 200; ++i) pass(1, i % 2 == 0 ? 0 : 900 * kDay);
  CHECK(clock.age(kStart, at(900 * kDay)) <= 1'300 * kSecond);
  CHECK(clock.age(kStart, at(900 * kDay)) >= 0);
}

}  // namespace
}  // namespace spex::shard_worker::testing
