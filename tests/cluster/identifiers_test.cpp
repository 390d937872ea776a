// Identifiers: every kind of value, told apart by its canonical encoding and
// by nothing else; what is no identifier is refused.
#include <catch2/catch.hpp>
#include <limits>

#include "protocol/codec.h"
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

std::vector<Value> different_identifiers() {
  const double infinity = std::numeric_limits<double>::infinity();
  return {Value(),
          true,
          false,
          0,
          1,
          -1,
          1.0,
          0.0,
          -0.0,
          0.1,
          infinity,
          -infinity,
          std::numeric_limits<std::int64_t>::min(),
          std::numeric_limits<std::int64_t>::max(),
          std::numeric_limits<std::uint64_t>::max(),
          "",
          "1",
          "true",
          "nil",
          "Zürich ✓",
          "a\nb",
          protocol::Binary{""},
          protocol::Binary{"1"},
          protocol::Binary{std::string("\x00\xff", 2)},
          Array{},
          Array{1},
          Array{1.0},
          Array{"1"},
          Array{Array{}},
          Array{Value()},
          Array{"order", 8046},
          Array{8046, "order"},
          Map{},
          Map{{"a", 1}},
          Map{{"a", 1.0}},
          Map{{1, "a"}},
          Map{{"a", 1}, {"b", 2}},
          Map{{Array{1, 2}, Map{{Value(), true}}}},
          "order-8046",
          "order-10525"};  // these two collide in the original
}

TEST_CASE("identifiers of every kind are instances of their own", "[identifiers]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  const std::vector<Value> identifiers = different_identifiers();
  for (std::size_t i = 0; i < identifiers.size(); ++i) {
    const WireReply made = client->init("order", identifiers[i], Map{{"number", static_cast<std::int64_t>(i)}});
    INFO("identifier " << i << ": " << made.text());
    REQUIRE(made.ok);
  }
  for (std::size_t i = 0; i < identifiers.size(); ++i) {
    const WireReply got = client->get(identifiers[i]);
    INFO("identifier " << i << ": " << got.text());
    REQUIRE(got.ok);
    CHECK(at(at(got.body, "meta"), "number") == Value(static_cast<std::int64_t>(i)));
    CHECK(at(got.body, "identifier") == identifiers[i]);
  }
  CHECK(size_of(client->all().body) == identifiers.size());
  cluster.stop();
}

TEST_CASE("one value in different encodings is one instance", "[identifiers]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  struct Row {
    Value value;
    std::vector<std::string> encodings;
  };
  const std::vector<Row> rows{
      {1,
       {"\x01", "\xcc\x01", std::string("\xcd\x00\x01", 3), std::string("\xd3\x00\x00\x00\x00\x00\x00\x00\x01", 9),
        std::string("\xcf\x00\x00\x00\x00\x00\x00\x00\x01", 9), std::string("\xd2\x00\x00\x00\x01", 5)}},
      {-1, {"\xff", "\xd0\xff", "\xd1\xff\xff"}},
      {200, {"\xcc\xc8", std::string("\xd1\x00\xc8", 3), std::string("\xcd\x00\xc8", 3)}},
      {1.5, {std::string("\xca\x3f\xc0\x00\x00", 5), std::string("\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", 9)}},
      {"ab",
       {"\xa2"
        "ab",
        "\xd9\x02"
        "ab",
        std::string("\xda\x00\x02"
                    "ab",
                    5),
        std::string("\xdb\x00\x00\x00\x02"
                    "ab",
                    7)}},
      {protocol::Binary{"ab"},
       {"\xc4\x02"
        "ab",
        std::string("\xc5\x00\x02"
                    "ab",
                    5)}},
      {Array{1, 2}, {"\x92\x01\x02", std::string("\xdc\x00\x02\x01\xcc\x02", 6)}},
      {Map{{"a", 1}, {"b", 2}},
       {"\x82\xa1"
        "a\x01\xa1"
        "b\x02",
        "\x82\xa1"
        "b\x02\xa1"
        "a\x01",
        std::string("\xde\x00\x02\xa1"
                    "b\x02\xd9\x01"
                    "a\xcc\x01",
                    11)}},
  };
  for (const Row& row : rows) {
    INFO("identifier " << protocol::encode_value(row.value).size() << " bytes, kind " << row.value.content.index());
    REQUIRE(client->init("order", Encoded::raw(row.encodings.back())).ok);
    for (const std::string& encoding : row.encodings) {
      const WireReply got = client->get(Encoded::raw(encoding));
      INFO(got.text());
      REQUIRE(got.ok);
      CHECK(at(got.body, "identifier") == row.value);
      CHECK(
          client->init("order", Encoded::raw(encoding)).refused("InstanceError", "instance_identifier_already_in_use"));
    }
  }
  CHECK(size_of(client->all().body) == rows.size());
  cluster.stop();
}

TEST_CASE("an identifier may have 1 KiB in its canonical encoding and no more", "[identifiers]") {
  Cluster cluster(with_order(1));
  cluster.start();
  auto client = cluster.client();
  const std::string longest(1021, 'x');  // and a header of three bytes
  CHECK(client->init("order", longest).ok);
  CHECK(client->get(longest).ok);
  CHECK(client->init("order", longest + "x").refused("RequestError", "too_large"));
  CHECK(client->get(longest + "x").refused("RequestError", "too_large"));
  CHECK(client->init("order", std::string(100'000, 'x')).refused("RequestError", "too_large"));
  // It is the canonical form that counts: this one arrives in 1026 bytes.
  CHECK(client->get(Encoded::raw(std::string("\xdb\x00\x00\x03\xfd", 5) + longest)).ok);
  cluster.stop();
}

TEST_CASE("what is no identifier is refused, with no effect on the next request", "[identifiers]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  const std::vector<std::string> none{
      std::string("\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", 9),       // NaN
      std::string("\xca\x7f\xc0\x00\x00", 5),                       // NaN as float32
      std::string("\x91\xcb\xff\xf8\x00\x00\x00\x00\x00\x01", 10),  // NaN inside
      std::string("\xd4\x01\x00", 3),                               // extension
      std::string("\x91\xc7\x01\x05x", 5),                          // extension inside
      "\xa1\xff",                                                   // no UTF-8
      "\x82\xa1"
      "a\x01\xa1"
      "a\x02",  // a key twice
      "\x82\xa1"
      "a\x01\xd9\x01"
      "a\x02",                           // twice, encoded differently
      std::string(33, '\x91') + "\x01",  // nested too deep
  };
  for (const std::string& encoding : none) {
    for (const Operation operation : {Operation::init_instance, Operation::get_instance, Operation::delete_instance}) {
      client->send(operation, Encoded::raw(encoding), operation == Operation::init_instance ? Array{"order"} : Array{});
      // An extension makes the whole message unreadable, the rest one request.
      const WireReply reply = client->receive_any();
      INFO("encoding of " << encoding.size() << " bytes: " << reply.text());
      REQUIRE(reply.answered);
      CHECK(reply.error.error_class == "RequestError");
      CHECK((reply.error.reason == "invalid_argument" || (reply.error.reason == "malformed" && reply.id.is_nil())));
    }
  }
  CHECK(client->init("order", Encoded::raw(std::string(32, '\x91') + "\x01")).ok);
  CHECK(size_of(client->all().body) == 1);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
