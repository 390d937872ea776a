// Supervision: one-for-one restarts, parking, escalation, hung children,
// no orphans, clean stop (semantics §11).
#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <thread>

#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order(unsigned shards = 3) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

std::map<std::string, std::int64_t> pids(const Cluster& cluster) {
  std::map<std::string, std::int64_t> result;
  const Value document = cluster.status();
  const Value& children = at(document, "children");
  for (std::size_t i = 0; i < size_of(children); ++i)
    result[string_of(at(at(children, i), "id"))] = integer_of(at(at(children, i), "pid"));
  return result;
}

// An identifier of each shard.
std::map<unsigned, int> one_of_each(const Cluster& cluster) {
  std::map<unsigned, int> found;
  for (int i = 0; found.size() < cluster.shards() && i < 1000; ++i) found.emplace(cluster.shard_of(i), i);
  REQUIRE(found.size() == cluster.shards());
  return found;
}

TEST_CASE("status tells every child with its pid, phase and incarnation", "[supervision]") {
  Cluster cluster(with_order());
  cluster.start();
  const Value document = cluster.status();
  INFO(protocol::to_json(document));
  CHECK(at(at(document, "cluster"), "distribution_factor") == Value(3));
  CHECK(at(at(document, "cluster"), "pid") == Value(std::int64_t{cluster.supervisor().pid()}));
  CHECK(string_of(at(at(document, "cluster"), "cluster_id")).size() == 32);
  const Value& children = at(document, "children");
  REQUIRE(size_of(children) == 4);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < 4; ++i) {
    const Value& child = at(children, i);
    ids.insert(string_of(at(child, "id")));
    CHECK(process_exists(static_cast<pid_t>(integer_of(at(child, "pid")))));
    CHECK(at(child, "incarnation") == Value(1));
    CHECK(at(child, "restarts") == Value(0));
    CHECK(string_of(at(child, "kind")) == (at(child, "id") == Value("router") ? "router" : "shard"));
    CHECK(integer_of(at(child, "heartbeat_age_ms")) >= 0);
    CHECK(integer_of(at(child, "heartbeat_age_ms")) < 10'000);
    CHECK(child.find("last_exit") != nullptr);
  }
  CHECK(ids == std::set<std::string>{"router", "shard-1", "shard-2", "shard-3"});
  cluster.stop();
}

TEST_CASE("a killed child alone is restarted, with the next incarnation", "[supervision]") {
  const std::string victim = GENERATE("shard-1", "shard-3", "router");
  Cluster cluster(with_order());
  cluster.start();
  auto client = cluster.client();
  const auto instances = one_of_each(cluster);
  for (const auto& [shard, id] : instances) REQUIRE(client->init("order", id).ok);
  const auto before = pids(cluster);
  cluster.kill_and_wait_ready(victim);
  const auto after = pids(cluster);
  for (const auto& [id, pid] : before) {
    INFO(id);
    CHECK((after.at(id) == pid) == (id != victim));
    CHECK(cluster.incarnation(id) == (id == victim ? 2 : 1));
    CHECK(integer_of(at(cluster.child(id), "restarts")) == (id == victim ? 1 : 0));
  }
  CHECK(protocol::to_json(at(cluster.child(victim), "last_exit")).find("9") != std::string::npos);
  // The same client, the same connection: everything serves.
  for (const auto& [shard, id] : instances) {
    CHECK(client->get(id).ok);
    CHECK(client->transition(id, "pay", "paid").ok);
  }
  cluster.stop();
}

TEST_CASE("a child that hangs is found by its silence, killed and replaced", "[supervision]") {
  const std::string victim = GENERATE("shard-2", "router");
  ClusterOptions options = with_order();
  options.arguments = {"--heartbeat-interval", "100ms", "--heartbeat-timeout", "1s"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  const auto before = pids(cluster);
  const pid_t hung = cluster.signal_child(victim, SIGSTOP);
  REQUIRE(eventually([&] { return !process_exists(hung); }));
  REQUIRE(eventually([&] { return cluster.state() == "ready" && cluster.pid(victim) != hung; }));
  const auto after = pids(cluster);
  for (const auto& [id, pid] : before) CHECK((after.at(id) == pid) == (id != victim));
  CHECK(client->get("o").ok);
  cluster.stop();
}

TEST_CASE("beyond the intensity a shard is parked and retried; the others serve", "[supervision]") {
  ClusterOptions options = with_order();
  options.arguments = {"--max-restarts", "2", "--max-seconds", "60", "--park-retry", "2s"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  const auto instances = one_of_each(cluster);
  for (const auto& [shard, id] : instances) REQUIRE(client->init("order", id).ok);
  cluster.kill_and_wait_ready("shard-2");
  cluster.kill_and_wait_ready("shard-2");
  const pid_t last = cluster.signal_child("shard-2", SIGKILL);
  REQUIRE(eventually([&] { return cluster.phase("shard-2") == "parked"; }));
  CHECK(cluster.state() == "degraded");
  CHECK(cluster.ctl({"status"}).exit_code == 4);
  const Finished json = cluster.ctl({"status", "--json"});
  CHECK(json.exit_code == 4);
  CHECK(json.out.find("parked") != std::string::npos);
  REQUIRE(eventually([&] { return client->get(instances.at(2)).refused("ClusterError", "shard_unavailable"); }));
  CHECK(client->transition(instances.at(1), "pay", "paid").ok);
  CHECK(client->transition(instances.at(3), "pay", "paid").ok);
  // The retry brings it back with all its data.
  REQUIRE(eventually([&] { return cluster.state() == "ready" && cluster.pid("shard-2") != last; }));
  CHECK(client->get(instances.at(2)).ok);
  cluster.stop();
}

TEST_CASE("with escalate the service ends with an error and leaves no process behind", "[supervision]") {
  ClusterOptions options = with_order();
  options.arguments = {"--max-restarts", "1", "--max-seconds", "60", "--on-limit", "escalate"};
  Cluster cluster(std::move(options));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  cluster.kill_and_wait_ready("shard-1");
  cluster.signal_child("shard-1", SIGKILL);
  const std::optional<int> code = cluster.supervisor().wait();
  REQUIRE(code.has_value());
  CHECK(*code != 0);
  CHECK(cluster.processes().empty());
  cluster.start();
  CHECK(cluster.client()->get("o").ok);
  cluster.stop();
}

TEST_CASE("the router is never parked", "[supervision]") {
  ClusterOptions options = with_order(1);
  options.arguments = {"--max-restarts", "1", "--max-seconds", "60", "--backoff-max", "100ms"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  for (int round = 0; round < 6; ++round) {
    cluster.kill_and_wait_ready("router");
    CHECK(client->get("o").ok);
  }
  CHECK(cluster.incarnation("router") == 7);
  CHECK(cluster.incarnation("shard-1") == 1);
  cluster.stop();
}

TEST_CASE("children do not outlive a killed supervisor", "[supervision]") {
  Cluster cluster(with_order(4));
  cluster.start();
  CHECK(cluster.processes().size() == 6);
  cluster.kill_supervisor();
  // Also if it dies in the middle of starting them; each round at a later moment.
  for (int round = 0; round < 12; ++round) {
    cluster.start_without_waiting();
    const auto moment = std::chrono::steady_clock::now() + std::chrono::milliseconds(3 * round);
    REQUIRE(eventually([&] { return std::chrono::steady_clock::now() >= moment; }));
    cluster.kill_supervisor();
  }
  cluster.start();
  cluster.stop();
}

TEST_CASE("an idle cluster stops cleanly in time, by SIGTERM and by SIGINT", "[supervision]") {
  const int number = GENERATE(SIGTERM, SIGINT);
  Cluster cluster(with_order());
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  cluster.supervisor().signal(number);
  const std::optional<int> code = cluster.supervisor().wait(std::chrono::seconds(10));
  REQUIRE(code.has_value());
  CHECK(*code == 0);
  CHECK(cluster.processes().empty());
  CHECK(cluster.log().find("level=error") == std::string::npos);
}

TEST_CASE("a stop with a hung child still ends, by force", "[supervision]") {
  ClusterOptions options = with_order(2);
  options.arguments = {"--shutdown-timeout", "500ms", "--heartbeat-timeout", "1h"};
  Cluster cluster(std::move(options));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  cluster.signal_child("shard-1", SIGSTOP);
  cluster.supervisor().signal(SIGTERM);
  CHECK(cluster.supervisor().wait().has_value());
  CHECK(eventually([&] { return cluster.processes().empty(); }));
}

TEST_CASE("a planned restart of a shard holds its requests and answers none with an error", "[supervision]") {
  ClusterOptions options = with_order(2);
  options.models["order.spex"] += "created --[tick]-> created\n";
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  for (int i = 0; i < 40; ++i) REQUIRE(client->init("order", i).ok);
  const auto before = pids(cluster);
  Value answer;
  std::atomic<bool> answered = false;
  std::thread administrator([&] {
    answer = cluster.control("restart shard-1");
    answered = true;
  });
  // Load all the while: one transition of each instance per round.
  int rounds = 0;
  int refused = 0;
  while (!answered || rounds < 3) {
    std::vector<std::uint64_t> sent;
    for (int i = 0; i < 40; ++i) sent.push_back(client->send(Operation::transition, i, Array{"tick", "created"}));
    for (const std::uint64_t id : sent) refused += !client->receive(id).ok;
    ++rounds;
  }
  administrator.join();
  INFO(protocol::to_json(answer));
  CHECK(at(answer, "ok") == Value(true));
  CHECK(refused == 0);
  REQUIRE(eventually([&] { return cluster.incarnation("shard-1") == 2 && cluster.state() == "ready"; }));
  CHECK(cluster.pid("shard-2") == before.at("shard-2"));
  for (int i = 0; i < 40; ++i) CHECK(at(client->get(i, 1).body, "transitions_total") == Value(rounds + 1));
  cluster.stop();
}

TEST_CASE("stop and drain come through the control socket as well", "[supervision]") {
  Cluster cluster(with_order(2));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  CHECK(at(cluster.control("no-such-command"), "ok") == Value(false));
  CHECK(at(cluster.control("restart nobody"), "ok") == Value(false));
  CHECK(at(cluster.control("stop"), "ok") == Value(true));
  CHECK(cluster.supervisor().wait() == 0);
  CHECK(cluster.processes().empty());
}

TEST_CASE("a drained cluster refuses new requests as draining and keeps what it has", "[supervision]") {
  Cluster cluster(with_order(2));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  CHECK(at(cluster.control("drain"), "ok") == Value(true));
  CHECK(client->transition("o", "pay", "paid").refused("ClusterError", "draining"));
  CHECK(client->init("order", "p").refused("ClusterError", "draining"));
  cluster.stop();
  cluster.start();
  CHECK(states_of(cluster.client()->get("o").body) == "created");
  cluster.stop();
}

TEST_CASE("the router forwards control commands, so that status works from afar", "[supervision]") {
  Cluster cluster(with_order(2));
  cluster.start();
  const WireReply reply = cluster.client()->call(Operation::control, {}, Array{"status"});
  INFO(reply.text());
  REQUIRE(reply.ok);
  const auto document = protocol::parse_json(string_of(reply.body));
  REQUIRE(document.ok());
  CHECK(size_of(at(*document, "children")) == 3);
  cluster.stop();
}

TEST_CASE("a worker whose program is missing is a refusal at start, not a crash loop", "[supervision]") {
  const TempDir dir;
  std::filesystem::create_directory(dir.file("bin"));
  for (const char* name : {"spexd", "spex-router"}) std::filesystem::copy(program_path(name), dir.file("bin/") + name);
  Cluster cluster(with_order(1));
  std::vector<std::string> line = cluster.command_line();
  line[0] = dir.file("bin/spexd");
  ProgramOptions options;
  options.arguments = line;
  options.output_file = options.error_file = dir.file("log");
  Program supervisor(options);
  // It either refuses to start at once, or stands there with the shard parked and says why.
  const bool settled = eventually([&] { return !supervisor.running() || cluster.phase("shard-1") == "parked"; });
  INFO(read_whole_file(dir.file("log")));
  CHECK(settled);
  CHECK(read_whole_file(dir.file("log")).find("spex-shard-worker") != std::string::npos);
  if (supervisor.running()) {
    supervisor.signal(SIGTERM);
    CHECK(supervisor.wait().has_value());
  }
}

}  // namespace
}  // namespace spex::test
