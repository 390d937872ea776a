#include "lts/lts_builder.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace spex::lts;

TEST_CASE("an LTS without transitions has one state", "[lts]") {
  const Lts lts = LtsBuilder().build();
  CHECK(lts.state_count() == 1);
  CHECK(lts.transition_count() == 0);
  CHECK(lts.initial_state() == 0);
  CHECK(lts.outgoing(0).empty());
  CHECK(lts.action_count() == 1);
}

TEST_CASE("transitions are grouped by source in the order of adding", "[lts]") {
  LtsBuilder builder;
  builder.add_transition(2, "a", 0);
  builder.add_transition(0, "b", 1);
  builder.add_transition(2, "tau", 2);
  builder.ensure_states(7);
  const Lts lts = std::move(builder).build();
  CHECK(lts.state_count() == 7);
  REQUIRE(lts.outgoing(2).size() == 2);
  CHECK(lts.action_name(lts.outgoing(2)[0].action) == "a");
  CHECK(lts.outgoing(2)[1] == Transition{kTau, 2});
  CHECK(lts.outgoing(0).size() == 1);
  CHECK(lts.outgoing(1).empty());
  CHECK(lts.outgoing(6).empty());
}

TEST_CASE("every tau name means tau, and no other label does", "[lts]") {
  LtsBuilder builder("__internal__");
  builder.add_tau_name("i");
  CHECK(builder.action("__internal__") == kTau);
  CHECK(builder.action("i") == kTau);
  CHECK(builder.action("tau") != kTau);
  CHECK(builder.action("") != kTau);
  CHECK(std::move(builder).build().action_name(kTau) == "__internal__");
}

TEST_CASE("states keep their names, others are called by number", "[lts]") {
  LtsBuilder builder;
  builder.add_transition("idle", "go", "busy");
  builder.set_initial("busy");
  const Lts lts = std::move(builder).build();
  CHECK(lts.state_name(0) == "idle");
  CHECK(lts.state_name(lts.initial_state()) == "busy");
  LtsBuilder plain;
  plain.add_transition(3, "go", 4);
  CHECK(std::move(plain).build().state_name(4) == "4");
}

TEST_CASE("a string table finds what it interned among many", "[lts]") {
  StringTable table;
  for (int i = 0; i < 5000; ++i) CHECK(table.intern("label" + std::to_string(i)) == static_cast<std::uint32_t>(i));
  for (int i = 0; i < 5000; ++i) CHECK(table.find("label" + std::to_string(i)) == static_cast<std::uint32_t>(i));
  CHECK_FALSE(table.find("label5000"));
  CHECK(table.text(4711) == "label4711");
  CHECK(table.intern("") == 5000);
  CHECK(table.text(5000).empty());
}
