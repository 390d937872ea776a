// The event stream and async requests: numbered per shard, durable, without a
// gap for a reader that was away; nothing is dropped silently (semantics §3, §5).
#include <signal.h>

#include <catch2/catch.hpp>
#include <set>

#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order(unsigned shards) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

struct Entry {
  std::int64_t number;
  std::string identifier;
  std::string reason;
};

// Everything after `after`, in pages of `limit`, requiring that numbers follow one another.
std::vector<Entry> read_all(WireClient& client, unsigned shard, std::int64_t after, int limit) {
  std::vector<Entry> entries;
  for (int page = 0; page < 10'000; ++page) {
    const WireReply reply = client.call(Operation::read_events, {}, Array{shard, after, limit});
    INFO(reply.text().substr(0, 300));
    REQUIRE(reply.ok);
    const Value& events = at(reply.body, 0);
    REQUIRE(size_of(events) <= static_cast<std::size_t>(limit));
    for (std::size_t i = 0; i < size_of(events); ++i) {
      const Value& event = at(at(events, i), 2);
      REQUIRE(integer_of(at(at(events, i), 0)) == ++after);
      CHECK(integer_of(at(at(events, i), 1)) > 1'600'000'000'000'000);
      // That a shard came back is an event as well; it belongs to no instance.
      if (at(event, "kind") == Value("restart")) continue;
      entries.push_back({after, string_of(at(event, "identifier")), string_of(at(event, "reason"))});
    }
    if (size_of(events) > 0) continue;
    CHECK(integer_of(at(reply.body, 1)) == after);
    return entries;
  }
  FAIL("the events do not end");
  return entries;
}

TEST_CASE("a reader that was away catches up without a gap, through restarts", "[events]") {
  const unsigned shards = GENERATE(1u, 4u);
  Cluster cluster(with_order(shards));
  cluster.start();
  auto client = cluster.client();
  std::set<std::string> expected;
  const auto deviate = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string id = "o-" + std::to_string(i);
      REQUIRE(client->init("order", id).ok);
      REQUIRE(client->transition(id, "explode", "gone").refused("TransitionError", "deviation_not_equivalent"));
      expected.insert(id);
    }
  };
  deviate(0, 40);
  std::map<unsigned, std::int64_t> position;
  std::set<std::string> seen;
  const auto catch_up = [&](int limit) {
    for (unsigned shard = 1; shard <= shards; ++shard) {
      for (const Entry& entry : read_all(*client, shard, position[shard], limit)) {
        CHECK(entry.reason == "deviation_not_equivalent");
        CHECK(cluster.shard_of(entry.identifier) == shard);
        CHECK(seen.insert(entry.identifier).second);
        position[shard] = entry.number;
      }
    }
  };
  catch_up(7);
  CHECK(seen == expected);
  deviate(40, 60);
  for (unsigned shard = 1; shard <= shards; ++shard) cluster.kill_and_wait_ready("shard-" + std::to_string(shard));
  deviate(60, 70);
  catch_up(1000);
  CHECK(seen == expected);
  cluster.stop();
  cluster.start();
  client = cluster.client();
  position.clear();
  seen.clear();
  catch_up(3);
  CHECK(seen == expected);
  cluster.stop();
}

TEST_CASE("events of a shard that does not exist are refused", "[events]") {
  Cluster cluster(with_order(2));
  cluster.start();
  auto client = cluster.client();
  for (const Value& shard : {Value(0), Value(3), Value(-1), Value("one"), Value()}) {
    const WireReply reply = client->call(Operation::read_events, {}, Array{shard, 0});
    INFO(reply.text());
    CHECK(reply.refused("RequestError", "invalid_argument"));
  }
  cluster.stop();
}

TEST_CASE("async requests sent beyond the credit are told, and exactly the others take effect", "[async]") {
  ClusterOptions options = with_order(2);
  options.arguments = {"--async-credit", "100", "--heartbeat-timeout", "1h"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client(99);
  // The shards stand while far more than the credit arrives.
  const pid_t first = cluster.signal_child("shard-1", SIGSTOP);
  const pid_t second = cluster.signal_child("shard-2", SIGSTOP);
  constexpr int kSent = 1000;
  for (int i = 1; i <= kSent; ++i) client->send(Operation::init_instance_async, i, Array{"order"});
  const auto refused = [&] {
    std::set<std::int64_t> numbers;
    for (const WireNotice& notice : client->notices()) {
      CHECK(notice.error.reason == "overloaded");
      for (std::int64_t number = notice.first; number <= notice.last; ++number) CHECK(numbers.insert(number).second);
    }
    return numbers;
  };
  REQUIRE(eventually([&] {
    client->pump(std::chrono::milliseconds(100));
    std::int64_t last = 0;
    for (const WireNotice& notice : client->notices()) last = std::max(last, notice.last);
    return last == kSent;
  }));
  const std::set<std::int64_t> not_taken = refused();
  CHECK(not_taken.size() >= kSent - 200);
  REQUIRE(::kill(first, SIGCONT) == 0);
  REQUIRE(::kill(second, SIGCONT) == 0);
  auto reader = cluster.client();
  REQUIRE(eventually([&] { return size_of(reader->all().body) == kSent - not_taken.size(); }));
  for (int i = 1; i <= kSent; ++i) CHECK(reader->get(i).ok == (not_taken.count(i) == 0));
  CHECK(client->credit() > 0);
  CHECK(client->replies_received() == 0);
  cluster.stop();
}

TEST_CASE("a client that waits for credit gets every async request executed", "[async]") {
  ClusterOptions options = with_order(2);
  options.arguments = {"--async-credit", "100"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client(99);
  constexpr std::int64_t kSent = 3000;
  constexpr std::int64_t kBeforeAnyCredit = 64;
  for (std::int64_t number = 1; number <= kSent; ++number) {
    REQUIRE(eventually([&] {
      client->pump(std::chrono::milliseconds(0));
      return number <= std::max(kBeforeAnyCredit, client->credit());
    }));
    client->send(Operation::init_instance_async, number, Array{"order"});
  }
  auto reader = cluster.client();
  CHECK(eventually([&] { return size_of(reader->all().body) == kSent; }));
  CHECK(client->notices().empty());
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
