#include "conformance/specification_text.h"

#include <catch2/catch.hpp>
#include <string>

#include "conformance/text_problem.h"

namespace spex::conformance {
namespace {

using base::Reason;

constexpr const char* kOrder =
    "# how an order moves\n"
    "Specification: order\n"
    "Initial state: open\n"
    "Transition timeout: 30s\n"
    "Timeout at end: report\n"
    "Prune timeout: 2d\n"
    "Prunable state: closed\n"
    "Prunable state: lost\n"
    "On deviation_still_equivalent: report\n"
    "On transition_timeout: accept\n"
    "\n"
    "Transitions:\n"
    "open --[pay]-> paid\n"
    "# not yet: paid --[refund]-> open\n"
    "paid --[ship]-> closed\n";

TEST_CASE("a specification text is read with all its options", "[specification_text]") {
  const auto read = read_specification_text(kOrder, "order.spec");
  REQUIRE(read.ok());
  CHECK(read->name() == "order");
  CHECK(read->initial_state() == "open");
  CHECK(read->transitions().size() == 2);
  CHECK(read->terminal_states() == std::vector<std::string>{"closed"});
  CHECK(read->state_count() == 3);
  CHECK(read->action_count() == 2);
  const SpecificationOptions& options = read->options();
  CHECK(options.transition_timeout.microseconds == 30'000'000);
  CHECK(options.timeout_at_end);
  CHECK(options.prune_timeout.microseconds == 172'800'000'000);
  CHECK(options.prunable == Prunable::listed);
  CHECK(options.prunable_states == std::vector<std::string>{"closed", "lost"});
  CHECK_FALSE(options.error_policy.accepts(Reason::deviation_still_equivalent));
  CHECK(options.error_policy.accepts(Reason::transition_timeout));
  CHECK(options.error_policy.accepts(Reason::impl_model_not_found));
  CHECK_FALSE(options.error_policy.accepts(Reason::deviation_not_equivalent));
}

TEST_CASE("a specification comes back the same from its text", "[specification_text]") {
  const auto first = read_specification_text(kOrder, "order.spec");
  REQUIRE(first.ok());
  const auto text = write_specification_text(*first);
  REQUIRE(text.ok());
  const auto second = read_specification_text(*text, "order.spec");
  REQUIRE(second.ok());
  CHECK(*second == *first);
}

TEST_CASE("the initial state is the source of the first transition by default", "[specification_text]") {
  const auto read = read_specification_text("Specification: s\nTransitions:\nb --[x]-> a\na --[y]-> b\n", "s.spec");
  REQUIRE(read.ok());
  CHECK(read->initial_state() == "b");
  CHECK(read->options() == SpecificationOptions{});
  CHECK(read->terminal_states().empty());
}

TEST_CASE("a state that would read as a comment is not written", "[specification_text]") {
  const auto made = Specification::make("s", "", {{"#1", "a", "b"}});
  REQUIRE(made.ok());
  const auto text = write_specification_text(*made);
  REQUIRE_FALSE(text.ok());
  CHECK(text.error().reason == Reason::specification_invalid);
}

TEST_CASE("repeated transitions of a specification are kept once, in the order given", "[specification_text]") {
  const auto made = Specification::make("s", "", {{"b", "x", "c"}, {"a", "x", "b"}, {"b", "x", "c"}, {"a", "x", "b"}});
  REQUIRE(made.ok());
  CHECK(made->transitions() == std::vector<NamedTransition>{{"b", "x", "c"}, {"a", "x", "b"}});
}

TEST_CASE("every bad specification line is named with its number", "[specification_text]") {
  struct Row {
    std::string text;
    Reason reason;
    std::size_t line;
    const char* reason_contains;
  };
  const std::string tail = "Transitions:\na --[x]-> b\n";
  const auto bad = Reason::specification_deserialisation_failed;
  const Row rows[] = {
      {"", bad, 1, "Specification: <name>"},
      {"Initial state: a\n", bad, 1, "expected 'Specification: <name>'"},
      {"Specification: s\n", bad, 1, "Transitions:"},
      {"Specification: a/b\n" + tail, bad, 1, "contains '/'"},
      {"Specification: s\nTransitions:\n", Reason::specification_invalid, 0, "at least one transition"},
      {"Specification: s\nInitial state: q\n" + tail, Reason::specification_invalid, 2, "'q' occurs in no"},
      {"Specification: s\nInitial state: a\nInitial state: a\n" + tail, bad, 3, "given twice"},
      {"Specification: s\nTransition timeout: soon\n" + tail, bad, 2, "duration"},
      {"Specification: s\nTransition timeout: 0s\n" + tail, bad, 2, "zero"},
      {"Specification: s\nPrune timeout: -1s\n" + tail, bad, 2, "duration"},
      {"Specification: s\nTimeout at end: accept\n" + tail, bad, 2, "'report' only"},
      {"Specification: s\nPrunable states: some\n" + tail, bad, 2, "'all' or 'terminal'"},
      {"Specification: s\nPrunable states: all\nPrunable state: a\n" + tail, bad, 3, "beside"},
      {"Specification: s\nPrunable state: a\nPrunable states: all\n" + tail, bad, 3, "beside"},
      {"Specification: s\nPrunable state: a\nPrunable state: a\n" + tail, bad, 3, "twice"},
      {"Specification: s\nOn shard_unavailable: accept\n" + tail, bad, 2, "no error of an instance"},
      {"Specification: s\nOn transition_timeout: ignore\n" + tail, bad, 2, "'accept' or 'report'"},
      {"Specification: s\nColour: red\n" + tail, bad, 2, "unknown option 'Colour'"},
      {"Specification: s\nhello\n" + tail, bad, 2, "unknown line 'hello'"},
      {"Specification: s\nTransitions:\nnil --[__initialisation__]-> a\n", bad, 3, "'nil' is no state"},
      {"Specification: s\nTransitions:\na --[x]-> b\r\n", bad, 3, "carriage return"},
      {"Specification: s\nTransitions:\na -> b\n", bad, 3, "expected"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto read = read_specification_text(row.text, "s.spec");
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().reason == row.reason);
    const TextProblem problem = problem_of(read.error(), "s.spec");
    CHECK(problem.line == row.line);
    CHECK_THAT(problem.reason, Catch::Contains(row.reason_contains));
  }
}

}  // namespace
}  // namespace spex::conformance
