#include "router/scatter.h"

#include <catch2/catch.hpp>

#include "protocol/codec.h"

using namespace spex::router;
using spex::base::Error;
using spex::base::Reason;
using spex::base::ShardId;
using spex::protocol::Array;
using spex::protocol::Reply;
using spex::protocol::Route;
using spex::protocol::Value;

namespace {

constexpr std::string_view kId = "\x07";

std::string ok(const Value& body) {
  std::string reply;
  spex::protocol::append_reply(reply, {kId, true, spex::protocol::encode_value(body), {}, {}});
  return reply;
}
std::string error(Reason reason) {
  std::string reply;
  spex::protocol::append_error_reply(reply, kId, Error(reason, "x"));
  return reply;
}
Reply answer(const Scatter& scatter) {
  std::string out;
  scatter.append_answer(out);
  return *spex::protocol::decode_reply(*spex::protocol::read_reply(out));
}

}  // namespace

TEST_CASE("sums are added, and a missing shard is named", "[router]") {
  Scatter scatter(Route::scatter_sum, 3, kId);
  CHECK(scatter.on_reply(ShardId(2), ok(5)) == ScatterNext::wait);
  CHECK(scatter.on_missing(ShardId(1), Reason::shard_restarted) == ScatterNext::wait);
  CHECK(scatter.on_reply(ShardId(3), ok(7)) == ScatterNext::answer);
  const Reply reply = answer(scatter);
  CHECK(reply.id == Value(7));
  CHECK(reply.body == Value(12));
  REQUIRE(reply.missing.size() == 1);
  CHECK(reply.missing[0] == spex::protocol::MissingShard{ShardId(1), Reason::shard_restarted});
}

TEST_CASE("a shard counts once, whatever it says later", "[router]") {
  Scatter scatter(Route::scatter_sum, 2, kId);
  scatter.on_reply(ShardId(1), ok(5));
  CHECK(scatter.on_reply(ShardId(1), ok(5)) == ScatterNext::wait);
  CHECK(scatter.on_missing(ShardId(1), Reason::shard_restarted) == ScatterNext::wait);
  CHECK(scatter.on_reply(ShardId(2), ok(1)) == ScatterNext::answer);
  CHECK(answer(scatter).body == Value(6));
}

TEST_CASE("no shard at all is an error, unknown if one may have executed it", "[router]") {
  Scatter scatter(Route::scatter_sum, 2, kId);
  scatter.on_missing(ShardId(1), Reason::shard_unavailable);
  scatter.on_missing(ShardId(2), Reason::deadline_exceeded);
  const Reply reply = answer(scatter);
  REQUIRE_FALSE(reply.ok);
  CHECK(reply.error->known() == Reason::deadline_exceeded);
  CHECK(reply.missing.size() == 2);
}

TEST_CASE("a definite refusal by a shard is the answer", "[router]") {
  const Route route = GENERATE(Route::scatter_sum, Route::merge_one, Route::merge_all);
  Scatter scatter(route, 2, kId);
  scatter.on_reply(ShardId(1), ok(1));
  CHECK(scatter.on_reply(ShardId(2), error(Reason::invalid_argument)) == ScatterNext::answer);
  CHECK(answer(scatter).error->known() == Reason::invalid_argument);
}

TEST_CASE("a shard that says that it cannot take part is missing", "[router]") {
  Scatter scatter(Route::scatter_sum, 2, kId);
  scatter.on_reply(ShardId(1), error(Reason::draining));
  scatter.on_reply(ShardId(2), ok(1));
  const Reply reply = answer(scatter);
  CHECK(reply.ok);
  REQUIRE(reply.missing.size() == 1);
  CHECK(reply.missing[0].reason == Reason::draining);
}

TEST_CASE("merge_one gathers what is there, merges it once, and names who was missing", "[router]") {
  Scatter scatter(Route::merge_one, 3, kId);
  scatter.on_reply(ShardId(3), ok("c"));
  scatter.on_missing(ShardId(2), Reason::shard_unavailable);
  REQUIRE(scatter.on_reply(ShardId(1), ok("a")) == ScatterNext::second_round);
  const std::string gathered = scatter.begin_second({ShardId(3)});
  CHECK(*spex::protocol::decode_value(gathered) == Value(Array{"a", "c"}));
  CHECK(scatter.round() == 2);
  REQUIRE(scatter.on_reply(ShardId(3), ok("ac")) == ScatterNext::answer);
  const Reply reply = answer(scatter);
  CHECK(reply.body == Value("ac"));
  REQUIRE(reply.missing.size() == 1);
  CHECK(reply.missing[0].shard == ShardId(2));
}

TEST_CASE("merge_all does nothing anywhere if one shard is missing in round 1", "[router]") {
  // Round 1 has no effect, so even an unknown end of a shard is "not executed" of the whole.
  const Reason reason = GENERATE(Reason::shard_unavailable, Reason::shard_restarted, Reason::deadline_exceeded);
  Scatter scatter(Route::merge_all, 2, kId);
  scatter.on_reply(ShardId(1), ok(1));
  REQUIRE(scatter.on_missing(ShardId(2), reason) == ScatterNext::answer);
  const Reply reply = answer(scatter);
  CHECK(reply.error->known() == Reason::shard_unavailable);
  REQUIRE(reply.missing.size() == 1);
  CHECK(reply.missing[0].shard == ShardId(2));
}

TEST_CASE("merge_all that some shard missed in round 2 is of unknown outcome", "[router]") {
  const Reason reason = GENERATE(Reason::shard_unavailable, Reason::shard_restarted, Reason::overloaded);
  Scatter scatter(Route::merge_all, 2, kId);
  scatter.on_reply(ShardId(1), ok(1));
  REQUIRE(scatter.on_reply(ShardId(2), ok(2)) == ScatterNext::second_round);
  scatter.begin_second({ShardId(1), ShardId(2)});
  scatter.on_reply(ShardId(1), ok(1));
  REQUIRE(scatter.on_missing(ShardId(2), reason) == ScatterNext::answer);
  CHECK(answer(scatter).error->known() == Reason::shard_restarted);
}

TEST_CASE("merge_all answers when all have done it", "[router]") {
  Scatter scatter(Route::merge_all, 2, kId);
  scatter.on_reply(ShardId(1), ok(1));
  scatter.on_reply(ShardId(2), ok(2));
  scatter.begin_second({ShardId(1), ShardId(2)});
  CHECK(scatter.on_reply(ShardId(2), ok(nullptr)) == ScatterNext::wait);
  REQUIRE(scatter.on_reply(ShardId(1), ok(nullptr)) == ScatterNext::answer);
  CHECK(answer(scatter).ok);
}
