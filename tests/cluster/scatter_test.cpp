// Operations over all shards: instances in pages and by filter, deletion by
// filter, missing shards named in the answer (semantics §3).
#include <signal.h>

#include <catch2/catch.hpp>
#include <set>

#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_two_specifications(unsigned shards) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}, {"claim.spec", order_specification("", "claim")}};
  return options;
}

// Instances 0 … count-1: the even ones orders, the odd ones claims; every third paid.
void fill(WireClient& client, int count) {
  std::vector<std::uint64_t> sent;
  for (int i = 0; i < count; ++i) {
    const Value meta = Map{{"customer", Map{{"country", i % 5 == 0 ? "NL" : "DE"}}}, {"number", i}};
    sent.push_back(client.send(Operation::init_instance, i, Array{i % 2 == 0 ? "order" : "claim", meta}));
    if (i % 3 == 0) sent.push_back(client.send(Operation::transition, i, Array{"pay", "paid"}));
  }
  for (const std::uint64_t id : sent) REQUIRE(client.receive(id).ok);
}

std::multiset<std::int64_t> identifiers(const WireReply& reply) {
  REQUIRE(reply.ok);
  std::multiset<std::int64_t> found;
  for (std::size_t i = 0; i < size_of(reply.body); ++i) found.insert(integer_of(at(at(reply.body, i), "identifier")));
  return found;
}

std::multiset<std::int64_t> numbers(int count, const std::function<bool(int)>& wanted) {
  std::multiset<std::int64_t> result;
  for (int i = 0; i < count; ++i)
    if (wanted(i)) result.insert(i);
  return result;
}

TEST_CASE("all instances are delivered once each, whatever the size of the pages", "[scatter]") {
  Cluster cluster(with_two_specifications(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  CHECK(client->all().body == Value(Array{}));
  constexpr int kCount = 150;
  fill(*client, kCount);
  const auto everything = numbers(kCount, [](int) { return true; });
  for (const int limit : {1, 7, 50, 1000}) CHECK(identifiers(client->all({}, limit)) == everything);
  CHECK(identifiers(client->all()) == everything);
  CHECK(identifiers(client->all(Map{})) == everything);

  const WireReply page = client->call(Operation::all_instances, {}, Array{Value(), 7});
  CHECK(size_of(at(page.body, 0)) <= 7);
  CHECK_FALSE(at(page.body, 1).is_nil());
  const Value& instance = at(at(page.body, 0), 0);
  CHECK(string_of(at(instance, "specification")) != "");
  CHECK(size_of(at(instance, "transitions")) >= 1);
  CHECK(size_of(at(instance, "meta")) == 2);
  cluster.stop();
}

TEST_CASE("an instance that exists throughout is delivered once while others come and go", "[scatter]") {
  Cluster cluster(with_two_specifications(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  constexpr int kCount = 60;
  fill(*client, kCount);
  Value cursor;
  std::multiset<std::int64_t> seen;
  bool done = false;
  for (int page = 0; page < 1000 && !done; ++page) {
    const WireReply reply = client->call(Operation::all_instances, {}, Array{Value(), 5, cursor});
    REQUIRE(reply.ok);
    for (std::size_t i = 0; i < size_of(at(reply.body, 0)); ++i)
      seen.insert(integer_of(at(at(at(reply.body, 0), i), "identifier")));
    cursor = at(reply.body, 1);
    done = cursor.is_nil();
    // Odd ones go, new ones come, between any two pages.
    if (page < kCount / 2) REQUIRE(client->remove(2 * page + 1).ok);
    REQUIRE(client->init("order", 1000 + page).ok);
  }
  REQUIRE(done);
  for (int i = 0; i < kCount; i += 2) CHECK(seen.count(i) == 1);
  for (const std::int64_t id : seen) CHECK(seen.count(id) == 1);
  cluster.stop();
}

TEST_CASE("a filter selects by specification, state, meta, age and idleness", "[scatter]") {
  Cluster cluster(with_two_specifications(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  constexpr int kCount = 60;
  fill(*client, kCount);
  const auto check = [&](const Value& filter, const std::function<bool(int)>& wanted) {
    INFO(protocol::to_json(filter));
    CHECK(identifiers(client->all(filter, 9)) == numbers(kCount, wanted));
  };
  const auto is_order = [](int i) { return i % 2 == 0; };
  const auto is_paid = [](int i) { return i % 3 == 0; };
  check(Map{{"specification", "order"}}, is_order);
  check(Map{{"current_state", "paid"}}, is_paid);
  check(Map{{"specification", "order"}, {"current_state", "paid"}}, [&](int i) { return is_order(i) && is_paid(i); });
  check(Array{"=", "specification", "claim"}, [&](int i) { return !is_order(i); });
  check(Array{"!=", "current_state", "paid"}, [&](int i) { return !is_paid(i); });
  check(Array{"in", "current_state", Array{"paid", "shipped"}}, is_paid);
  check(Array{"and", Array{"=", "specification", "order"}, Array{"not", Array{"=", "current_state", "paid"}}},
        [&](int i) { return is_order(i) && !is_paid(i); });
  check(Array{"or", Array{"=", "meta.customer.country", "NL"}, Array{"<", "meta.number", 10}},
        [](int i) { return i % 5 == 0 || i < 10; });
  check(Array{">=", "meta.number", 50}, [](int i) { return i >= 50; });
  check(Array{"=", "meta.nowhere", 1}, [](int) { return false; });
  check(Array{"=", "meta.number", "7"}, [](int) { return false; });
  check(Array{">=", "idle", 0}, [](int) { return true; });
  check(Array{">", "idle", std::int64_t{3'600'000'000}}, [](int) { return false; });
  check(Array{">", "created", std::int64_t{1'600'000'000'000'000}}, [](int) { return true; });
  check(Array{"<", "created", std::int64_t{1'600'000'000'000'000}}, [](int) { return false; });
  check(Map{{"specification", "no such"}}, [](int) { return false; });
  cluster.stop();
}

TEST_CASE("a filter that is none is refused, by listing and by deletion", "[scatter]") {
  Cluster cluster(with_two_specifications(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  fill(*client, 10);
  Value deep = Array{"=", "specification", "order"};
  for (int i = 0; i < 40; ++i) deep = Array{"not", deep};
  for (const Value& filter :
       {Value("order"), Value(7), Value(Array{}), Value(Array{"="}), Value(Array{"=", "specification"}),
        Value(Array{"xor", Array{}, Array{}}), Value(Array{"=", "colour", "red"}), Value(Array{"in", "idle", 7}),
        Value(Map{{"colour", "red"}}), Value(Array{"and", 1}), deep}) {
    INFO(protocol::to_json(filter));
    const WireReply listed = client->call(Operation::all_instances, {}, Array{filter});
    CHECK(listed.refused("RequestError", "invalid_argument"));
    CHECK(client->remove_all(filter).refused("RequestError", "invalid_argument"));
  }
  CHECK(size_of(client->all().body) == 10);
  CHECK(client->call(Operation::all_instances, {}, Array{Value(), 5, "no cursor"})
            .refused("RequestError", "invalid_argument"));
  cluster.stop();
}

TEST_CASE("deletion by filter answers how many; the empty filter must be given", "[scatter]") {
  Cluster cluster(with_two_specifications(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  constexpr int kCount = 90;
  fill(*client, kCount);
  CHECK(client->call(Operation::delete_instances, {}, Array{}).refused("RequestError", "invalid_argument"));
  CHECK(size_of(client->all().body) == kCount);

  const WireReply some = client->remove_all(Map{{"specification", "order"}, {"current_state", "paid"}});
  INFO(some.text());
  CHECK(some.body == Value(15));
  CHECK(identifiers(client->all()) == numbers(kCount, [](int i) { return i % 6 != 0; }));
  CHECK(client->get(0).refused("InstanceError", "instance_identifier_not_found"));
  CHECK(client->remove_all(Map{{"specification", "order"}, {"current_state", "paid"}}).body == Value(0));
  CHECK(client->remove_all(Map{}).body == Value(75));
  CHECK(client->all().body == Value(Array{}));
  // The identifiers are free again, and the deletion survives a crash of a shard.
  REQUIRE(client->init("order", 0).ok);
  cluster.kill_and_wait_ready("shard-1");
  CHECK(identifiers(client->all()) == std::multiset<std::int64_t>{0});
  cluster.stop();
}

TEST_CASE("a deletion by filter of many instances is complete", "[scatter]") {
  Cluster cluster(with_two_specifications(2));
  cluster.start();
  auto client = cluster.client();
  constexpr int kCount = 5000;
  std::vector<std::uint64_t> sent;
  for (int i = 0; i < kCount; ++i) sent.push_back(client->send(Operation::init_instance, i, Array{"order"}));
  for (const std::uint64_t id : sent) REQUIRE(client->receive(id).ok);
  // More than one page of at most 1,000.
  CHECK(size_of(at(client->call(Operation::all_instances, {}, Array{Value(), 5000}).body, 0)) <= 1000);
  CHECK(size_of(client->all().body) == kCount);
  RequestOptions keyed;
  keyed.key = 1;
  auto keyed_client = cluster.client(4711);
  CHECK(keyed_client->call(Operation::delete_instances, {}, Array{Map{}}, keyed).body == Value(kCount));
  // A repeat with the same key goes on where it stopped: nothing new is deleted.
  REQUIRE(client->init("order", "later").ok);
  CHECK(keyed_client->call(Operation::delete_instances, {}, Array{Map{}}, keyed).body == Value(kCount));
  CHECK(client->get("later").ok);
  cluster.stop();
}

TEST_CASE("a shard that is down is named in every answer over all shards", "[scatter]") {
  ClusterOptions options = with_two_specifications(4);
  options.models = {{"order.spex", order_model()}};
  // No restart: the second death within the period parks.
  options.arguments = {"--max-restarts", "0", "--park-retry", "1h"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  fill(*client, 80);
  std::multiset<std::int64_t> on_others;
  std::int64_t on_third = -1;
  for (int i = 0; i < 80; ++i) {
    if (cluster.shard_of(i) == 3)
      on_third = i;
    else
      on_others.insert(i);
  }
  REQUIRE(on_third >= 0);
  cluster.signal_child("shard-3", SIGKILL);
  REQUIRE(eventually([&] { return cluster.phase("shard-3") == "parked"; }));
  REQUIRE(eventually([&] { return !client->get(on_third).ok; }));

  const auto names_third = [](const WireReply& reply) {
    INFO(reply.text());
    REQUIRE(reply.ok);
    REQUIRE_FALSE(reply.missing.empty());
    for (const auto& [shard, reason] : reply.missing) {
      CHECK(shard == 3);
      CHECK(reason == "shard_unavailable");
    }
  };
  const WireReply listed = client->all({}, 10);
  names_third(listed);
  CHECK(identifiers(listed) == on_others);
  names_third(client->call(Operation::all_impl_models, {}, Array{}));
  names_third(client->call(Operation::export_impl_models, {}, Array{}));
  const WireReply deleted = client->remove_all(Map{});
  names_third(deleted);
  CHECK(deleted.body == Value(static_cast<std::int64_t>(on_others.size())));
  CHECK(client->get(on_third).refused("ClusterError", "shard_unavailable"));
  // What changes all shards is refused as a whole.
  CHECK(client->call(Operation::set_learning_mode, {}, Array{"order", true})
            .refused("ClusterError", "shard_unavailable"));
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
