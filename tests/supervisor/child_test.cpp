#include "supervisor/child.h"

#include <catch2/catch.hpp>

#include "support/fake_clock.h"

using namespace spex::supervisor;
using namespace std::chrono_literals;
using spex::base::Duration;
using spex::process::DownReason;
using spex::process::ExitStatus;
using spex::process::Report;
using spex::process::ReportKind;
using spex::test::FakeClock;

namespace {

ChildLimits limits() {
  ChildLimits result;
  result.restart.max_restarts = 3;
  result.restart.period = 5s;
  result.restart.backoff_min = 10ms;
  result.restart.backoff_max = 1s;
  result.restart.healthy_after = 10s;
  result.restart.park_retry = 30s;
  result.heartbeat_timeout = 5s;
  result.startup_timeout = 60s;
  result.shutdown_timeout = 3s;
  return result;
}

constexpr Action kSpawn{ActionKind::spawn};
constexpr Action kDrain{ActionKind::drain};
constexpr Action kTerminate{ActionKind::terminate};
constexpr Action kKill{ActionKind::kill};
constexpr Action kUp{ActionKind::announce_up};
constexpr Action down(DownReason reason) { return {ActionKind::announce_down, reason}; }

constexpr ExitStatus kClean{0, 0};
constexpr ExitStatus kKilled{0, 9};

// One child and its time.
struct Stage {
  explicit Stage(std::size_t index = 0, ChildLimits given = limits()) : child(child_specs(1)[index], given) {}
  static Stage router() { return Stage(1); }

  Actions report(ReportKind kind, const std::string& text = "") {
    return child.on_report({kind, text}, clock.monotonic());
  }
  Actions exit(ExitStatus status) { return child.on_exit(status, clock.monotonic(), 0); }
  Actions pass(Duration time) {
    clock.advance(time);
    return child.on_deadline(clock.monotonic());
  }
  Actions start() { return child.start(clock.monotonic()); }
  Actions stop() { return child.stop(clock.monotonic()); }
  Actions restart() { return child.restart(clock.monotonic()); }
  void serve() {
    start();
    report(ReportKind::ready);
  }

  FakeClock clock;
  Child child;
};

}  // namespace

TEST_CASE("a child starts, gets ready and is announced", "[supervisor]") {
  Stage stage;
  CHECK(stage.child.phase() == ChildPhase::stopped);
  CHECK(stage.start() == Actions{kSpawn});
  CHECK(stage.child.phase() == ChildPhase::starting);
  CHECK(stage.child.incarnation().value() == 1);
  CHECK(stage.report(ReportKind::ready) == Actions{kUp});
  CHECK(stage.child.phase() == ChildPhase::running);
  CHECK(stage.report(ReportKind::ready).empty());
  CHECK(stage.start().empty());
}

TEST_CASE("a shard that dies is announced down and comes back with the next incarnation", "[supervisor]") {
  Stage stage;
  stage.serve();
  CHECK(stage.exit(kKilled) == Actions{down(DownReason::restarting)});
  CHECK(stage.child.phase() == ChildPhase::backoff);
  CHECK(stage.child.last_exit() == "signal 9 (SIGKILL)");
  CHECK(stage.pass(0s) == Actions{kSpawn});  // the first restart is immediate
  CHECK(stage.child.incarnation().value() == 2);
  CHECK(stage.child.restarts() == 1);
  CHECK(stage.report(ReportKind::ready) == Actions{kUp});
}

TEST_CASE("a shard that dies before READY is backed off", "[supervisor]") {
  Stage stage;
  stage.start();
  stage.exit({1, 0});
  CHECK(stage.pass(0s) == Actions{kSpawn});
  stage.exit({1, 0});
  CHECK(stage.pass(9ms).empty());
  CHECK(stage.pass(1ms) == Actions{kSpawn});
}

TEST_CASE("a clean exit that nobody asked for is restarted by restart type", "[supervisor]") {
  const struct {
    RestartType type;
    ExitStatus status;
    ChildPhase phase;
  } rows[] = {
      {RestartType::permanent, kClean, ChildPhase::backoff},  {RestartType::permanent, kKilled, ChildPhase::backoff},
      {RestartType::transient, kClean, ChildPhase::stopped},  {RestartType::transient, kKilled, ChildPhase::backoff},
      {RestartType::transient, {1, 0}, ChildPhase::backoff},  {RestartType::temporary, kClean, ChildPhase::stopped},
      {RestartType::temporary, kKilled, ChildPhase::stopped},
  };
  for (const auto& row : rows) {
    Stage stage;
    ChildSpec spec = stage.child.spec();
    spec.restart = row.type;
    stage.child = Child(spec, limits());
    stage.serve();
    stage.exit(row.status);
    CHECK(stage.child.phase() == row.phase);
  }
}

TEST_CASE("a crash loop is parked, retried at the slow cap only, and told why", "[supervisor]") {
  Stage stage;
  stage.start();
  for (int i = 0; i < 3; ++i) {
    CHECK(stage.exit({1, 0}) == Actions{down(DownReason::restarting)});
    CHECK(stage.pass(1s) == Actions{kSpawn});
  }
  stage.report(ReportKind::failed, "no such file");
  CHECK(stage.exit({1, 0}) == Actions{down(DownReason::parked)});
  CHECK(stage.child.phase() == ChildPhase::parked);
  CHECK(stage.child.last_error() == "no such file");
  CHECK(stage.pass(29s).empty());
  CHECK(stage.pass(1s) == Actions{kSpawn});
  CHECK(stage.child.phase() == ChildPhase::starting);
  CHECK(stage.exit({1, 0}) == Actions{down(DownReason::parked)});
}

TEST_CASE("exit codes 64 and 78 park at once, others do not", "[supervisor]") {
  for (const int code : {64, 78, 70, 75, 1}) {
    Stage stage;
    stage.start();
    stage.exit({code, 0});
    CHECK(stage.child.phase() == (code == 64 || code == 78 ? ChildPhase::parked : ChildPhase::backoff));
  }
}

TEST_CASE("the router is never parked", "[supervisor]") {
  Stage stage = Stage::router();
  stage.start();
  for (int i = 0; i < 20; ++i) {
    stage.exit({i % 2 == 0 ? 78 : 1, 0});
    REQUIRE(stage.child.phase() == ChildPhase::backoff);
    REQUIRE(stage.pass(1s) == Actions{kSpawn});
  }
}

TEST_CASE("beyond the intensity escalate ends the service", "[supervisor]") {
  ChildLimits escalating = limits();
  escalating.restart.max_restarts = 0;
  escalating.restart.on_limit = spex::config::LimitPolicy::escalate;
  Stage stage(0, escalating);
  stage.serve();
  CHECK(stage.exit(kKilled) == Actions{down(DownReason::stopped), {ActionKind::escalate}});
  CHECK(stage.child.phase() == ChildPhase::stopped);
}

TEST_CASE("silence of a serving child is answered with SIGKILL and a restart", "[supervisor]") {
  Stage stage;
  stage.serve();
  CHECK(stage.pass(4'999ms).empty());
  stage.report(ReportKind::heartbeat, "{}");
  CHECK(stage.pass(4'999ms).empty());
  CHECK(stage.pass(1ms) == Actions{down(DownReason::restarting), kKill});
  CHECK(stage.child.phase() == ChildPhase::killing);
  CHECK(stage.pass(100s).empty());
  stage.exit(kKilled);
  CHECK(stage.child.phase() == ChildPhase::backoff);
  CHECK(stage.child.last_exit() == "signal 9 (SIGKILL): silent for 5s");
}

TEST_CASE("time in which the supervisor itself was held up does not count as silence", "[supervisor]") {
  Stage stage;
  stage.serve();
  stage.clock.advance(60s);
  stage.child.forgive(60s);
  CHECK(stage.child.on_deadline(stage.clock.monotonic()).empty());
  CHECK(stage.pass(5s).size() == 2);
}

TEST_CASE("progress extends the start, heartbeats before READY do not", "[supervisor]") {
  Stage stage;
  stage.start();
  for (int i = 0; i < 5; ++i) {
    CHECK(stage.pass(59s).empty());
    stage.report(ReportKind::progress);
  }
  stage.clock.advance(30s);
  stage.report(ReportKind::heartbeat, "{}");
  CHECK(stage.pass(30s) == Actions{down(DownReason::restarting), kKill});
}

TEST_CASE("a planned restart holds, drains, ends and starts without counting as a failure", "[supervisor]") {
  Stage stage;
  stage.serve();
  CHECK(stage.restart() == Actions{down(DownReason::planned), kDrain});
  CHECK(stage.child.phase() == ChildPhase::draining);
  CHECK(stage.restart().empty());
  CHECK(stage.report(ReportKind::drained) == Actions{kTerminate});
  CHECK(stage.exit(kClean) == Actions{kSpawn});
  CHECK(stage.child.incarnation().value() == 2);
  CHECK(stage.child.restarts() == 0);
  CHECK(stage.child.restarts_in_window(stage.clock.monotonic()) == 0);
  CHECK(stage.report(ReportKind::ready) == Actions{kUp});
  stage.exit(kKilled);
  CHECK(stage.child.phase() == ChildPhase::backoff);  // served for no time, but failed for the first time
  CHECK(stage.pass(0s) == Actions{kSpawn});
}

TEST_CASE("a planned restart goes on when the child does not answer", "[supervisor]") {
  Stage stage;
  stage.serve();
  stage.restart();
  CHECK(stage.pass(3s) == Actions{kTerminate});
  CHECK(stage.pass(2'999ms).empty());
  CHECK(stage.pass(1ms) == Actions{kKill});
  CHECK(stage.exit(kKilled) == Actions{kSpawn});
  CHECK(stage.child.last_exit() == "signal 9 (SIGKILL): still there 3s after SIGTERM");
}

TEST_CASE("a restart of a parked or backed-off child starts it at once", "[supervisor]") {
  Stage stage;
  stage.start();
  stage.exit({78, 0});
  CHECK(stage.restart() == Actions{kSpawn});
}

TEST_CASE("a shard is stopped with SIGTERM, the router drained before", "[supervisor]") {
  Stage shard;
  shard.serve();
  CHECK(shard.stop() == Actions{down(DownReason::stopped), kTerminate});
  CHECK(shard.exit(kClean).empty());
  CHECK(shard.child.phase() == ChildPhase::stopped);

  Stage router = Stage::router();
  router.serve();
  CHECK(router.stop() == Actions{kDrain});
  CHECK(router.report(ReportKind::drained) == Actions{kTerminate});
  CHECK(router.exit(kClean).empty());
  CHECK(router.child.phase() == ChildPhase::stopped);
}

TEST_CASE("a stop from every phase ends in stopped", "[supervisor]") {
  const auto stage_in = [](ChildPhase phase) {
    Stage stage;
    if (phase == ChildPhase::stopped) return stage;
    stage.start();
    if (phase == ChildPhase::starting) return stage;
    if (phase == ChildPhase::backoff || phase == ChildPhase::parked) {
      stage.exit({phase == ChildPhase::parked ? 78 : 1, 0});
      return stage;
    }
    stage.report(ReportKind::ready);
    if (phase == ChildPhase::draining || phase == ChildPhase::stopping) stage.restart();
    if (phase == ChildPhase::stopping) stage.report(ReportKind::drained);
    if (phase == ChildPhase::killing) stage.pass(5s);
    return stage;
  };
  for (const ChildPhase phase : {ChildPhase::stopped, ChildPhase::starting, ChildPhase::running, ChildPhase::draining,
                                 ChildPhase::stopping, ChildPhase::killing, ChildPhase::backoff, ChildPhase::parked}) {
    Stage stage = stage_in(phase);
    INFO(name_of(phase));
    REQUIRE(stage.child.phase() == phase);
    stage.stop();
    if (stage.child.has_process()) CHECK(stage.exit(kKilled).empty());
    CHECK(stage.child.phase() == ChildPhase::stopped);
    CHECK(stage.child.goal() == Goal::stop);
    CHECK_FALSE(stage.child.deadline());
    CHECK(stage.restart().empty());
  }
}

TEST_CASE("a process that could not be started counts as a failure", "[supervisor]") {
  Stage stage;
  stage.start();
  CHECK(stage.child.on_spawn_failure("fork: out of memory", stage.clock.monotonic(), 0) ==
        Actions{down(DownReason::restarting)});
  CHECK(stage.child.phase() == ChildPhase::backoff);
  CHECK(stage.child.last_error() == "fork: out of memory");
}

TEST_CASE("the reason of an earlier incarnation is not taken for that of a later one", "[supervisor]") {
  Stage stage;
  stage.start();
  stage.report(ReportKind::failed, "first");
  stage.exit({75, 0});
  CHECK(stage.child.last_error() == "first");
  stage.pass(0s);
  CHECK(stage.child.last_error() == "first");
  stage.exit(kKilled);
  CHECK(stage.child.last_error().empty());
}

namespace {

// Two shards and the router, all serving.
std::vector<Child> serving_cluster() {
  std::vector<Child> children;
  const FakeClock clock;
  for (ChildSpec& spec : child_specs(2)) {
    children.emplace_back(std::move(spec), limits());
    children.back().start(clock.monotonic());
    children.back().on_report({ReportKind::ready, ""}, clock.monotonic());
    children.back().set_reached(children.back().incarnation());
  }
  return children;
}

}  // namespace

TEST_CASE("the cluster is ready only if every child serves", "[supervisor]") {
  const FakeClock clock;
  std::vector<Child> children;
  for (ChildSpec& spec : child_specs(2)) {
    children.emplace_back(std::move(spec), limits());
    children.back().start(clock.monotonic());
  }
  CHECK(state_of(children) == ClusterState::starting);
  CHECK_FALSE(is_settled(children));
  children = serving_cluster();
  CHECK(state_of(children) == ClusterState::ready);
  CHECK(is_settled(children));
  children[0].on_exit({78, 0}, clock.monotonic(), 0);
  CHECK(state_of(children) == ClusterState::degraded);
  CHECK(is_settled(children));  // parked: the others serve, so starting is over
  children = serving_cluster();
  children[2].on_exit({78, 0}, clock.monotonic(), 0);
  CHECK(state_of(children) == ClusterState::degraded);
  CHECK_FALSE(is_settled(children));  // without the router nothing is
}

TEST_CASE("a shard that the router does not reach in its present incarnation does not serve", "[supervisor]") {
  const FakeClock clock;
  std::vector<Child> children = serving_cluster();
  children[0].set_unreached();  // a new router
  CHECK_FALSE(children[0].serves());
  CHECK(state_of(children) == ClusterState::starting);
  CHECK_FALSE(is_settled(children));
  children[0].set_reached(children[0].incarnation());
  CHECK(state_of(children) == ClusterState::ready);
  children[0].on_exit(kKilled, clock.monotonic(), 0);
  children[0].start(clock.monotonic());
  children[0].on_report({ReportKind::ready, ""}, clock.monotonic());
  CHECK(children[0].phase() == ChildPhase::running);
  CHECK(state_of(children) == ClusterState::degraded);  // what is reached is the old incarnation
  children[0].set_reached(children[0].incarnation());
  CHECK(state_of(children) == ClusterState::ready);
}

TEST_CASE("children are stopped in reverse: the router, then the shards from the last", "[supervisor]") {
  const FakeClock clock;
  std::vector<Child> children = serving_cluster();
  CHECK(next_to_stop(children) == std::vector<std::size_t>{2});
  children[2].stop(clock.monotonic());
  CHECK(next_to_stop(children).empty());
  children[2].on_exit(kClean, clock.monotonic(), 0);
  CHECK(next_to_stop(children) == std::vector<std::size_t>{1, 0});
  children[1].stop(clock.monotonic());
  children[0].stop(clock.monotonic());
  CHECK(next_to_stop(children).empty());
}
