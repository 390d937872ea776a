#include "ctl/event_positions.h"

#include <catch2/catch.hpp>

using spex::client::EventPositions;
using spex::ctl::was_shown_elsewhere;
using spex::protocol::Array;
using spex::protocol::Map;
using spex::protocol::Value;

namespace {

Value moved_from(Array origins) { return Value(Map{{"reason", "timeout"}, {"moved_from", Value(std::move(origins))}}); }

}  // namespace

TEST_CASE("an event that was read in a dissolved shard is known where it moved to", "[events]") {
  const EventPositions read{{1, 100}, {3, 15}, {4, 7}};
  CHECK(was_shown_elsewhere(moved_from({3, 15}), read, 2));
  CHECK_FALSE(was_shown_elsewhere(moved_from({3, 16}), read, 2));
  CHECK_FALSE(was_shown_elsewhere(moved_from({5, 1}), read, 2));  // never read
  CHECK_FALSE(was_shown_elsewhere(Value(Map{{"reason", "timeout"}}), read, 2));
  // It moved twice: one origin that was read is enough.
  CHECK(was_shown_elsewhere(moved_from({5, 1, 4, 7}), read, 2));
  CHECK(was_shown_elsewhere(moved_from({4, 2, 6, 9}), read, 2));
  CHECK_FALSE(was_shown_elsewhere(moved_from({5, 1, 4, 8}), read, 2));
}

TEST_CASE("the position of a living shard says nothing of its earlier life", "[events]") {
  const EventPositions read{{3, 20}};
  CHECK_FALSE(was_shown_elsewhere(moved_from({3, 15}), read, 3));
  CHECK(was_shown_elsewhere(moved_from({3, 15}), read, 2));
}

TEST_CASE("an event with an origin that makes no sense is shown", "[events]") {
  const EventPositions read{{3, 20}};
  for (const Value& origin : {Value("3"), Value(Array{}), Value(Array{3}), Value(Array{"3", 1}), Value(Array{3, -1})}) {
    CHECK_FALSE(was_shown_elsewhere(Value(Map{{"moved_from", origin}}), read, 1));
  }
}
