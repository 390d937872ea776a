#include "protocol/arguments.h"

#include <catch2/catch.hpp>

#include "protocol/codec.h"

using namespace spex::protocol;
using spex::base::Reason;
using spex::base::ShardId;

namespace {

template <typename Arguments>
Arguments there_and_back(const Arguments& arguments, std::string& bytes) {
  encode(arguments, bytes);
  Arguments read;
  REQUIRE(decode(bytes, read).ok());
  return read;
}

template <typename Arguments>
Reason refusal(const Value& value) {
  Arguments read;
  const auto result = decode(encode_value(value), read);
  REQUIRE_FALSE(result.ok());
  return result.error().reason;
}

}  // namespace

TEST_CASE("arguments survive the wire", "[arguments]") {
  std::string bytes;
  const std::string meta = encode_value(Map{{"a", 1}});
  const auto init = there_and_back(InitArguments{"order", meta, "new", -5}, bytes);
  CHECK(init.specification == "order");
  CHECK(init.meta == meta);
  CHECK(init.initial_state == "new");
  CHECK(init.occurred_at == -5);

  bytes.clear();
  const auto transition = there_and_back(TransitionArguments{"pay", "paid", 77}, bytes);
  CHECK(transition.action == "pay");
  CHECK(transition.to_state == "paid");
  CHECK(transition.occurred_at == 77);

  bytes.clear();
  const auto page = there_and_back(AllInstancesArguments{encode_value(Map{}), 10, Cursor{ShardId(2), 9}}, bytes);
  CHECK(page.limit == 10);
  CHECK(page.cursor == Cursor{ShardId(2), 9});

  bytes.clear();
  const auto events = there_and_back(ReadEventsArguments{4, 1000, 5}, bytes);
  CHECK(events.shard == 4);
  CHECK(events.after == 1000);
  CHECK(events.limit == 5);

  bytes.clear();
  CHECK(there_and_back(RemoveSpecificationArguments{"order", true}, bytes).force);
  bytes.clear();
  CHECK(there_and_back(GetArguments{0, 12}, bytes).before == 12);
  bytes.clear();
  CHECK(there_and_back(MockArguments{"order", "paid", meta}, bytes).state == "paid");
}

TEST_CASE("what is left out has its default", "[arguments]") {
  GetArguments get;
  REQUIRE(decode({}, get).ok());
  CHECK(get.limit == kPageRecordsMax);
  CHECK(get.before == 0);
  InitArguments init;
  REQUIRE(decode(encode_value(Array{"order", nullptr, nullptr, nullptr, "future"}), init).ok());
  CHECK(init.meta.empty());
  CHECK(init.initial_state.empty());
  CHECK_FALSE(init.occurred_at);
  AllInstancesArguments all;
  REQUIRE(decode(encode_value(Array{nullptr, 5'000'000}), all).ok());
  CHECK(all.limit == kPageInstancesMax);
  CHECK(all.filter.empty());
}

TEST_CASE("wrong types and missing arguments are refused", "[arguments]") {
  CHECK(refusal<InitArguments>(Array{}) == Reason::invalid_argument);
  CHECK(refusal<InitArguments>(Array{1}) == Reason::invalid_argument);
  CHECK(refusal<InitArguments>(Array{Binary{"order"}}) == Reason::invalid_argument);
  CHECK(refusal<InitArguments>(Array{"order", "meta"}) == Reason::invalid_argument);
  CHECK(refusal<InitArguments>(Array{"order", nullptr, ""}) == Reason::invalid_argument);
  CHECK(refusal<InitArguments>(Array{"order", nullptr, nullptr, 1.5}) == Reason::invalid_argument);
  CHECK(refusal<InitArguments>(Array{"order", Map{{"a", std::string(kMetaBytesMax, 'x')}}}) == Reason::too_large);
  CHECK(refusal<TransitionArguments>(Array{"pay"}) == Reason::invalid_argument);
  CHECK(refusal<TransitionArguments>(Array{nullptr, "paid"}) == Reason::invalid_argument);
  CHECK(refusal<GetArguments>(Array{-1}) == Reason::invalid_argument);
  CHECK(refusal<AllInstancesArguments>(Array{nullptr, 0}) == Reason::invalid_argument);
  CHECK(refusal<AllInstancesArguments>(Array{nullptr, nullptr, "cursor"}) == Reason::invalid_argument);
  CHECK(refusal<DeleteInstancesArguments>(Array{}) == Reason::invalid_argument);
  CHECK(refusal<DeleteInstancesArguments>(Array{nullptr}) == Reason::invalid_argument);
  CHECK(refusal<SetLearningModeArguments>(Array{"order", 1}) == Reason::invalid_argument);
  CHECK(refusal<ReadEventsArguments>(Array{0, 1}) == Reason::invalid_argument);
}
