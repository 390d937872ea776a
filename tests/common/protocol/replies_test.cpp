#include "protocol/replies.h"

#include <catch2/catch.hpp>

#include "bytes.h"
#include "protocol/codec.h"

using namespace spex::protocol;
using spex::base::Error;
using spex::base::Reason;
using spex::base::ShardId;

namespace {

ServerMessage read(std::string_view message) {
  ServerMessage out;
  const auto result = read_server_message(message, out);
  REQUIRE(result.ok());
  return out;
}

}  // namespace

TEST_CASE("replies come out of a message as they went in", "[replies]") {
  ReplyMessageWriter writer;
  append_ok(writer.add_in_place(), "\x01");
  append_error_reply(writer.add_in_place(), "\x02",
                     Error(Reason::overloaded, "queue of shard 3 is full").with("shard", "3"));
  std::string scattered;
  std::string reported = "\x91";
  append_error(reported, Reason::impl_model_not_found, {});
  append_reply(scattered, {"\x03", true, "\x07", reported, encode_missing({{ShardId(2), Reason::draining}})});
  writer.add(scattered);
  const std::string message(writer.message());
  const ServerMessage read_back = read(message);
  REQUIRE(read_back.replies.size() == 3);

  const auto first = decode_reply(read_back.replies[0]);
  CHECK(first->ok);
  CHECK(first->body.is_nil());
  const auto second = decode_reply(read_back.replies[1]);
  REQUIRE(second->error);
  CHECK(second->error->known() == Reason::overloaded);
  CHECK(second->error->context.find("shard")->string()->compare("3") == 0);
  CHECK(read_back.replies[1].id_number() == 2u);
  const auto third = decode_reply(read_back.replies[2]);
  CHECK(third->body == Value(7));
  REQUIRE(third->reported.size() == 1);
  CHECK(third->reported[0].known() == Reason::impl_model_not_found);
  REQUIRE(third->missing.size() == 1);
  CHECK(third->missing[0] == MissingShard{ShardId(2), Reason::draining});
}

TEST_CASE("notices and credits are read back", "[replies]") {
  const std::string notice = encode_notice(5, 9, Error(Reason::overloaded, "no credit"));
  const ServerMessage told = read(notice);
  CHECK(told.type == MessageType::notice);
  CHECK(told.first == 5);
  CHECK(told.last == 9);
  CHECK(decode_error(told.error)->known() == Reason::overloaded);
  CHECK(read(encode_credit(4096)).credit == 4096);
}

TEST_CASE("a refusal answers id nil with the reason", "[replies]") {
  const std::string message = encode_refusal(Error(Reason::unsupported_version, "version 9"));
  const ServerMessage told = read(message);
  REQUIRE(told.replies.size() == 1);
  CHECK(to_hex(told.replies[0].id) == "c0");
  CHECK(decode_reply(told.replies[0])->error->known() == Reason::unsupported_version);
}

TEST_CASE("an error of a newer server keeps its names", "[replies]") {
  const auto error = decode_error(encode_value(Array{"CloudError", "raining", Map{{"mm", 3}}, "more"}));
  REQUIRE(error.ok());
  CHECK(error->reason == "raining");
  CHECK_FALSE(error->known());
}

TEST_CASE("what is no server message is refused", "[replies]") {
  ServerMessage out;
  for (const Value& value :
       {Value("x"), Value(Array{1}), Value(Array{1, 9, 1}), Value(Array{1, 2, 5}), Value(Array{1, 2, Array{Array{1}}}),
        Value(Array{1, 2, Array{Array{1, 7}}}), Value(Array{1, 3, 1, 2}), Value(Array{1, 4, -1})}) {
    CHECK_FALSE(read_server_message(encode_value(value), out).ok());
  }
  CHECK(read_server_message(encode_value(Array{2, 2, Array{}}), out).error().reason == Reason::unsupported_version);
  CHECK(read_server_message(encode_value(Array{1, 2, Array{Array{1, 0, nullptr, nullptr, nullptr, "new"}}, "new"}), out)
            .ok());
}

TEST_CASE("messages about errors are UTF-8 whatever they quote", "[replies]") {
  const ErrorBody error = ErrorBody::of(Error(Reason::invalid_argument, "specification 'a\xff'").with("name", "\xfe"));
  CHECK(*error.context.find("message") == Value("specification 'a?'"));
  CHECK(*error.context.find("name") == Value("?"));
}

TEST_CASE("a page is taken apart and given another cursor", "[replies]") {
  std::string body;
  const std::string instances = encode_value(Array{1, 2});
  append_page(body, {instances, Cursor{ShardId(3), 500}});
  const auto page = read_page(body);
  REQUIRE(page.ok());
  CHECK(page->instances == instances);
  CHECK(page->next == Cursor{ShardId(3), 500});
  std::string last;
  append_page(last, {page->instances, std::nullopt});
  CHECK_FALSE(read_page(last)->next);
  CHECK(decode_cursor(encode_cursor({ShardId(7), 8})).value() == Cursor{ShardId(7), 8});
  for (const Value& value :
       {Value("x"), Value(Array{0, 1}), Value(Array{1}), Value(Array{1, -1}), Value(Array{70000, 1})}) {
    CHECK(decode_cursor(encode_value(value)).error().reason == Reason::invalid_argument);
  }
}

TEST_CASE("an instance is a map with its records newest first", "[replies]") {
  std::string out;
  append_instance(out, {"order", encode_value("o-1"), {}, "paid", 2}, 2);
  append_record(out, "pay", "paid", 20, 19);
  append_record(out, "__initialisation__", "new", 10, std::nullopt);
  CHECK(*decode_value(out) ==
        Value(Map{{"specification", "order"},
                  {"identifier", "o-1"},
                  {"meta", nullptr},
                  {"current_state", "paid"},
                  {"transitions_total", 2},
                  {"transitions", Array{Array{"pay", "paid", 20, 19}, Array{"__initialisation__", "new", 10}}}}));
}
