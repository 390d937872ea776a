// Hostile input through real sockets: a clear refusal to that client, no
// effect on others, bounded memory.
#include <signal.h>

#include <catch2/catch.hpp>
#include <random>

#include "protocol/codec.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order(unsigned shards = 2) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

// Requires the one refusal of what cannot be parsed, by that reason.
void check_refusal(WireClient& client, const std::string& message, const std::string& reason) {
  client.send_message(message);
  const WireReply reply = client.receive_any();
  INFO(reply.text());
  CHECK(reply.refused("RequestError", reason));
  CHECK(reply.id.is_nil());
}

// Nothing has been restarted, and another client is served.
void check_unharmed(Cluster& cluster, WireClient& other) {
  CHECK(cluster.incarnation("router") == 1);
  for (unsigned shard = 1; shard <= cluster.shards(); ++shard)
    CHECK(cluster.incarnation("shard-" + std::to_string(shard)) == 1);
  CHECK(other.get("witness").ok);
}

std::string request_message(const Value& request) {
  return protocol::encode_value(Array{1, 1, Value(), Array{request}});
}

TEST_CASE("what cannot be parsed is refused as malformed, and the client is served on", "[hostile]") {
  Cluster cluster(with_order());
  cluster.start();
  auto other = cluster.client();
  REQUIRE(other->init("order", "witness").ok);
  auto client = cluster.client();
  const std::string good = request_message(Array{1, 1, "a", Array{"order"}});
  for (const std::string& bad : {std::string(""),
                                 std::string("\xc1"),
                                 std::string("hello world"),
                                 std::string("\xc0"),
                                 std::string("\x01"),
                                 std::string("\x80"),
                                 std::string("\x90"),
                                 std::string("\x91\x01"),
                                 std::string("\x92\x01\x01"),
                                 std::string("\x94\x01\x01\xc0"),
                                 std::string("\x94\x01\x01\xc0\x05"),
                                 std::string("\x94\x01\x09\xc0\x90"),
                                 std::string("\x94\x01\x01\xa1x\x90"),
                                 std::string("\x94\x01\x01\xff\x90"),
                                 good + "\x01",
                                 good + good,
                                 std::string("\x94\x01\x01\xc0\xdd\xff\xff\xff\xff", 9),
                                 std::string("\xdd\xff\xff\xff\xff", 5),
                                 std::string("\xdb\xff\xff\xff\xff", 5),
                                 std::string("\xdf\x7f\xff\xff\xff", 5),
                                 std::string(100'000, '\x91')}) {
    INFO("message of " << bad.size() << " bytes");
    check_refusal(*client, bad, "malformed");
  }
  // Every truncation of a good message.
  for (std::size_t length = 1; length < good.size(); ++length) {
    INFO("cut to " << length);
    check_refusal(*client, good.substr(0, length), "malformed");
  }
  CHECK(client->get("a").refused("InstanceError", "instance_identifier_not_found"));
  check_unharmed(cluster, *other);
  CHECK(client->init("order", "a").ok);
  cluster.stop();
}

TEST_CASE("another version is refused as such, and more than the wire allows as too large", "[hostile]") {
  Cluster cluster(with_order());
  cluster.start();
  auto other = cluster.client();
  REQUIRE(other->init("order", "witness").ok);
  auto client = cluster.client();
  check_refusal(*client, protocol::encode_value(Array{2, 1, Value(), Array{}}), "unsupported_version");
  check_refusal(*client, protocol::encode_value(Array{0, 1, Value(), Array{}}), "unsupported_version");
  Array many;
  for (int i = 0; i < 4097; ++i) many.emplace_back(Array{i, 50});
  check_refusal(*client, protocol::encode_value(Array{1, 1, Value(), many}), "too_large");
  many.resize(4096);
  client->send_message(protocol::encode_value(Array{1, 1, Value(), many}));
  for (int i = 0; i < 4096; ++i) REQUIRE(client->receive_any().ok);
  check_unharmed(cluster, *other);
  cluster.stop();
}

TEST_CASE("a fault of one request is answered to that request; its neighbours are executed", "[hostile]") {
  Cluster cluster(with_order());
  cluster.start();
  auto client = cluster.client();
  const Array requests{Array{1, 1, "a", Array{"order"}},
                       Array{2, 249, "a", Array{}},
                       Array{3, 1, Value(), 7},
                       Array{4, 4, "a", Array{}},
                       Array{5},
                       Array{6, "op", "a", Array{}},
                       Array{7, 2, "a", "no array"},
                       Array{8, 2, "a", Array{"pay", "paid"}, "no key"}};
  client->send_message(protocol::encode_value(Array{1, 1, Value(), requests}));
  CHECK(client->receive(1).ok);
  CHECK(client->receive(2).refused("RequestError", "unknown_operation"));
  CHECK(client->receive(4).ok);
  for (const int id : {3, 6, 7, 8}) {
    const WireReply reply = client->receive(static_cast<std::uint64_t>(id));
    INFO(id << ": " << reply.text());
    CHECK(reply.answered);
    CHECK(reply.error.error_class == "RequestError");
  }
  CHECK(client->receive_any().refused("RequestError", "malformed"));  // the one without an operation
  CHECK(states_of(client->get("a").body) == "created");
  cluster.stop();
}

TEST_CASE("deep and wide values in every place are refused, not followed", "[hostile]") {
  Cluster cluster(with_order());
  cluster.start();
  auto other = cluster.client();
  REQUIRE(other->init("order", "witness").ok);
  auto client = cluster.client();
  Value deep_meta = Map{};
  for (int i = 0; i < 40; ++i) deep_meta = Map{{"m", deep_meta}};
  CHECK(client->init("order", "a", deep_meta).error.error_class == "RequestError");
  CHECK(client->init("order", "a", Map{{"big", std::string(70'000, 'x')}}).error.error_class == "RequestError");
  CHECK(client->init("order", "a", Map{{"ok", std::string(60'000, 'x')}}).ok);
  // A request array inside the depth of the message, beyond that of anything sensible.
  client->send_message(std::string("\x94\x01\x01\xc0\x91\x94\x01\x01\xa1z\x91", 11) + std::string(5'000, '\x91') +
                       "\xc0");
  const WireReply reply = client->receive_any();
  INFO(reply.text());
  CHECK(reply.error.error_class == "RequestError");
  check_unharmed(cluster, *other);
  cluster.stop();
}

TEST_CASE("strange frames: many, none of content, garbage before the message", "[hostile]") {
  Cluster cluster(with_order());
  cluster.start();
  auto other = cluster.client();
  REQUIRE(other->init("order", "witness").ok);
  auto client = cluster.client();
  const std::string good = request_message(Array{1, 50});
  for (const std::vector<std::string>& frames : {std::vector<std::string>{""},
                                                 {"", ""},
                                                 {"", "", ""},
                                                 {"junk", good},
                                                 {"", good, "more"},
                                                 {good, good},
                                                 std::vector<std::string>(500, "x"),
                                                 std::vector<std::string>(500, "")})
    client->send_frames(frames);
  // Whatever is answered to those, the next one is served.
  client->send_message(request_message(Array{4711, 50}));
  CHECK(eventually([&] {
    while (const auto frames = client->receive_frames(std::chrono::milliseconds(100))) {
      const auto value = protocol::decode_value(frames->back());
      REQUIRE(value.ok());
      const Value& replies = at(*value, 2);
      for (std::size_t i = 0; i < size_of(replies); ++i)
        if (at(at(replies, i), 0) == Value(4711)) return true;
    }
    return false;
  }));
  check_unharmed(cluster, *other);
  cluster.stop();
}

TEST_CASE("a message above the limit ends that connection and costs no memory", "[hostile]") {
  ClusterOptions options = with_order();
  options.arguments = {"--message-bytes-max", "1MiB"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto other = cluster.client();
  REQUIRE(other->init("order", "witness").ok);
  const std::uint64_t before = resident_bytes(cluster.pid("router"));
  for (int i = 0; i < 5; ++i) {
    WireClient client(cluster.endpoint());
    client.send_message(std::string(64u << 20, 'x'));
    CHECK(other->get("witness").ok);
  }
  CHECK(resident_bytes(cluster.pid("router")) < before + (64u << 20));
  check_unharmed(cluster, *other);
  cluster.stop();
}

TEST_CASE("random bytes and mutated messages never harm anybody", "[hostile]") {
  const unsigned seed = GENERATE(take(2, random(0u, 1'000'000'000u)));
  INFO("seed " << seed);
  Cluster cluster(with_order());
  cluster.start();
  auto other = cluster.client();
  REQUIRE(other->init("order", "witness").ok);
  std::mt19937 random(seed);
  const auto pick = [&](std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random); };
  const std::vector<std::string> good{
      request_message(Array{1, 1, "fuzz", Array{"order", Map{{"a", 1}}}}),
      request_message(Array{2, 2, Array{"fuzz", 1}, Array{"pay", "paid", 7}}),
      request_message(Array{3, 20, Value(), Array{Array{"=", "specification", "order"}, 5, Array{1, 0}}}),
      request_message(Array{4, 4, "fuzz", Array{10, 3}, Value(), 1000}),
      request_message(Array{5, 21, Value(), Array{1, 0, 10}}),
      request_message(Array{6, 32, Value(), Array{"Specification: x\nTransitions:\na --[b]-> c\n"}}),
      request_message(Array{7, 60, Value(), Array{"status"}})};
  auto client = cluster.client();
  for (int i = 0; i < 3000; ++i) {
    std::string message = good[pick(good.size())];
    const std::size_t changes = pick(4);
    for (std::size_t change = 0; change <= changes; ++change) {
      const std::size_t place = pick(message.size());
      switch (pick(4)) {
        case 0:
          message[place] = static_cast<char>(pick(256));
          break;
        case 1:
          message.insert(place, 1, static_cast<char>(pick(256)));
          break;
        case 2:
          message.erase(place, 1 + pick(3));
          break;
        default:
          message.insert(place, message.substr(pick(message.size()), pick(16)));
          break;
      }
      if (message.empty()) message = "x";
    }
    // `stop` through control would be honoured, and so it should be.
    if (message.find("stop") != std::string::npos || message.find("drain") != std::string::npos) continue;
    client->send_message(message);
  }
  while (client->receive_frames(std::chrono::milliseconds(200))) {
  }
  check_unharmed(cluster, *other);
  cluster.stop();
}

TEST_CASE("a client that never reads its replies costs bounded memory and disturbs nobody", "[hostile]") {
  Cluster cluster(with_order());
  cluster.start();
  auto other = cluster.client();
  REQUIRE(other->init("order", "witness").ok);
  REQUIRE(other->init("order", "big", Map{{"text", std::string(60'000, 'x')}}).ok);
  WireClient deaf(cluster.endpoint());
  Array requests;
  for (int i = 0; i < 1000; ++i) requests.emplace_back(Array{i, 4, "big", Array{}});
  const std::string message = protocol::encode_value(Array{1, 1, Value(), requests});
  for (int i = 0; i < 30; ++i) deaf.send_message(message);  // 1.8 GB of answers
  int served = 0;
  REQUIRE(eventually([&] {
    const WireReply reply = other->get("witness");
    INFO(reply.text());
    REQUIRE((reply.ok || reply.refused("ClusterError", "overloaded")));
    return reply.ok && ++served == 50;
  }));
  CHECK(resident_bytes(cluster.pid("router")) < (1u << 30));
  check_unharmed(cluster, *other);
  cluster.stop();
}

TEST_CASE("a client that comes and goes many times leaves nothing behind", "[hostile]") {
  Cluster cluster(with_order());
  cluster.start();
  auto other = cluster.client();
  REQUIRE(other->init("order", "witness").ok);
  for (int i = 0; i < 300; ++i) {
    WireClient client(cluster.endpoint(), static_cast<std::uint64_t>(i) + 1);
    for (int j = 0; j < 5; ++j) client.send(Operation::get_instance, "witness", Array{});
    // Gone without having read a reply.
  }
  check_unharmed(cluster, *other);
  cluster.stop();
}

TEST_CASE("more requests than fit are answered overloaded, none is dropped silently", "[hostile]") {
  ClusterOptions options = with_order(1);
  options.arguments = {"--queue-max", "100", "--heartbeat-timeout", "1h"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  const pid_t worker = cluster.signal_child("shard-1", SIGSTOP);
  constexpr int kSent = 2000;
  std::vector<std::uint64_t> sent;
  for (int i = 0; i < kSent; ++i) sent.push_back(client->send(Operation::get_instance, "o", Array{1}));
  // The refusals come while the shard still stands.
  int refused = 0;
  REQUIRE(eventually([&] {
    client->pump(std::chrono::milliseconds(100));
    return client->replies_received() >= kSent - 200;
  }));
  REQUIRE(::kill(worker, SIGCONT) == 0);
  int ok = 0;
  for (const std::uint64_t id : sent) {
    const WireReply reply = client->receive(id);
    REQUIRE(reply.answered);
    if (reply.ok)
      ++ok;
    else if (reply.refused("ClusterError", "overloaded"))
      ++refused;
  }
  CHECK(ok + refused == kSent);
  CHECK(ok >= 100);
  CHECK(refused >= kSent - 200);
  CHECK(client->get("o").ok);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
