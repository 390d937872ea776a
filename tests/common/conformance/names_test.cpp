#include "conformance/names.h"

#include <catch2/catch.hpp>
#include <string>

#include "conformance/transition.h"

namespace spex::conformance {
namespace {

TEST_CASE("what is and is not a name of a state or an action", "[names]") {
  CHECK(name_problem("s0").empty());
  CHECK(name_problem("Überprüfung läuft").empty());
  CHECK(name_problem(" leading and trailing ").empty());
  CHECK(name_problem("a/b").empty());
  CHECK(name_problem("nils").empty());
  CHECK(name_problem("a--[b]->").empty());
  CHECK(name_problem(std::string(255, 'x')).empty());
  CHECK(name_problem("") == "is empty");
  CHECK(name_problem(std::string(256, 'x')) == "is longer than 255 bytes");
  CHECK(name_problem("nil") == "is 'nil', which means no state");
  for (const std::string_view bad : {"a\tb", "a\nb", "\x7f", "a\xc2\x85"}) {
    CHECK(name_problem(bad) == "contains a control character");
  }
  CHECK(name_problem("a --[b") == "contains ' --['");
  CHECK(name_problem("a]-> b") == "contains ']-> '");
  CHECK(name_problem("a\xff") == "is not UTF-8");
}

TEST_CASE("a specification name is also a file name", "[names]") {
  CHECK(specification_name_problem("Elixir.SpexTest.Specifications.Cycle").empty());
  CHECK(specification_name_problem(std::string(200, 'x')).empty());
  CHECK(specification_name_problem(std::string(201, 'x')) == "is longer than 200 bytes");
  CHECK(specification_name_problem("a/b") == "contains '/'");
  CHECK(specification_name_problem(".hidden") == "begins with '.'");
  CHECK(specification_name_problem("..") == "begins with '.'");
  CHECK_FALSE(specification_name_problem("nil").empty());
}

TEST_CASE("text of others is quoted short and clean", "[names]") {
  CHECK(spex::conformance::quoted("a\x01\xff") == "'a\?\?'");
  CHECK(spex::conformance::quoted("ä") == "'ä'");
  CHECK(spex::conformance::quoted(std::string(299, 'x') + "ä") == "'" + std::string(299, 'x') + "…'");
}

TEST_CASE("a transition line splits in one way and comes back the same", "[names]") {
  for (const std::string from : {"s", "a --", "a]->", " ", "-- [", "]", "nil "}) {
    for (const std::string action : {"a", "-[", "]", "]-", " --", "[[]]", "__initialisation__"}) {
      for (const std::string to : {"t", "]->", " x ", "[", "--["}) {
        const NamedTransition transition{from, action, to};
        CAPTURE(transition_line(transition));
        const auto parsed = parse_transition_line(transition_line(transition), true);
        REQUIRE(std::holds_alternative<NamedTransition>(parsed));
        CHECK(std::get<NamedTransition>(parsed) == transition);
      }
    }
  }
}

TEST_CASE("nil stands before an initialisation only", "[names]") {
  const auto parsed = parse_transition_line("nil --[__initialisation__]-> s0", true);
  REQUIRE(std::holds_alternative<NamedTransition>(parsed));
  CHECK(std::get<NamedTransition>(parsed) == NamedTransition{"", "__initialisation__", "s0"});
  CHECK(std::holds_alternative<std::string>(parse_transition_line("nil --[a]-> s0", true)));
  CHECK(std::holds_alternative<std::string>(parse_transition_line("s0 --[a]-> nil", true)));
  CHECK(std::holds_alternative<std::string>(parse_transition_line("s0 --[nil]-> s1", true)));
  CHECK(std::holds_alternative<std::string>(parse_transition_line("nil --[__initialisation__]-> s0", false)));
}

}  // namespace
}  // namespace spex::conformance
