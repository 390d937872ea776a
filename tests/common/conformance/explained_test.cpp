#include "conformance/explained.h"

#include <catch2/catch.hpp>

#include "conformance/conformance_check.h"

namespace spex::conformance {
namespace {

Specification named_specification(std::vector<NamedTransition> transitions) {
  auto made = Specification::make("order", "", std::move(transitions));
  REQUIRE(made.ok());
  return std::move(made).value();
}

// A chain of `length` steps `t`, and `action` at its end.
std::vector<NamedTransition> chain(std::size_t length, const std::string& action) {
  std::vector<NamedTransition> steps;
  for (std::size_t i = 0; i < length; ++i) steps.push_back({std::to_string(i), "t", std::to_string(i + 1)});
  steps.push_back({std::to_string(length), action, "end"});
  return steps;
}

TEST_CASE("a verdict says why in words, as a run and as a formula", "[explained]") {
  const Verdict verdict =
      check_conformance({{"", "__initialisation__", "new"},
                         {"new", "pay", "paid"},
                         {"paid", "ship", "shipped"},
                         {"shipped", "deliver", "done"},
                         {"shipped", "refund", "new"}},
                        named_specification({{"s1", "pay", "s2"}, {"s2", "ship", "s3"}, {"s3", "deliver", "s4"}}));
  REQUIRE(verdict.explained != nullptr);
  const Explained& why = *verdict.explained;
  CHECK(why.story ==
        "after `pay`, `ship` the implementation (state `shipped`) can do `refund`; the specification (state `s3`) can "
        "only do `deliver`");
  CHECK(why.kind == "trace");
  CHECK(why.left_is_able);
  CHECK(why.trace == std::vector<std::string>{"pay", "ship"});
  CHECK(why.action == "refund");
  CHECK(why.left_run == std::vector<ExplainedStep>{{"pay", "paid"}, {"ship", "shipped"}, {"refund", "new"}});
  CHECK(why.right_run == std::vector<ExplainedStep>{{"pay", "s2"}, {"ship", "s3"}});
  CHECK(why.left_offers == std::vector<std::string>{"deliver", "refund"});
  CHECK(why.right_offers == std::vector<std::string>{"deliver"});
  CHECK(why.depth == 3);
  CHECK_FALSE(why.formula.empty());
  CHECK(why.note.empty());
}

TEST_CASE("a difference that no trace shows is told as a play", "[explained]") {
  const Verdict verdict =
      check_conformance({{"", "__initialisation__", "q"}, {"q", "a", "x"}, {"q", "__internal__", "r"}, {"r", "b", "y"}},
                        named_specification({{"s", "a", "t"}, {"s", "b", "u"}}));
  REQUIRE(verdict.explained != nullptr);
  CHECK(verdict.explained->kind == "game");
  REQUIRE(verdict.explained->game.size() == 2);
  CHECK(verdict.explained->game[0].left_moves);
  CHECK(verdict.explained->game[0].left == std::vector<ExplainedStep>{{"", "r"}});
  CHECK(verdict.explained->game[0].right_state == "s");
}

TEST_CASE("an equivalent model needs no explanation, a model without one start has its own", "[explained]") {
  const auto order = named_specification({{"s", "a", "t"}});
  CHECK(check_conformance({{"", "__initialisation__", "q"}, {"q", "a", "r"}}, order).explained == nullptr);
  const Verdict verdict = check_conformance({{"q", "a", "r"}}, order);
  REQUIRE(verdict.explained != nullptr);
  CHECK(verdict.explained->kind == "initialisation");
  CHECK(verdict.explained->story == verdict.reason);
}

TEST_CASE("the explanation of a deep difference stays small and says what is left out", "[explained]") {
  std::vector<NamedTransition> model = chain(5'000, "left");
  model.push_back({"", "__initialisation__", "0"});
  const Verdict verdict = check_conformance(model, named_specification(chain(5'000, "right")));
  REQUIRE(verdict.explained != nullptr);
  const Explained& why = *verdict.explained;
  const ExplainedLimits limits;
  CHECK(why.trace.size() == limits.entries_max);
  CHECK(why.left_run.size() == limits.entries_max);
  CHECK(why.right_run.size() == limits.entries_max);
  CHECK(why.story.size() <= limits.story_bytes_max);
  CHECK_THAT(why.story, Catch::Contains("4988 more actions"));
  CHECK(why.formula.empty());
  CHECK_THAT(why.note, Catch::Contains("4900 actions of the trace are left out") && Catch::Contains("formula"));
}

TEST_CASE("a text is cut between characters", "[explained]") {
  CHECK(shortened("abcdef", 6) == "abcdef");
  CHECK(shortened("abcdefg", 6) == "abc…");
  CHECK(shortened("aéééé", 7) == "aé…");
  CHECK(shortened("éééé", 3) == "…");
}

}  // namespace
}  // namespace spex::conformance
