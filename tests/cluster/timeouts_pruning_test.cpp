// Transition timeouts and pruning: due times that survive restarts (semantics §7, §8).
#include <signal.h>

#include <catch2/catch.hpp>

#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with(const std::string& options_text, unsigned shards = 1) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification(options_text)}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

// Events of that reason: how many per identifier.
std::map<std::string, int> events(Cluster& cluster, const std::string& reason) {
  auto client = cluster.client();
  std::map<std::string, int> counts;
  for (unsigned shard = 1; shard <= cluster.options().shards; ++shard) {
    std::int64_t after = 0;
    for (int page = 0; page < 100; ++page) {
      const WireReply reply = client->call(Operation::read_events, {}, Array{shard, after});
      if (!reply.ok || size_of(at(reply.body, 0)) == 0) break;
      for (std::size_t i = 0; i < size_of(at(reply.body, 0)); ++i) {
        const Value& entry = at(at(reply.body, 0), i);
        after = integer_of(at(entry, 0));
        if (at(at(entry, 2), "reason") == Value(reason)) ++counts[string_of(at(at(entry, 2), "identifier"))];
      }
    }
  }
  return counts;
}

using Counts = std::map<std::string, int>;

TEST_CASE("a record without a successor times out once", "[timeouts]") {
  Cluster cluster(with("Transition timeout: 300ms\n", GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "idle").ok);
  REQUIRE(client->init("order", "moved").ok);
  REQUIRE(client->transition("moved", "pay", "paid").ok);
  REQUIRE(eventually([&] { return events(cluster, "transition_timeout").size() == 2; }));
  // A new record may time out again; the old one is never reported twice.
  REQUIRE(client->transition("idle", "pay", "paid").ok);
  REQUIRE(eventually([&] { return events(cluster, "transition_timeout")["idle"] == 2; }));
  CHECK(events(cluster, "transition_timeout") == Counts{{"idle", 2}, {"moved", 1}});
  CHECK(states_of(client->get("idle").body) == "paid created");
  cluster.stop();
}

TEST_CASE("mocked instances, those at their end and deleted ones do not time out", "[timeouts]") {
  Cluster cluster(with("Transition timeout: 200ms\n"));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->mock("order", "mocked", "created").ok);
  REQUIRE(client->init("order", "ended").ok);
  REQUIRE(client->transition("ended", "cancel", "cancelled").ok);
  REQUIRE(client->init("order", "deleted").ok);
  REQUIRE(client->remove("deleted").ok);
  // Made last: when this one has fallen due, the others would have, too.
  REQUIRE(client->init("order", "witness").ok);
  REQUIRE(eventually([&] { return events(cluster, "transition_timeout").count("witness") == 1; }));
  CHECK(events(cluster, "transition_timeout") == Counts{{"witness", 1}});
  cluster.stop();
}

TEST_CASE("an instance at its end is reported if the specification asks for it", "[timeouts]") {
  Cluster cluster(with("Transition timeout: 200ms\nTimeout at end: report\n"));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "ended").ok);
  REQUIRE(client->transition("ended", "cancel", "cancelled").ok);
  CHECK(eventually([&] { return events(cluster, "transition_timeout").count("ended") == 1; }));
  cluster.stop();
}

TEST_CASE("the policy decides how a timeout counts, and it is published either way", "[timeouts]") {
  Cluster cluster(with("Transition timeout: 100ms\nOn transition_timeout: accept\n"));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  REQUIRE(eventually([&] { return events(cluster, "transition_timeout").count("o") == 1; }));
  const WireReply reply = client->call(Operation::read_events, {}, Array{1, 0});
  const Value& event = at(at(at(reply.body, 0), 0), 2);
  CHECK(at(event, "class") == Value("TransitionError"));
  CHECK(at(event, "accepted") == Value(true));
  CHECK(at(event, "specification") == Value("order"));
  cluster.stop();
}

TEST_CASE("due times survive the death of a shard, and no report is repeated", "[timeouts]") {
  Cluster cluster(with("Transition timeout: 700ms\n", 2));
  cluster.start();
  auto client = cluster.client();
  Counts expected;
  for (int i = 0; i < 20; ++i) {
    const std::string id = "o-" + std::to_string(i);
    REQUIRE(client->init("order", id).ok);
    expected[id] = 1;
  }
  cluster.kill_and_wait_ready("shard-1");
  cluster.kill_and_wait_ready("shard-2");
  REQUIRE(eventually([&] { return events(cluster, "transition_timeout").size() == 20; }));
  CHECK(events(cluster, "transition_timeout") == expected);
  cluster.kill_and_wait_ready("shard-1");
  // A fresh one on each shard: when both have been reported, an old one would have been reported again.
  std::map<unsigned, std::string> fresh;
  for (int i = 0; fresh.size() < 2; ++i)
    fresh.emplace(cluster.shard_of("f-" + std::to_string(i)), "f-" + std::to_string(i));
  for (const auto& [shard, id] : fresh) {
    REQUIRE(client->init("order", id).ok);
    expected[id] = 1;
  }
  REQUIRE(eventually([&] { return events(cluster, "transition_timeout").size() == 22; }));
  CHECK(events(cluster, "transition_timeout") == expected);
  cluster.stop();
}

TEST_CASE("what fell due while the cluster was away is reported at start, or skipped if so configured", "[timeouts]") {
  const bool check = GENERATE(true, false);
  ClusterOptions options = with("Transition timeout: 150ms\n");
  options.arguments = {"--check-transition-timeouts-on-start", check ? "true" : "false"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  for (int i = 0; i < 5; ++i) REQUIRE(client->init("order", "o-" + std::to_string(i)).ok);
  cluster.kill_supervisor();
  // Long enough for all to fall due while nobody is there.
  const auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(250);
  REQUIRE(eventually([&] { return std::chrono::steady_clock::now() > due; }));
  cluster.start();
  client = cluster.client();
  REQUIRE(client->init("order", "witness").ok);
  REQUIRE(eventually([&] { return events(cluster, "transition_timeout").count("witness") == 1; }));
  Counts found = events(cluster, "transition_timeout");
  CHECK(found.size() == (check ? 6 : 1));
  for (const auto& [id, count] : found) CHECK(count == 1);
  // Once is once: another start reports none of them again.
  cluster.stop();
  cluster.start();
  REQUIRE(cluster.client()->init("order", "second witness").ok);
  REQUIRE(eventually([&] { return events(cluster, "transition_timeout").count("second witness") == 1; }));
  found = events(cluster, "transition_timeout");
  CHECK(found.size() == (check ? 7 : 2));
  for (const auto& [id, count] : found) CHECK(count == 1);
  cluster.stop();
}

TEST_CASE("prunable instances that are old enough are deleted, others stay", "[pruning]") {
  struct Row {
    const char* rule;
    std::vector<std::string> left;
  };
  const Row row =
      GENERATE(Row{"", {"created", "ended", "mocked", "shipped"}}, Row{"Prunable states: all\n", {"mocked"}},
               Row{"Prunable states: terminal\n", {"created", "mocked"}},
               Row{"Prunable state: created\nPrunable state: shipped\n", {"ended", "mocked"}});
  ClusterOptions options = with(std::string("Prune timeout: 100ms\n") + row.rule);
  options.arguments = {"--prune-interval", "100ms"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "created").ok);
  REQUIRE(client->init("order", "ended").ok);
  REQUIRE(client->transition("ended", "cancel", "cancelled").ok);
  REQUIRE(client->init("order", "shipped").ok);
  REQUIRE(client->transition("shipped", "pay", "paid").ok);
  REQUIRE(client->transition("shipped", "ship", "shipped").ok);
  REQUIRE(client->mock("order", "mocked", "created").ok);
  const auto left = [&] {
    std::vector<std::string> ids;
    const WireReply all = client->all();
    for (std::size_t i = 0; i < size_of(all.body); ++i) ids.push_back(string_of(at(at(all.body, i), "identifier")));
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  if (row.left.size() < 4) REQUIRE(eventually([&] { return left().size() <= row.left.size(); }));
  // Two more passes at least: what is left stays left.
  const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(350);
  REQUIRE(eventually([&] { return std::chrono::steady_clock::now() > later; }));
  CHECK(left() == row.left);
  for (const std::string& id : row.left) CHECK(client->get(id).ok);
  cluster.stop();
}

TEST_CASE("without an interval one pass runs right after the start and no other", "[pruning]") {
  ClusterOptions options = with("Prune timeout: 100ms\nPrunable states: all\n");
  options.arguments = {"--prune-interval", "infinity"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "old").ok);
  const auto later = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  REQUIRE(eventually([&] { return std::chrono::steady_clock::now() > later; }));
  CHECK(client->get("old").ok);
  cluster.stop();
  cluster.start();
  client = cluster.client();
  CHECK(eventually([&] { return !client->get("old").ok; }));
  REQUIRE(client->init("order", "young").ok);
  CHECK(client->get("young").ok);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
