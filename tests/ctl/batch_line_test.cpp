#include "ctl/batch_line.h"

#include <catch2/catch.hpp>

#include "ctl/reply_queue.h"
#include "protocol/codec.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using client::Ordering;
using protocol::Array;
using protocol::Map;
using protocol::Value;

base::Result<client::Paged> request(
    std::string_view text, client::Callback done = [](client::Answer&) {}) {
  std::optional<Value> ref;
  auto line = parse_batch_line(text, ref);
  if (!line.ok()) return line.error();
  return make_batch_request(*line, std::move(done));
}

Value arguments(std::string_view text) {
  const auto made = request(text);
  REQUIRE(made.ok());
  if (made->first.arguments.empty()) return {};
  return *protocol::decode_value(made->first.arguments);
}

TEST_CASE("operations become requests with their arguments in the order of the wire", "[batch]") {
  CHECK(arguments(R"({"op":"init_instance","args":{"initial_state":"s","id":1,"spec":"x"}})") ==
        Value(Array{"x", Value(), "s"}));
  CHECK(arguments(R"({"op":"transition","args":{"id":1,"state":"s","action":"a"}})") == Value(Array{"a", "s"}));
  CHECK(arguments(R"({"op":"mock_instance","args":{"id":1,"spec":"x","state":"s","meta":null}})") ==
        Value(Array{"x", "s"}));
  CHECK(arguments(R"({"op":"get_instance","args":{"id":1,"limit":5,"before":9}})") == Value(Array{5, 9}));
  CHECK(arguments(R"({"op":"set_learning_mode","args":{"spec":"x","learning_mode":true}})") == Value(Array{"x", true}));
  CHECK(arguments(R"({"op":"import_impl_model","args":{"text":"t"}})") == Value(Array{"t"}));
  CHECK(arguments(R"({"op":"delete_instances","args":{"filter":{}}})") == Value(Array{Map{}}));
  CHECK(arguments(R"({"op":"delete_instances","args":{"filter":null}})").is_nil());
}

TEST_CASE("identifiers of different kinds are different, equal ones the same", "[batch]") {
  const auto identifier = [](const std::string& id) {
    return request(R"({"op":"get_instance","args":{"id":)" + id + "}}")->first.identifier;
  };
  CHECK(identifier("1") != identifier("1.0"));
  CHECK(identifier("0.0") != identifier("-0.0"));
  CHECK(identifier("\"a\"") != identifier(R"({"$bin":"YQ=="})"));
  CHECK(identifier(R"({"b":1,"a":2})") == identifier(R"({"a":2,"b":1})"));
  CHECK_FALSE(identifier("null").empty());
}

TEST_CASE("keyed lines are ordered by identifier, all others wait for everything", "[batch]") {
  CHECK(request(R"({"op":"delete_instance","args":{"id":1}})")->first.ordering == Ordering::by_identifier);
  CHECK(request(R"({"op":"get_instance","args":{"id":1}})")->first.ordering == Ordering::by_identifier);
  for (const char* op : {"all_instances", "all_impl_models", "export_impl_models"}) {
    CHECK(request(std::string(R"({"op":")") + op + "\"}")->first.ordering == Ordering::after_everything);
  }
}

TEST_CASE("specification, short filter and filter text are joined", "[batch]") {
  CHECK(arguments(R"({"op":"all_instances","args":{"spec":"x"}})") == Value(Array{Array{"=", "specification", "x"}}));
  CHECK(arguments(R"({"op":"all_instances","args":{"filter":{"current_state":"q"},"limit":3}})") ==
        Value(Array{Map{{"current_state", "q"}}, 3}));
  CHECK(arguments(R"({"op":"all_instances","args":{"spec":"x","filter":{"where":"current_state = \"q\""}}})") ==
        Value(Array{Array{"and", Array{"=", "specification", "x"}, Array{"=", "current_state", "q"}}}));
}

TEST_CASE("what is no request is malformed", "[batch]") {
  for (const char* text :
       {"", "no json", "[]", "{}", R"({"op":5})", R"({"op":"transition","args":[]})", R"({"op":"frobnicate"})",
        R"({"op":"get_instance"})", R"({"op":"get_instance","args":{"id":1,"idd":2}})", R"({"op":"ping","x":1})",
        R"({"op":"get_instance","args":{"id":18446744073709551616}})",
        R"({"op":"get_instance","args":{"id":{"a":1,"a":2}}})",
        R"({"op":"all_instances","args":{"filter":{"where":"no ( filter"}}})",
        R"({"op":"delete_instances","args":{"filter":{"where":"idle > 1d","specification":"x"}}})"}) {
    INFO(text);
    const auto made = request(text);
    REQUIRE_FALSE(made.ok());
    CHECK(made.error().reason == base::Reason::malformed);
  }
}

TEST_CASE("a refusal of a readable line keeps its ref", "[batch]") {
  std::optional<Value> ref;
  CHECK_FALSE(parse_batch_line(R"({"op":5,"ref":[1,null]})", ref).ok());
  REQUIRE(ref);
  const auto reply = protocol::parse_json(batch_refusal(base::fail(base::Reason::malformed, "why"), ref));
  REQUIRE(reply.ok());
  CHECK(*reply->find("ref") == Value(Array{1, Value()}));
  CHECK(*reply->find("status") == Value("error"));
  CHECK(*reply->find("error")->find("class") == Value("RequestError"));
  CHECK(*reply->find("error")->find("reason") == Value("malformed"));
  CHECK(*reply->find("reported") == Value(Array{}));
}

TEST_CASE("an instance is shown with three-part records and readable times", "[batch]") {
  client::Answer answer;
  answer.ok = true;
  answer.body = Map{{"specification", "x"},
                    {"identifier", 1},
                    {"meta", Value()},
                    {"current_state", "s"},
                    {"transitions", Array{Array{"a", "s", std::int64_t{1'700'000'000'000'001}, 5}}},
                    {"transitions_total", 1}};
  CHECK(batch_reply("get_instance", answer, std::nullopt) ==
        R"({"status":"ok","instance":{"specification":"x","identifier":1,"meta":null,"current_state":"s",)"
        R"("transitions":[["a","s","2023-11-14T22:13:20.000001Z"]]},"reported":[]})");
}

TEST_CASE("models are sorted by specification, their transitions by text line", "[batch]") {
  client::Answer answer;
  answer.ok = true;
  const auto model = [](const char* name) {
    return Map{{"specification", name},
               {"learning_mode", false},
               {"transitions", Array{Array{"s", "a", "t"}, Array{Value(), "__initialisation__", "s"}}}};
  };
  answer.body = Array{model("b"), model("a")};
  CHECK(batch_reply("all_impl_models", answer, std::nullopt) ==
        R"({"status":"ok","models":[{"specification":"a","learning_mode":false,"transitions":)"
        R"([[null,"__initialisation__","s"],["s","a","t"]]},{"specification":"b","learning_mode":false,)"
        R"("transitions":[[null,"__initialisation__","s"],["s","a","t"]]}],"reported":[]})");
}

TEST_CASE("shards that did not take part are named, an empty list is left out", "[batch]") {
  client::Answer answer;
  answer.ok = true;
  answer.body = 3;
  CHECK(batch_reply("delete_instances", answer, std::nullopt) == R"({"status":"ok","deleted":3,"reported":[]})");
  answer.missing = {{base::ShardId(2), base::Reason::shard_unavailable}};
  CHECK(
      batch_reply("delete_instances", answer, Value("r")) ==
      R"({"status":"ok","deleted":3,"reported":[],"missing_shards":[{"shard":2,"reason":"shard_unavailable"}],"ref":"r"})");
}

TEST_CASE("replies come in the order of the lines", "[batch]") {
  ReplyQueue queue;
  const auto first = queue.add();
  const auto second = queue.add();
  queue.set(second, "two");
  CHECK(queue.bytes() == 3);
  CHECK_FALSE(queue.next());
  queue.set(first, "one");
  CHECK(queue.next() == "one");
  CHECK(queue.next() == "two");
  CHECK_FALSE(queue.next());
  const auto third = queue.add();
  queue.set(third, "three");
  CHECK(queue.next() == "three");
  CHECK(queue.bytes() == 0);
}

}  // namespace
}  // namespace spex::ctl
