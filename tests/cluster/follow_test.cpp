// Following events: spexctl events --follow and the client's Subscription: every
// event in order, none twice and none left out, across kill -9 of the follower and
// of shards; gaps are said; a slow subscriber keeps nobody waiting (semantics §5).
#include <signal.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "clients/cpp/subscription.h"
#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

using client::EventPage;

ClusterOptions with_order(unsigned shards) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  options.arguments = {"--max-restarts", "1000"};
  return options;
}

void deviate(WireClient& client, int from, int to, const std::string& extra = "") {
  for (int i = from; i < to; ++i) {
    const std::string id = "o-" + std::to_string(i);
    // Right after a restart the router may not know yet that the shard is back: then nothing was done.
    REQUIRE(eventually([&] {
      const WireReply made = client.init("order", id);
      return made.ok || !made.refused("ClusterError", "shard_unavailable");
    }));
    REQUIRE(client.transition(id, "explode" + extra, "gone").refused("TransitionError", "deviation_not_equivalent"));
  }
}

// By shard, what a file of JSON lines holds; requires that numbers follow one another.
std::map<std::int64_t, std::int64_t> numbers_in(const std::string& path) {
  std::map<std::int64_t, std::int64_t> last;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto event = protocol::parse_json(line);
    INFO(line);
    REQUIRE(event.ok());
    const std::int64_t shard = integer_of(at(*event, "shard"));
    REQUIRE(integer_of(at(*event, "number")) == last[shard] + 1);
    ++last[shard];
  }
  return last;
}

std::map<std::int64_t, std::int64_t> newest_numbers(Cluster& cluster) {
  std::map<std::int64_t, std::int64_t> newest;
  auto client = cluster.client();
  for (unsigned shard = 1; shard <= cluster.shards(); ++shard) {
    const WireReply reply = client->call(Operation::read_events, {}, Array{shard, 0, 1});
    REQUIRE(reply.ok);
    if (integer_of(at(reply.body, 1)) > 0) newest[shard] = integer_of(at(reply.body, 1));
  }
  return newest;
}

Program follower(const Cluster& cluster, const std::string& position, const std::string& output) {
  ProgramOptions options;
  options.arguments = {program_path("spexctl"),
                       "--endpoint",
                       cluster.endpoint(),
                       "events",
                       "--follow",
                       "--json",
                       "--position",
                       position,
                       "--output",
                       output};
  options.error_file = cluster.dir() + "/follower.err";
  return Program(options);
}

TEST_CASE("a follower that is killed again and again has each event exactly once in its file", "[events]") {
  Cluster cluster(with_order(3));
  cluster.start();
  auto client = cluster.client();
  const std::string position = cluster.dir() + "/events.position";
  const std::string output = cluster.dir() + "/events.jsonl";
  // A run that was killed between its first line and the position after it leaves a file that is known to be its own.
  CHECK(cluster.ctl({"events", "--json", "--position", position, "--output", output}).exit_code == 0);
  write_whole_file(output, "{\"not\":\"confirmed\"}\n");
  for (int round = 0; round < 8; ++round) {
    Program running = follower(cluster, position, output);
    deviate(*client, 20 * round, 20 * round + 20);
    if (round % 3 == 1) cluster.kill_and_wait_ready("shard-" + std::to_string(1 + round % 3));
    if (round % 3 == 2) cluster.kill_and_wait_ready("router");
    running.signal(SIGKILL);
    REQUIRE(running.wait().has_value());
  }
  Program running = follower(cluster, position, output);
  INFO(read_whole_file(cluster.dir() + "/follower.err"));
  const auto expected = newest_numbers(cluster);
  std::int64_t lines_wanted = 0;
  for (const auto& [shard, newest] : expected) lines_wanted += newest;
  REQUIRE(lines_wanted >= 160);
  REQUIRE(eventually([&] {
    const std::string text = read_whole_file(output);
    return std::count(text.begin(), text.end(), '\n') == lines_wanted;
  }));
  CHECK(numbers_in(output) == expected);
  running.signal(SIGTERM);
  REQUIRE(running.wait().has_value());
  // What stands in the file behind the position was not confirmed: it is written anew.
  { std::ofstream(output, std::ios::app) << "{\"half\":"; }
  const Finished again = cluster.ctl({"events", "--json", "--position", position, "--output", output});
  INFO(again.err);
  CHECK(again.exit_code == 0);
  CHECK(numbers_in(output) == expected);
  cluster.stop();
}

TEST_CASE("events are chosen by time, specification and reason; a position goes on where it was", "[events]") {
  Cluster cluster(with_order(2));
  cluster.start();
  auto client = cluster.client();
  deviate(*client, 0, 5);
  CHECK(client->transition("nobody", "pay", "paid").refused("InstanceError", "instance_identifier_not_found"));
  const auto lines = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"events", "--json"});
    const Finished finished = cluster.ctl(options);
    INFO(finished.err);
    CHECK(finished.exit_code == 0);
    return std::count(finished.out.begin(), finished.out.end(), '\n');
  };
  CHECK(lines({}) == 6);
  CHECK(lines({"--reason", "deviation_not_equivalent"}) == 5);
  CHECK(lines({"--spec", "order"}) == 5);
  CHECK(lines({"--since", "1h"}) == 6);
  CHECK(lines({"--since", "2999-01-01T00:00:00Z"}) == 0);
  const std::string position = cluster.dir() + "/p";
  CHECK(lines({"--position", position, "--spec", "order"}) == 5);
  CHECK(lines({"--position", position, "--spec", "order"}) == 0);
  deviate(*client, 5, 7);
  CHECK(lines({"--position", position, "--spec", "order"}) == 2);

  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--since", "yesterday"}, {"--output", "x"}, {"--shard", "3"}, {"--limit", "1", "--position", position}}) {
    std::vector<std::string> arguments = wrong;
    arguments.insert(arguments.begin(), "events");
    const Finished refused = cluster.ctl(arguments);
    INFO(refused.err);
    CHECK(refused.exit_code == 2);
    CHECK(refused.err.find("--") != std::string::npos);
  }
  // Positions of another cluster, or beyond the data, are refused, not misread.
  write_whole_file(position, "{\"cluster_id\":\"another\",\"shards\":{\"1\":1}}");
  CHECK(cluster.ctl({"events", "--position", position}).err.find("another cluster") != std::string::npos);
  write_whole_file(position, "no position");
  CHECK(cluster.ctl({"events", "--position", position}).err.find("no position file") != std::string::npos);
  const std::string id = string_of(at(at(cluster.status(), "cluster"), "cluster_id"));
  write_whole_file(position, "{\"cluster_id\":\"" + id + "\",\"shards\":{\"1\":5000}}");
  CHECK(cluster.ctl({"events", "--position", position}).err.find("beyond its last event") != std::string::npos);
  cluster.stop();
}

TEST_CASE("restarts and prunes are events, stored with their cause", "[events]") {
  ClusterOptions options = with_order(1);
  options.specs = {{"order.spec", order_specification("Prune timeout: 1ms\nPrunable states: terminal\n")}};
  options.arguments = {"--max-restarts", "1000", "--prune-interval", "20ms"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "gone").ok);
  REQUIRE(client->transition("gone", "cancel", "cancelled").ok);
  REQUIRE(eventually([&] { return !client->get("gone").ok; }));
  cluster.kill_and_wait_ready("shard-1");
  cluster.stop();
  cluster.start();
  std::vector<Value> events;
  const WireReply reply = cluster.client()->call(Operation::read_events, {}, Array{1, 0});
  INFO(reply.text());
  for (std::size_t i = 0; i < size_of(at(reply.body, 0)); ++i) events.push_back(at(at(at(reply.body, 0), i), 2));
  REQUIRE(events.size() == 3);
  CHECK(at(events[0], "kind") == Value("prune"));
  CHECK(at(events[0], "identifier") == Value("gone"));
  CHECK(at(events[0], "specification") == Value("order"));
  CHECK(at(events[0], "current_state") == Value("cancelled"));
  CHECK(at(events[0], "record") == Value(2));
  CHECK(at(events[1], "kind") == Value("restart"));
  CHECK(at(events[1], "after") == Value("crash"));
  CHECK(at(events[1], "incarnation") == Value(2));
  CHECK(at(events[2], "kind") == Value("restart"));
  CHECK(at(events[2], "after") == Value("stop"));
  cluster.stop();
}

TEST_CASE("a subscription goes on through deaths of shards and of the router, in order, each once", "[events]") {
  Cluster cluster(with_order(2));
  cluster.start();
  auto producer = cluster.client();
  client::Client client({.endpoint = cluster.endpoint()});
  client::SubscriptionOptions options;
  options.page = 7;
  options.pause = std::chrono::milliseconds(10);
  client::Subscription subscription(client, {1, 2}, options);
  std::map<std::uint32_t, std::uint64_t> last;
  std::set<std::string> seen;
  const auto read_until = [&](std::size_t wanted) {
    REQUIRE(eventually([&] {
      if (const auto page = subscription.next(std::chrono::milliseconds(100))) {
        CHECK(page->gaps.empty());
        for (const client::Event& event : page->events) {
          CHECK(event.number == ++last[event.shard]);
          if (at(event.body, "reason") == Value("deviation_not_equivalent"))
            CHECK(seen.insert(string_of(at(event.body, "identifier"))).second);
        }
        CHECK(subscription.positions().at(page->shard) == last[page->shard]);
      }
      while (subscription.take_problem()) {
      }
      return seen.size() >= wanted;
    }));
  };
  deviate(*producer, 0, 30);
  read_until(30);
  cluster.kill_and_wait_ready("shard-1");
  deviate(*producer, 30, 60);
  cluster.kill_and_wait_ready("router");
  read_until(60);
  cluster.kill_supervisor();
  cluster.start();
  deviate(*producer, 60, 80);
  read_until(80);
  cluster.stop();
}

TEST_CASE("a slow subscriber keeps nobody waiting and misses nothing; what is kept no longer is said", "[events]") {
  ClusterOptions options = with_order(1);
  options.arguments = {"--events-retention", "1s", "--max-restarts", "1000"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto producer = cluster.client();
  deviate(*producer, 0, 3);
  client::Client client({.endpoint = cluster.endpoint()});
  client::Subscription slow(client, {1}, {.after = {{1, 0}}, .page = 1});
  const auto first = slow.next(std::chrono::seconds(10));
  REQUIRE(first.has_value());
  CHECK(first->events.front().number == 1);
  // It does not come back for a while; meanwhile all goes on, and old events are dropped.
  deviate(*producer, 3, 400);
  REQUIRE(eventually([&] {
    REQUIRE(producer->remove("o-0").ok);
    deviate(*producer, 0, 1, "-again");
    return integer_of(at(producer->call(Operation::read_events, {}, Array{1, 0, 1}).body, 2)) > 100;
  }));
  std::uint64_t next = 2;
  std::uint64_t missing = 0;
  const std::uint64_t newest = static_cast<std::uint64_t>(newest_numbers(cluster)[1]);
  while (next <= newest) {
    const auto page = slow.next(std::chrono::seconds(10));
    REQUIRE(page.has_value());
    for (const EventPage::Gap& gap : page->gaps) {
      CHECK(gap.first == next);
      missing += gap.last - gap.first + 1;
      next = gap.last + 1;
    }
    for (const client::Event& event : page->events) CHECK(event.number == next++);
  }
  CHECK(missing > 90);
  const std::string position = cluster.dir() + "/p";
  const std::string id = string_of(at(at(cluster.status(), "cluster"), "cluster_id"));
  write_whole_file(position, "{\"cluster_id\":\"" + id + "\",\"shards\":{\"1\":1}}");
  const Finished told = cluster.ctl({"events", "--json", "--position", position});
  CHECK(told.exit_code == 4);
  CHECK(told.err.find("kept no longer") != std::string::npos);
  CHECK(told.out.find("\"gap\":{\"first\":2,") != std::string::npos);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
