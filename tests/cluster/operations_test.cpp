// The keyed operations (init, transition, mock, get, delete and the async
// forms): each success and each refusal, through real sockets, with 1 and with 4 shards.
#include <catch2/catch.hpp>

#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order(unsigned shards) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}, {"free.spec", order_specification("", "free")}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

TEST_CASE("init stores an instance with one record", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();

  const Value meta = Map{{"customer", Map{{"country", "NL"}}}, {"weight", 2.5}};
  const WireReply made = client->init("order", "o-1", meta);
  INFO(made.text());
  REQUIRE(made.ok);
  CHECK(made.body.is_nil());
  CHECK(made.reported.empty());

  const WireReply got = client->get("o-1");
  INFO(got.text());
  REQUIRE(got.ok);
  CHECK(at(got.body, "specification") == Value("order"));
  CHECK(at(got.body, "identifier") == Value("o-1"));
  CHECK(at(got.body, "meta") == meta);
  CHECK(at(got.body, "current_state") == Value("created"));
  CHECK(at(got.body, "transitions_total") == Value(1));
  REQUIRE(size_of(at(got.body, "transitions")) == 1);
  const Value& record = at(at(got.body, "transitions"), 0);
  CHECK(at(record, 0) == Value("__initialisation__"));
  CHECK(at(record, 1) == Value("created"));
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  CHECK(integer_of(at(record, 2)) <= now);
  CHECK(integer_of(at(record, 2)) > now - 60'000'000);
  cluster.stop();
}

TEST_CASE("init without meta stores nil, and with an initial state stores that", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("free", 1, {}, "paid").ok);
  const WireReply got = client->get(1);
  REQUIRE(got.ok);
  CHECK(at(got.body, "meta").is_nil());
  CHECK(at(got.body, "current_state") == Value("paid"));
  CHECK(states_of(got.body) == "paid");
  cluster.stop();
}

TEST_CASE("a second init of an identifier is refused and changes nothing", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o-1").ok);
  REQUIRE(client->transition("o-1", "pay", "paid").ok);
  const WireReply again = client->init("order", "o-1", Map{{"a", 1}});
  INFO(again.text());
  CHECK(again.refused("InstanceError", "instance_identifier_already_in_use"));
  CHECK(at(again.error.context, "instance_identifier") == Value("o-1"));
  CHECK(again.reports("instance_identifier_already_in_use"));
  const WireReply got = client->get("o-1");
  CHECK(states_of(got.body) == "paid created");
  CHECK(at(got.body, "meta").is_nil());
  cluster.stop();
}

TEST_CASE("an unknown specification is refused by init and mock, and nothing is stored", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  CHECK(client->init("nobody", "o-1").refused("SpecificationError", "specification_not_found"));
  CHECK(client->mock("nobody", "o-1", "created").refused("SpecificationError", "specification_not_found"));
  CHECK(client->get("o-1").refused("InstanceError", "instance_identifier_not_found"));
  cluster.stop();
}

TEST_CASE("a transition appends a record and moves the state", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o-1").ok);
  const WireReply moved = client->transition("o-1", "pay", "paid");
  INFO(moved.text());
  REQUIRE(moved.ok);
  CHECK(moved.body.is_nil());
  REQUIRE(client->transition("o-1", "ship", "shipped").ok);
  const WireReply got = client->get("o-1");
  CHECK(at(got.body, "current_state") == Value("shipped"));
  CHECK(states_of(got.body) == "shipped paid created");
  CHECK(at(got.body, "transitions_total") == Value(3));
  std::int64_t newer = INT64_MAX;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t at_time = integer_of(at(at(at(got.body, "transitions"), i), 2));
    CHECK(at_time <= newer);
    newer = at_time;
  }
  cluster.stop();
}

TEST_CASE("a transition of an unknown identifier is refused", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  const WireReply reply = client->transition("nobody", "pay", "paid");
  INFO(reply.text());
  CHECK(reply.refused("InstanceError", "instance_identifier_not_found"));
  CHECK(at(reply.error.context, "instance_identifier") == Value("nobody"));
  CHECK(reply.reports("instance_identifier_not_found"));
  const WireReply got = client->get("nobody");
  CHECK(got.refused("InstanceError", "instance_identifier_not_found"));
  CHECK(got.reported.empty());
  cluster.stop();
}

TEST_CASE("the time at which an event occurred is kept beside the record's own", "[operations]") {
  Cluster cluster(with_order(1));
  cluster.start();
  auto client = cluster.client();
  const std::int64_t then = 1'286'004'039'266'000;
  REQUIRE(client->call(Operation::init_instance, 7, Array{"order", Value(), Value(), then}).ok);
  REQUIRE(client->call(Operation::transition, 7, Array{"pay", "paid", then + 5}).ok);
  const WireReply got = client->get(7);
  const Value& records = at(got.body, "transitions");
  CHECK(at(at(records, 0), 3) == Value(then + 5));
  CHECK(at(at(records, 1), 3) == Value(then));
  CHECK(integer_of(at(at(records, 1), 2)) > then);
  cluster.stop();
}

TEST_CASE("mock stores an instance with an empty history and leaves the model alone", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  const WireReply before = client->call(Operation::export_impl_models, {}, Array{});
  REQUIRE(before.ok);

  REQUIRE(client->mock("order", "m", "nowhere", Map{{"k", "v"}}).ok);
  WireReply got = client->get("m");
  CHECK(at(got.body, "current_state") == Value("nowhere"));
  CHECK(at(got.body, "transitions") == Value(Array{}));
  CHECK(at(got.body, "transitions_total") == Value(0));
  CHECK(at(at(got.body, "meta"), "k") == Value("v"));

  SECTION("it replaces a living instance and its history") {
    REQUIRE(client->init("order", "o").ok);
    REQUIRE(client->transition("o", "pay", "paid").ok);
    REQUIRE(client->mock("free", "o", "created").ok);
    got = client->get("o");
    CHECK(at(got.body, "specification") == Value("free"));
    CHECK(at(got.body, "transitions") == Value(Array{}));
    CHECK(at(got.body, "meta").is_nil());
  }
  SECTION("it can move on from the mocked state") {
    REQUIRE(client->mock("order", "m", "paid").ok);
    REQUIRE(client->transition("m", "ship", "shipped").ok);
    got = client->get("m");
    CHECK(states_of(got.body) == "shipped");
    CHECK(at(got.body, "transitions_total") == Value(1));
  }
  const WireReply after = client->call(Operation::export_impl_models, {}, Array{});
  CHECK(after.body == before.body);
  cluster.stop();
}

TEST_CASE("delete is ok whether or not the instance existed, and frees the identifier", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  CHECK(client->remove("o-1").ok);
  REQUIRE(client->init("order", "o-1").ok);
  REQUIRE(client->transition("o-1", "pay", "paid").ok);
  CHECK(client->remove("o-1").ok);
  CHECK(client->get("o-1").refused("InstanceError", "instance_identifier_not_found"));
  CHECK(client->remove("o-1").ok);
  REQUIRE(client->init("order", "o-1").ok);
  CHECK(states_of(client->get("o-1").body) == "created");
  cluster.stop();
}

TEST_CASE("a history comes in pages, newest first", "[operations]") {
  ClusterOptions options = with_order(1);
  options.models.clear();
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "long").ok);
  constexpr int kSteps = 1200;
  std::vector<std::uint64_t> sent;
  for (int i = 1; i <= kSteps; ++i)
    sent.push_back(client->send(Operation::transition, "long", Array{"step", "s" + std::to_string(i)}));
  for (const std::uint64_t id : sent) REQUIRE(client->receive(id).ok);

  const WireReply first = client->get("long", 3);
  CHECK(states_of(first.body) == "s1200 s1199 s1198");
  CHECK(at(first.body, "transitions_total") == Value(kSteps + 1));
  // Record numbers count from 1, the oldest; `before` excludes its own.
  CHECK(states_of(client->get("long", 2, kSteps - 1).body) == "s1197 s1196");
  CHECK(states_of(client->get("long", 5, 3).body) == "s1 created");
  CHECK(states_of(client->get("long", 5, 1).body).empty());
  CHECK(size_of(at(client->get("long").body, "transitions")) == 1000);
  CHECK(size_of(at(client->get("long", 5000).body, "transitions")) == 1000);
  CHECK(size_of(at(client->get("long", 0).body, "transitions")) == 0);
  cluster.stop();
}

TEST_CASE("async forms take effect without a reply, and their problems reach the events", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client(77);
  // Ids of async requests are the client's consecutive numbers, from 1.
  client->send(Operation::init_instance_async, "a", Array{"order"});
  client->send(Operation::transition_async, "a", Array{"pay", "paid"});
  client->send(Operation::transition_async, "ghost", Array{"pay", "paid"});
  auto reader = cluster.client();
  REQUIRE(eventually([&] { return states_of(reader->get("a").body) == "paid created"; }));

  const unsigned shard = cluster.shard_of(Value("ghost"));
  REQUIRE(eventually([&] {
    const WireReply events = reader->call(Operation::read_events, {}, Array{static_cast<std::uint32_t>(shard), 0});
    for (std::size_t i = 0; i < size_of(at(events.body, 0)); ++i) {
      const Value& event = at(at(at(events.body, 0), i), 2);
      if (at(event, "reason") == Value("instance_identifier_not_found") && at(event, "identifier") == Value("ghost"))
        return true;
    }
    return false;
  }));
  CHECK(client->replies_received() == 0);
  CHECK(client->notices().empty());
  cluster.stop();
}

TEST_CASE("arguments of a wrong kind are refused with class and reason", "[operations]") {
  Cluster cluster(with_order(1));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  const auto invalid = [&](Operation operation, const Value& arguments) {
    const WireReply reply = client->call(operation, "o", arguments);
    INFO(reply.text());
    CHECK(reply.refused("RequestError", "invalid_argument"));
  };
  invalid(Operation::transition, Array{});
  invalid(Operation::transition, Array{"pay"});
  invalid(Operation::transition, Array{1, "paid"});
  invalid(Operation::transition, Array{"pay", Value()});
  invalid(Operation::transition, Array{"pay", "paid", "yesterday"});
  for (const std::string& bad :
       {std::string(), std::string("nil"), std::string(256, 'x'), std::string("a --[b"), std::string("a]-> b"),
        std::string("line\nbreak"), std::string("\x7f"), std::string("\xff\xfe"), std::string("zero\0byte", 9)}) {
    INFO("name: " << bad);
    invalid(Operation::transition, Array{bad, "paid"});
    invalid(Operation::transition, Array{"pay", bad});
  }
  const auto invalid_init = [&](const Value& arguments) {
    const WireReply reply = client->call(Operation::init_instance, "new", arguments);
    INFO(reply.text());
    CHECK(reply.refused("RequestError", "invalid_argument"));
  };
  invalid_init(Array{});
  invalid_init(Array{7});
  invalid_init(Array{"order", "meta is no map"});
  invalid_init(Array{"order", Value(), 7});
  invalid_init(Array{"order", Value(), "nil"});
  CHECK(client->call(Operation::mock_instance, "new", Array{"order"}).refused("RequestError", "invalid_argument"));
  CHECK(client->call(Operation::get_instance, "o", Array{"ten"}).refused("RequestError", "invalid_argument"));
  CHECK(client->call(Operation::get_instance, "o", Array{-1}).refused("RequestError", "invalid_argument"));
  CHECK(states_of(client->get("o").body) == "created");
  CHECK(client->get("new").refused("InstanceError", "instance_identifier_not_found"));
  // 255 bytes are a name; so is __initialisation__ from a named state.
  CHECK(client->transition("o", std::string(255, 'x'), std::string(255, 'y')).answered);
  CHECK(client->transition("o", "__initialisation__", "z").answered);
  CHECK(at(client->get("o").body, "current_state") == Value("z"));
  cluster.stop();
}

TEST_CASE("one message may carry several requests, and REQ gets one reply message", "[operations]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  // [1, 1, nil, [[1, 1, "a", ["order"]], [2, 2, "a", ["pay", "paid"]], [3, 4, "a", []]]]
  const std::string message(
      "\x94\x01\x01\xc0\x93"
      "\x94\x01\x01\xa1"
      "a\x91\xa5"
      "order"
      "\x94\x02\x02\xa1"
      "a\x92\xa3"
      "pay\xa4"
      "paid"
      "\x94\x03\x04\xa1"
      "a\x90");
  WireClient request(cluster.endpoint(), std::nullopt, WireClient::Kind::req);
  request.send_message(message);
  REQUIRE(request.pump(kPatience));
  CHECK(request.replies_received() == 3);
  CHECK(request.receive(1).ok);
  CHECK(request.receive(2).ok);
  CHECK(states_of(request.receive(3).body) == "paid created");

  // The same for a DEALER that sends the delimiter itself.
  auto dealer = cluster.client();
  dealer->send_frames({"", message});
  const auto frames = dealer->receive_frames();
  REQUIRE(frames);
  REQUIRE(frames->size() == 2);
  CHECK(frames->front().empty());
  cluster.stop();
}

TEST_CASE("requests of one client to one identifier are executed in the order sent", "[operations]") {
  ClusterOptions options = with_order(GENERATE(1u, 4u));
  options.models.clear();
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  constexpr int kInstances = 20;
  constexpr int kSteps = 25;
  std::vector<std::uint64_t> sent;
  for (int i = 0; i < kInstances; ++i) sent.push_back(client->send(Operation::init_instance, i, Array{"free"}));
  for (int step = 0; step < kSteps; ++step)
    for (int i = 0; i < kInstances; ++i)
      sent.push_back(client->send(Operation::transition, i, Array{"go", "s" + std::to_string(step)}));
  for (const std::uint64_t id : sent) REQUIRE(client->receive(id).ok);
  std::string expected;
  for (int step = kSteps - 1; step >= 0; --step) expected += "s" + std::to_string(step) + " ";
  for (int i = 0; i < kInstances; ++i) CHECK(states_of(client->get(i).body) == expected + "created");
  cluster.stop();
}

TEST_CASE("ping, shard map and an unknown operation", "[operations]") {
  const unsigned shards = GENERATE(1u, 4u);
  Cluster cluster(with_order(shards));
  cluster.start();
  auto client = cluster.client();
  const WireReply pong = client->call(Operation::ping, {}, Array{});
  REQUIRE(pong.ok);
  CHECK(string_of(at(pong.body, 0)) == SPEX_VERSION);
  CHECK(integer_of(at(pong.body, 1)) == cluster.incarnation("router"));
  const WireReply map = client->call(Operation::shard_map, {}, Array{});
  REQUIRE(map.ok);
  CHECK(at(map.body, 0) == Value(shards));
  REQUIRE(size_of(at(map.body, 1)) == 4096);
  for (std::size_t slot = 0; slot < 4096; ++slot)
    REQUIRE(at(at(map.body, 1), slot) == Value(static_cast<std::uint32_t>(slot % shards + 1)));
  CHECK(string_of(at(map.body, 2)).size() == 32);
  CHECK(client->call(static_cast<Operation>(249), {}, Array{}).refused("RequestError", "unknown_operation"));
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
