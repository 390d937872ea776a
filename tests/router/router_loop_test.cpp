#include <algorithm>
#include <filesystem>
#include <fstream>

#include "protocol/identifier.h"
#include "tests/router/router_harness.h"

using namespace spex;
using namespace spex::test;
using process::ReportKind;
using protocol::Operation;

TEST_CASE("a request goes to its shard and the reply to its client", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  FakeClient& first = harness.add_client();
  FakeClient& second = harness.add_client();
  first.request(7, Operation::get_instance, identifier("a"));
  second.request(8, Operation::get_instance, identifier("b"));
  FakeShard& shard = *harness.shards[0];
  REQUIRE(harness.until([&] { return shard.requests.size() == 2; }));
  shard.answer_all("\x2a");
  REQUIRE(harness.until_replies(first, 1));
  REQUIRE(harness.until_replies(second, 1));
  CHECK(first.replies[0].id == protocol::Value(7));
  CHECK(second.replies[0].id == protocol::Value(8));
  CHECK(first.replies[0].body == protocol::Value(42));
}

TEST_CASE("each identifier goes to the shard of its slot", "[router]") {
  RouterHarness harness(3);
  harness.start_serving(3);
  FakeClient& client = harness.add_client();
  constexpr std::uint64_t kCount = 300;
  for (std::uint64_t i = 0; i < kCount; ++i)
    client.request(i, Operation::delete_instance, identifier(std::to_string(i)));
  std::size_t received = 0;
  REQUIRE(harness.until([&] {
    for (std::uint32_t n = 0; n < 3; ++n) {
      for (const auto& got : harness.shards[n]->requests) {
        protocol::RequestHeader header;
        REQUIRE(protocol::read_request(got.bytes, false, header));
        CHECK(protocol::slot_of(header.identifier) % 3 == n);
      }
      received += harness.shards[n]->requests.size();
      harness.shards[n]->answer_all();
    }
    return received == kCount;
  }));
  REQUIRE(harness.until_replies(client, kCount));
}

TEST_CASE("a delimited message is answered by one delimited message", "[router]") {
  RouterHarness harness(2);
  harness.start_serving(2);
  FakeClient& client = harness.add_client();
  protocol::RequestMessageWriter writer(std::nullopt);
  for (std::uint64_t i = 0; i < 10; ++i) writer.add(i, Operation::get_instance, identifier(std::to_string(i)), {});
  writer.add(10, Operation::ping, {}, {});
  client.send_delimited(writer.message());
  std::size_t answered = 0;
  REQUIRE(harness.until([&] {
    for (auto& shard : harness.shards) {
      answered += shard->requests.size();
      shard->answer_all();
    }
    return answered == 10;
  }));
  REQUIRE(harness.until_replies(client, 11));
  CHECK(client.messages == 1);
  CHECK(client.delimited == 1);
}

TEST_CASE("a damaged message is refused to its sender and nobody else notices", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  FakeClient& rude = harness.add_client();
  FakeClient& polite = harness.add_client();
  protocol::RequestMessageWriter writer(std::nullopt);
  writer.add(1, Operation::get_instance, identifier("a"), {});
  const std::string sound(writer.message());
  polite.send(sound);
  struct Case {
    std::string message;
    std::string reason;
  };
  std::string wrong_version = sound;
  wrong_version[1] = 2;
  const std::vector<Case> cases{
      {"", "malformed"},
      {"hello", "malformed"},
      {sound.substr(0, sound.size() - 1), "malformed"},
      {sound + "x", "malformed"},
      {std::string(100'000, '\x91'), "malformed"},
      {wrong_version, "unsupported_version"},
      {std::string("\x94\x01\x01\xc0\xdd\xff\xff\xff\xff", 9), "malformed"},
  };
  for (const Case& bad : cases) {
    INFO(bad.message.substr(0, 20));
    rude.send(bad.message);
    REQUIRE(harness.until_replies(rude, 1));
    CHECK(rude.outcome() == bad.reason);
  }
  rude.send_delimited("hello");
  REQUIRE(harness.until_replies(rude, 1));
  CHECK(rude.outcome() == "malformed");
  REQUIRE(harness.until([&] { return harness.shards[0]->requests.size() == 1; }));
  harness.shards[0]->answer_all();
  REQUIRE(harness.until_replies(polite, 1));
  CHECK(polite.outcome() == "ok");
}

TEST_CASE("a shard that dies under a request is told, and one that is away is refused at once", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  FakeClient& client = harness.add_client();
  FakeShard& shard = *harness.shards[0];
  client.request(1, Operation::get_instance, identifier("a"));
  REQUIRE(harness.until([&] { return shard.requests.size() == 1; }));
  harness.tell(shard.down("restarting"));
  REQUIRE(harness.until_replies(client, 1));
  CHECK(client.outcome() == "shard_restarted");
  client.request(2, Operation::get_instance, identifier("a"));
  REQUIRE(harness.until_replies(client, 1));
  CHECK(client.outcome() == "shard_unavailable");

  FakeShard& next = harness.add_shard(1, 2);
  harness.tell(next.up());
  REQUIRE(harness.until([&] { return next.hellos == 1; }));
  client.request(3, Operation::get_instance, identifier("a"));
  REQUIRE(harness.until([&] { return next.requests.size() == 1; }));
  // The dead one's late words reach nobody.
  shard.answer_all();
  next.answer_all("\x02");
  REQUIRE(harness.until_replies(client, 1));
  CHECK(client.replies[0].id == protocol::Value(3));
}

TEST_CASE("what the dying shard answered in time is delivered", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  FakeClient& client = harness.add_client();
  FakeShard& shard = *harness.shards[0];
  client.request(1, Operation::get_instance, identifier("a"));
  client.request(2, Operation::get_instance, identifier("b"));
  REQUIRE(harness.until([&] { return shard.requests.size() == 2; }));
  shard.answer(shard.requests[0], "\xc0");
  REQUIRE(harness.until_replies(client, 1));
  CHECK(client.outcome() == "ok");
  harness.tell(shard.down("restarting"));
  REQUIRE(harness.until_replies(client, 1));
  CHECK(client.outcome() == "shard_restarted");
}

TEST_CASE("a planned restart is not seen by clients", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  FakeClient& client = harness.add_client();
  FakeShard& shard = *harness.shards[0];
  client.request(1, Operation::get_instance, identifier("a"));
  REQUIRE(harness.until([&] { return shard.requests.size() == 1; }));
  harness.tell(shard.down("planned"));
  // The supervisor's word and the client's come by different ways: wait until the first was heard.
  bool is_held = false;
  for (int heartbeat = 0; heartbeat < 1000 && !is_held; ++heartbeat) {
    REQUIRE(harness.hears(process::ReportKind::heartbeat));
    is_held = harness.last_report.find("\"held\"") != std::string::npos;
  }
  REQUIRE(is_held);
  REQUIRE(harness.until([&] { return shard.lasts == 1; }));  // it is told that nothing follows
  client.request(2, Operation::get_instance, identifier("a"));
  // The old one finishes what it has.
  shard.answer_all();
  REQUIRE(harness.until_replies(client, 1));
  CHECK(client.outcome() == "ok");
  harness.tell(shard.down("restarting"));
  FakeShard& next = harness.add_shard(1, 2);
  harness.tell(next.up());
  REQUIRE(harness.until([&] { return next.requests.size() == 1; }));
  CHECK(shard.requests.empty());
  next.answer_all();
  REQUIRE(harness.until_replies(client, 1));
  CHECK(client.outcome() == "ok");
}

TEST_CASE("requests wait for a shard that is up but has not answered HELLO yet", "[router]") {
  RouterHarness harness(1);
  harness.start();
  FakeClient& client = harness.add_client();
  client.request(1, Operation::get_instance, identifier("a"));
  REQUIRE(harness.hears(ReportKind::ready));
  FakeShard& shard = harness.add_shard(1, 1);
  harness.tell(shard.up());
  REQUIRE(harness.until([&] { return shard.requests.size() == 1; }));
  shard.answer_all();
  REQUIRE(harness.until_replies(client, 1));
  CHECK(client.outcome() == "ok");
}

TEST_CASE("a request that is not answered in time gets its deadline", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  FakeClient& client = harness.add_client();
  client.request(1, Operation::get_instance, identifier("a"), {}, 30);
  REQUIRE(harness.until_replies(client, 1));
  CHECK(client.outcome() == "deadline_exceeded");
}

TEST_CASE("a full queue is overloaded, and drains", "[router]") {
  RouterHarness harness(1, [](config::Config& config) { config.queue_max = 3; });
  harness.start_serving(1);
  FakeClient& client = harness.add_client();
  for (std::uint64_t i = 0; i < 5; ++i) client.request(i, Operation::get_instance, identifier("a"));
  REQUIRE(harness.until_replies(client, 2));
  CHECK(client.replies[0].error->reason == "overloaded");
  CHECK(client.replies[1].error->reason == "overloaded");
  client.replies.clear();
  REQUIRE(harness.until([&] { return harness.shards[0]->requests.size() == 3; }));
  harness.shards[0]->answer_all();
  REQUIRE(harness.until_replies(client, 3));
  client.replies.clear();
  client.request(9, Operation::get_instance, identifier("a"));
  REQUIRE(harness.until([&] { return harness.shards[0]->requests.size() == 1; }));
}

TEST_CASE("async requests get credit, no reply, and a notice when they come to nothing", "[router]") {
  RouterHarness harness(1, [](config::Config& config) { config.async_credit = 4; });
  harness.start_serving(1);
  FakeClient& client = harness.add_client();
  client.client = 77;
  for (std::uint64_t number = 1; number <= 6; ++number) {
    client.request(number, Operation::transition_async, identifier("a"));
  }
  REQUIRE(harness.until([&] { return !client.notices.empty() && client.notices.back().last == 6; }));
  CHECK(client.notices.front().first == 5);
  CHECK(client.notices.front().reason == "overloaded");
  REQUIRE(harness.until([&] { return harness.shards[0]->requests.size() == 4; }));
  harness.shards[0]->answer_all();
  REQUIRE(harness.until([&] { return client.credit && *client.credit == 10; }));
  CHECK(client.replies.empty());
  client.notices.clear();
  client.request(7, Operation::transition_async, identifier("a"));
  REQUIRE(harness.until([&] { return harness.shards[0]->requests.size() == 1; }));
  harness.tell(harness.shards[0]->down("restarting"));
  REQUIRE(harness.until([&] { return !client.notices.empty(); }));
  CHECK(client.notices[0].first == 7);
  CHECK(client.notices[0].reason == "shard_restarted");
}

TEST_CASE("draining answers new requests so and finishes the old ones", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  FakeClient& client = harness.add_client();
  client.request(1, Operation::get_instance, identifier("a"));
  REQUIRE(harness.until([&] { return harness.shards[0]->requests.size() == 1; }));
  harness.tell("drain");
  REQUIRE(harness.until([&] {
    if (client.replies.empty()) client.request(2, Operation::get_instance, identifier("a"));
    return !client.replies.empty();
  }));
  CHECK(client.replies[0].error->reason == "draining");
  REQUIRE(harness.until([&] { return !harness.shards[0]->requests.empty(); }));
  harness.shards[0]->answer_all();
  REQUIRE(harness.hears(ReportKind::drained));
}

TEST_CASE("heartbeats carry statistics as one JSON object", "[router]") {
  RouterHarness harness(2);
  harness.start_serving(2);
  REQUIRE(harness.hears(ReportKind::heartbeat));
  CHECK(harness.last_report.front() == '{');
  CHECK(harness.last_report.find("\"in_flight\":0") != std::string::npos);
  CHECK(harness.last_report.find('\n') == std::string::npos);
}

TEST_CASE("the router ends with its supervisor", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  harness.stop();
  CHECK(harness.exit.code == process::ExitCode::try_again);
}

TEST_CASE("an endpoint taken over or removed is noticed, and the router starts anew", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  const std::string path = harness.dir.file("frontend.sock");
  REQUIRE(std::filesystem::remove(path));
  REQUIRE(wait_until([&] { return harness.has_ended.load(); }));
  CHECK(harness.exit.code == process::ExitCode::try_again);
  CHECK(harness.exit.reason.find(path) != std::string::npos);
}

TEST_CASE("an endpoint that cannot be bound is fatal before ready", "[router]") {
  struct Case {
    std::string endpoint;
    process::ExitCode code;
  };
  const Case bad = GENERATE(Case{"nonsense", process::ExitCode::configuration},
                            Case{"tcp://256.0.0.1:9", process::ExitCode::try_again},
                            Case{"ipc:///nowhere/at/all", process::ExitCode::try_again});
  RouterHarness harness(1, [&](config::Config& config) { config.endpoints = {bad.endpoint}; });
  harness.start();
  REQUIRE(wait_until([&] { return harness.has_ended.load(); }));
  CHECK(harness.exit.code == bad.code);
  CHECK(harness.exit.reason.find(bad.endpoint) != std::string::npos);
}

TEST_CASE("a second router on the same run directory refuses to start", "[router]") {
  RouterHarness harness(1);
  harness.start_serving(1);
  process::DaemonContext second{"",
                                {},
                                config::ClusterLayout::create(1),
                                base::ShardId(0),
                                base::Incarnation(2),
                                process::ChildChannel(std::move(process::make_channel_pair()->second)),
                                *process::SignalFd::create({SIGUSR2})};
  second.config.run_dir = harness.dir.path();
  const auto exit = router::run_router(second);
  CHECK(exit.code == process::ExitCode::try_again);
  CHECK(exit.reason.find("router.lock") != std::string::npos);
  // The first one's endpoint is untouched.
  FakeClient& client = harness.add_client();
  client.request(1, Operation::ping, {});
  REQUIRE(harness.until_replies(client, 1));
}
