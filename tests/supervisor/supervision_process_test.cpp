// The supervisor as a process: restarts, parking, hung children, escalation,
// no orphans, the order of a stop. The children are stand-ins.
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "process/file_lock.h"
#include "supervisor/stand_in_cluster.h"
#include "support/wait.h"

using namespace spex::test;
using namespace std::chrono_literals;

namespace {

std::ptrdiff_t position(const std::vector<std::string>& events, const std::string& wanted) {
  const auto found = std::find(events.begin(), events.end(), wanted);
  INFO(wanted);
  REQUIRE(found != events.end());
  return found - events.begin();
}

}  // namespace

TEST_CASE("all children serve, the router knows the shards, and a stop ends them in reverse", "[supervisor]") {
  StandInCluster cluster(3);
  cluster.start_ready();
  REQUIRE(eventually([&] { return cluster.number("router", "heartbeat_age_ms") >= 0; }));
  CHECK(cluster.stop() == 0);
  const auto events = cluster.events();
  const auto router_end = position(events, "router terminate");
  CHECK(position(events, "router drain") < router_end);
  for (const std::string n : {"1", "2", "3"}) {
    position(events, "router shard " + n + " up 1 ipc://" + cluster.file("run/shard_" + n + ".1.s"));
    CHECK(position(events, "shard-" + n + " terminate") > router_end);
  }
  CHECK(cluster.processes().empty());
  CHECK_FALSE(std::filesystem::exists(cluster.file("run/control.sock")));
}

TEST_CASE("a killed child alone is replaced and the router is told", "[supervisor]") {
  StandInCluster cluster(2);
  cluster.start_ready();
  const pid_t first = cluster.pid("shard-1");
  const pid_t other = cluster.pid("shard-2");
  ::kill(first, SIGKILL);
  REQUIRE(eventually([&] { return cluster.state() == "ready" && cluster.pid("shard-1") != first; }));
  CHECK(cluster.pid("shard-2") == other);
  CHECK(cluster.number("shard-1", "incarnation") == 2);
  CHECK(cluster.number("shard-1", "restarts") == 1);
  CHECK(cluster.number("shard-1", "restarts_in_window") == 1);
  CHECK(cluster.text("shard-1", "last_exit") == "signal 9 (SIGKILL)");
  const auto told = [&] {
    const auto events = cluster.events();
    return std::count(events.begin(), events.end(), "router shard 1 down 1 restarting") == 1 &&
           std::count(events.begin(), events.end(), "router shard 1 up 2 ipc://" + cluster.file("run/shard_1.2.s")) ==
               1;
  };
  CHECK(eventually(told));
  CHECK(cluster.stop() == 0);
}

TEST_CASE("ready means that the router reaches every shard", "[supervisor]") {
  StandInCluster cluster(2);
  cluster.behave("router", "reach_nobody");
  cluster.start();
  REQUIRE(eventually([&] {
    return cluster.phase("router") == "running" && cluster.phase("shard-1") == "running" &&
           cluster.phase("shard-2") == "running";
  }));
  CHECK(cluster.state() == "starting");
  cluster.behave("router", "");
  ::kill(cluster.pid("router"), SIGKILL);
  CHECK(eventually([&] { return cluster.state() == "ready"; }));
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a restarted router is told everything anew", "[supervisor]") {
  StandInCluster cluster(2);
  cluster.behave("shard-2", "exit 78");
  cluster.start();
  REQUIRE(eventually([&] { return cluster.phase("shard-2") == "parked" && cluster.phase("router") == "running"; }));
  ::kill(cluster.pid("router"), SIGKILL);
  REQUIRE(
      eventually([&] { return cluster.number("router", "incarnation") == 2 && cluster.phase("router") == "running"; }));
  const auto told = [&] {
    const auto events = cluster.events();
    const auto restarted = std::find(events.begin(), events.end(), "router start 2");
    return std::find(restarted, events.end(), "router shard 2 down 1 parked") != events.end() &&
           std::count_if(restarted, events.end(), [](const auto& e) { return e.starts_with("router shard 1 up 1"); }) ==
               1;
  };
  CHECK(eventually(told));
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a stopped process is found by its silence, killed and replaced", "[supervisor]") {
  const std::string victim = GENERATE("shard-1", "router");
  StandInCluster cluster(2);
  cluster.arguments = {"--heartbeat-timeout", "1s"};
  cluster.start_ready();
  const pid_t hung = cluster.pid(victim);
  const pid_t other = cluster.pid("shard-2");
  ::kill(hung, SIGSTOP);
  REQUIRE(eventually([&] { return cluster.state() == "ready" && cluster.pid(victim) != hung; }));
  CHECK_FALSE(process_exists(hung));
  CHECK(cluster.text(victim, "last_exit").find("silent for 1s") != std::string::npos);
  CHECK(cluster.pid("shard-2") == other);
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a work loop that no longer reports is replaced though its process lives", "[supervisor]") {
  StandInCluster cluster(1);
  cluster.arguments = {"--heartbeat-timeout", "1s"};
  cluster.behave("shard-1", "mute");
  cluster.start();
  REQUIRE(eventually([&] { return cluster.number("shard-1", "restarts") >= 1; }));
  CHECK(cluster.text("shard-1", "last_exit").find("silent") != std::string::npos);
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a slow start that reports progress outlasts the startup timeout, a silent one does not", "[supervisor]") {
  StandInCluster cluster(2);
  cluster.arguments = {"--startup-timeout", "2s", "--max-restarts", "0", "--park-retry", "1h"};
  cluster.behave("shard-1", "slow_start 80");
  cluster.behave("shard-2", "silent_start");
  cluster.start();
  REQUIRE(eventually([&] { return cluster.phase("shard-1") == "running" && cluster.phase("shard-2") == "parked"; }));
  CHECK(cluster.number("shard-1", "incarnation") == 1);
  CHECK(cluster.text("shard-2", "last_exit").find("before it was ready") != std::string::npos);
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a crash loop is parked and retried until it serves; the others are untouched", "[supervisor]") {
  StandInCluster cluster(2);
  cluster.arguments = {"--max-restarts", "3", "--max-seconds", "60", "--backoff-max", "20ms", "--park-retry", "300ms"};
  cluster.behave("shard-1", "exit 1");
  cluster.start();
  REQUIRE(eventually([&] { return cluster.phase("shard-1") == "parked"; }));
  CHECK(cluster.state() == "degraded");
  CHECK(cluster.number("shard-1", "incarnation") >= 4);  // the first start and three restarts
  CHECK(cluster.text("shard-1", "last_exit") == "exit code 1");
  CHECK(cluster.text("shard-1", "last_error") == "told to exit");
  CHECK(cluster.number("shard-1", "next_restart_in_ms") <= 300);
  CHECK(cluster.number("shard-2", "incarnation") == 1);
  CHECK(cluster.phase("shard-2") == "running");
  const auto incarnation = cluster.number("shard-1", "incarnation");
  REQUIRE(eventually([&] { return cluster.number("shard-1", "incarnation") > incarnation; }));
  cluster.behave("shard-1", "normal");
  REQUIRE(eventually([&] { return cluster.state() == "ready"; }));
  CHECK(cluster.number("shard-2", "incarnation") == 1);
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a configuration error of a child parks it at once, with its reason", "[supervisor]") {
  StandInCluster cluster(1);
  cluster.behave("shard-1", "exit 78");
  cluster.start();
  REQUIRE(eventually([&] { return cluster.phase("shard-1") == "parked"; }));
  CHECK(cluster.number("shard-1", "incarnation") == 1);
  CHECK(cluster.text("shard-1", "last_exit") == "exit code 78 (configuration)");
  cluster.behave("shard-1", "normal");
  CHECK(*cluster.ask("restart shard-1").find("ok") == spex::protocol::Value(true));  // does not wait for the retry
  CHECK(cluster.state() == "ready");
  CHECK(cluster.stop() == 0);
}

TEST_CASE("a missing program is named in the status", "[supervisor]") {
  StandInCluster cluster(1);
  std::filesystem::remove(cluster.file("bin/spex-shard-worker"));
  cluster.start();
  REQUIRE(eventually([&] { return cluster.phase("shard-1") == "parked"; }));
  CHECK(cluster.text("shard-1", "last_error") ==
        "exec " + cluster.file("bin/spex-shard-worker") + ": No such file or directory");
  CHECK(cluster.stop() == 0);
}

TEST_CASE("the router is never parked; meanwhile the service is not ready", "[supervisor]") {
  StandInCluster cluster(1);
  cluster.arguments = {"--max-restarts", "1", "--max-seconds", "60", "--backoff-max", "50ms"};
  cluster.behave("router", "exit 1");
  cluster.start();
  REQUIRE(eventually([&] { return cluster.number("router", "incarnation") > 8; }));
  CHECK(cluster.state() == "degraded");
  CHECK(cluster.phase("router") != "parked");
  CHECK(cluster.number("shard-1", "incarnation") == 1);
  cluster.behave("router", "normal");
  REQUIRE(eventually([&] { return cluster.state() == "ready"; }));
  CHECK(cluster.stop() == 0);
}

TEST_CASE("with escalate one crash loop ends the service with an error and no process is left", "[supervisor]") {
  StandInCluster cluster(2);
  cluster.arguments = {"--max-restarts", "1", "--max-seconds", "60", "--on-limit", "escalate"};
  cluster.behave("shard-2", "exit 1");
  cluster.start();
  CHECK(cluster.wait() == 75);
  CHECK(cluster.processes().empty());
  CHECK(cluster.log().find("event=escalated child=shard-2") != std::string::npos);
}

TEST_CASE("a planned restart holds, drains and replaces one child, and does not count", "[supervisor]") {
  const std::string victim = GENERATE("shard-1", "router");
  StandInCluster cluster(2);
  cluster.arguments = {"--max-restarts", "0"};
  cluster.start_ready();
  const auto answer = cluster.ask("restart " + victim);
  CHECK(*answer.find("ok") == spex::protocol::Value(true));
  CHECK(*answer.find("incarnation") == spex::protocol::Value(2));
  CHECK(cluster.state() == "ready");
  CHECK(cluster.number(victim, "restarts") == 0);
  CHECK(cluster.number("shard-2", "incarnation") == 1);
  const auto events = cluster.events();
  CHECK(position(events, victim + " drain") < position(events, victim + " terminate"));
  CHECK(position(events, victim + " terminate") < position(events, victim + " start 2"));
  if (victim == "shard-1") position(events, "router shard 1 down 1 planned");
  CHECK(cluster.stop() == 0);
}

TEST_CASE("children that do not end are killed after the shutdown timeout", "[supervisor]") {
  StandInCluster cluster(2);
  cluster.arguments = {"--shutdown-timeout", "200ms"};
  cluster.behave("shard-1", "ignore_term");
  cluster.behave("router", "ignore_drain");
  cluster.start_ready();
  CHECK(cluster.stop() == 0);
  CHECK(cluster.log().find("event=child_killed child=shard-1") != std::string::npos);
  CHECK(cluster.processes().empty());
}

TEST_CASE("no child outlives a killed supervisor", "[supervisor]") {
  StandInCluster cluster(4);
  cluster.start_ready();
  CHECK(cluster.processes().size() == 6);
  cluster.spexd().signal(SIGKILL);
  CHECK(cluster.wait() == 128 + SIGKILL);
  CHECK(eventually([&] { return cluster.processes().empty(); }));
  cluster.start_ready();  // and the next one takes over
  CHECK(cluster.stop() == 0);
}

TEST_CASE("no child outlives a supervisor that is killed while it starts them", "[supervisor]") {
  for (int round = 0; round < 20; ++round) {
    StandInCluster cluster(16);
    cluster.start();
    const auto until = std::chrono::steady_clock::now() + 500us * round;
    while (std::chrono::steady_clock::now() < until) {
    }
    cluster.spexd().signal(SIGKILL);
    REQUIRE(cluster.wait() == 128 + SIGKILL);
    REQUIRE(eventually([&] { return cluster.processes().empty(); }));
  }
}

TEST_CASE("drain is answered when the router has drained; the state says so", "[supervisor]") {
  StandInCluster cluster(1);
  cluster.start_ready();
  CHECK(*cluster.ask("drain").find("ok") == spex::protocol::Value(true));
  CHECK(cluster.state() == "draining");
  CHECK(*cluster.ask("stop").find("ok") == spex::protocol::Value(true));
  CHECK(cluster.wait() == 0);
}

TEST_CASE("SIGINT ends the service like SIGTERM", "[supervisor]") {
  StandInCluster cluster(1);
  cluster.start_ready();
  cluster.spexd().signal(SIGINT);
  CHECK(cluster.wait() == 0);
}
