#include "protocol/requests.h"

#include <catch2/catch.hpp>
#include <random>

#include "bytes.h"
#include "protocol/arguments.h"
#include "protocol/codec.h"

using namespace spex::protocol;
using spex::base::Reason;

namespace {

Reason refusal(std::string_view message) {
  RequestMessageReader reader;
  const auto result = reader.read(message);
  REQUIRE_FALSE(result.ok());
  CHECK(reader.requests().empty());
  return result.error().reason;
}

// The fault of the one request of a message.
Reason fault(const Value& client, const Value& request) {
  const std::string message = encode_value(Array{1, 1, client, Array{request}});
  RequestMessageReader reader;
  REQUIRE(reader.read(message).ok());
  REQUIRE(reader.requests().size() == 1);
  REQUIRE(reader.requests().front().fault);
  return reader.requests().front().fault->reason;
}

}  // namespace

TEST_CASE("what the client packs, the router reads", "[requests]") {
  std::string arguments;
  encode(TransitionArguments{"pay", "paid", 1'700'000'000'000'000}, arguments);
  const std::string identifier = encode_value("order-1");
  RequestMessageWriter writer(77);
  writer.add(1, Operation::transition, identifier, arguments, 9001, 250);
  writer.add(2, Operation::ping, {}, {});
  RequestMessageReader reader;
  const std::string message(writer.message());
  REQUIRE(reader.read(message).ok());
  CHECK(reader.client() == 77u);
  REQUIRE(reader.requests().size() == 2);
  const RequestHeader& first = reader.requests()[0];
  CHECK(first.id == "\x01");
  CHECK(first.operation->operation == Operation::transition);
  CHECK(first.identifier == identifier);
  CHECK(first.arguments == arguments);
  CHECK(first.key == 9001u);
  CHECK(first.timeout_ms == 250u);
  CHECK_FALSE(first.fault);
  const RequestHeader& second = reader.requests()[1];
  CHECK(to_hex(second.bytes) == "920232");
  CHECK(to_hex(second.identifier) == "c0");
  CHECK(second.arguments.empty());

  RequestHeader alone;
  REQUIRE(read_request(first.bytes, true, alone));
  CHECK(alone.arguments == arguments);
}

TEST_CASE("a message head grows with its client and its number of requests", "[requests]") {
  RequestMessageReader reader;
  for (const std::size_t count : {0, 1, 15, 16, 4096}) {
    RequestMessageWriter writer(UINT64_MAX);
    for (std::size_t i = 0; i < count; ++i) writer.add(i, Operation::ping, {}, {});
    const std::string message(writer.message());
    REQUIRE(reader.read(message).ok());
    CHECK(reader.requests().size() == count);
    CHECK(reader.client() == UINT64_MAX);
    CHECK(writer.message() == message);
    writer.clear();
    CHECK(writer.empty());
  }
}

TEST_CASE("a message that cannot be read is refused as a whole", "[requests]") {
  CHECK(refusal("") == Reason::malformed);
  CHECK(refusal(encode_value("hello")) == Reason::malformed);
  CHECK(refusal(encode_value(Array{})) == Reason::malformed);
  CHECK(refusal(encode_value(Array{2, 1, nullptr, Array{}})) == Reason::unsupported_version);
  CHECK(refusal(encode_value(Array{1, 2, nullptr, Array{}})) == Reason::malformed);
  CHECK(refusal(encode_value(Array{1, 1, "me", Array{}})) == Reason::malformed);
  CHECK(refusal(encode_value(Array{1, 1, nullptr, Map{}})) == Reason::malformed);
  CHECK(refusal(encode_value(Array{1, 1, nullptr})) == Reason::malformed);
  CHECK(refusal(encode_value(Array{1, 1, nullptr, Array{}}) + "x") == Reason::malformed);
  CHECK(refusal(encode_value(Array{1, 1, nullptr, Array(4097, Array{1, 50})})) == Reason::too_large);
  // The first request is sound, the second truncated: neither is executed.
  CHECK(refusal(from_hex("940101c0 92 920132 9402a3")) == Reason::malformed);
  CHECK(refusal(from_hex("940101c0 91 9301 32") + std::string(100, '\x91')) == Reason::malformed);
}

TEST_CASE("a faulty request is refused alone", "[requests]") {
  CHECK(fault(nullptr, 7) == Reason::malformed);
  CHECK(fault(nullptr, Array{1}) == Reason::malformed);
  CHECK(fault(nullptr, Array{1, "transition"}) == Reason::malformed);
  CHECK(fault(nullptr, Array{1, -2}) == Reason::malformed);
  CHECK(fault(nullptr, Array{1, 63}) == Reason::unknown_operation);
  CHECK(fault(nullptr, Array{1, 1'000'000}) == Reason::unknown_operation);
  CHECK(fault(nullptr, Array{std::string(64, 'i'), 50}) == Reason::too_large);
  CHECK(fault(nullptr, Array{1, 2, "id", "args"}) == Reason::malformed);
  CHECK(fault(nullptr, Array{1, 2, "id", Array{}, 5}) == Reason::invalid_argument);  // a key without a client
  CHECK(fault(3, Array{1, 2, "id", Array{}, "key"}) == Reason::malformed);
  CHECK(fault(3, Array{1, 2, "id", Array{}, nullptr, -1}) == Reason::malformed);
  CHECK(fault(3, Array{1, 2, "id", Array{}, nullptr, 0}) == Reason::invalid_argument);
  CHECK(fault(nullptr, Array{1, 7, "id", Array{}}) == Reason::invalid_argument);  // async without a client
  CHECK(fault(3, Array{"one", 7, "id", Array{}}) == Reason::invalid_argument);    // nor a number
  CHECK(fault(3, Array{0, 7, "id", Array{}}) == Reason::invalid_argument);
}

TEST_CASE("the neighbours of a faulty request are sound", "[requests]") {
  const std::string message =
      encode_value(Array{1, 1, nullptr, Array{Array{1, "?", Map{}, 5, "x", "y", "z"}, Array{"b", 4, "id"}}});
  RequestMessageReader reader;
  REQUIRE(reader.read(message).ok());
  REQUIRE(reader.requests().size() == 2);
  CHECK(reader.requests()[0].fault);
  CHECK(reader.requests()[0].id == "\x01");
  CHECK_FALSE(reader.requests()[1].fault);
  CHECK(reader.requests()[1].operation->operation == Operation::get_instance);
}

TEST_CASE("a request without operation keeps its id", "[requests]") {
  const std::string message = encode_value(Array{1, 1, nullptr, Array{Array{7}, Array{}, Array{"b", 4, "id"}}});
  RequestMessageReader reader;
  REQUIRE(reader.read(message).ok());
  REQUIRE(reader.requests().size() == 3);
  CHECK(reader.requests()[0].id == "\x07");
  CHECK(reader.requests()[0].fault->reason == Reason::malformed);
  CHECK(reader.requests()[1].id == "\xc0");
  CHECK(reader.requests()[1].fault->reason == Reason::malformed);
  CHECK_FALSE(reader.requests()[2].fault);
}

TEST_CASE("unknown trailing elements are ignored, long timeouts cut, keys of reads dropped", "[requests]") {
  const std::string message = encode_value(Array{
      1, 1, 5, Array{Array{1, 4, "id", Array{}, 8, 999'999'999'999, Map{{"new", 1}}, "more"}}, "future", Array{1}});
  RequestMessageReader reader;
  REQUIRE(reader.read(message).ok());
  const RequestHeader& header = reader.requests().front();
  CHECK_FALSE(header.fault);
  CHECK(header.timeout_ms == kTimeoutMillisecondsMax);
  CHECK_FALSE(header.key);
}

TEST_CASE("damaged bytes never read outside of the message", "[requests]") {
  const std::uint64_t seed = 7;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  std::string arguments;
  encode(InitArguments{"order", encode_value(Map{{"a", 1}}), "s0", 5}, arguments);
  RequestMessageWriter writer(1);
  for (std::uint64_t i = 0; i < 5; ++i) writer.add(i, Operation::init_instance, encode_value("x"), arguments, i);
  const std::string sound(writer.message());
  RequestMessageReader reader;
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = sound.substr(0, random() % 4 == 0 ? random() % sound.size() : sound.size());
    for (std::uint64_t flips = random() % 4; flips > 0 && !damaged.empty(); --flips) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    // A copy of exact size on the heap, so that the address sanitizer sees an overrun.
    const std::vector<char> exact(damaged.begin(), damaged.end());
    const std::string_view view(exact.data(), exact.size());
    if (!reader.read(view)) continue;
    for (const RequestHeader& header : reader.requests()) {
      CHECK(header.bytes.data() >= view.data());
      CHECK(header.bytes.data() + header.bytes.size() <= view.data() + view.size());
    }
  }
}

TEST_CASE("a fingerprint depends on operation, identifier and arguments", "[requests]") {
  const std::uint32_t reference = request_fingerprint(Operation::transition, "id", "args");
  CHECK(request_fingerprint(Operation::transition, "id", "args") == reference);
  CHECK(request_fingerprint(Operation::transition_async, "id", "args") != reference);
  CHECK(request_fingerprint(Operation::transition, "ie", "args") != reference);
  CHECK(request_fingerprint(Operation::transition, "id", "argt") != reference);
}

TEST_CASE("operations are found by number and by name, and only those", "[requests]") {
  for (const OperationInfo& info : all_operations()) {
    CHECK(find_operation(static_cast<std::uint64_t>(info.operation)) == &info);
    CHECK(find_operation(info.name) == &info);
  }
  CHECK(find_operation(std::uint64_t{0}) == nullptr);
  CHECK(find_operation(UINT64_MAX) == nullptr);
  CHECK(find_operation("explode") == nullptr);
}
