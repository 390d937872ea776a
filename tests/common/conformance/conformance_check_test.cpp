#include "conformance/conformance_check.h"

#include <catch2/catch.hpp>

namespace spex::conformance {
namespace {

Specification specification(std::vector<NamedTransition> transitions, std::string initial = "") {
  auto made = Specification::make("s", std::move(initial), std::move(transitions));
  REQUIRE(made.ok());
  return std::move(made).value();
}

const NamedTransition kStart{"", "__initialisation__", "q"};

TEST_CASE("a model with other state names and the same behaviour is equivalent", "[check]") {
  const auto order = specification({{"open", "pay", "paid"}, {"paid", "ship", "open"}});
  CHECK(check_conformance({kStart, {"q", "pay", "r"}, {"r", "ship", "q"}}, order).equivalent());
  CHECK(check_conformance({kStart, {"q", "pay", "r"}, {"r", "__internal__", "r2"}, {"r2", "ship", "q"}}, order)
            .equivalent());
  const Verdict verdict = check_conformance({kStart, {"q", "pay", "r"}}, order);
  CHECK(verdict.kind == VerdictKind::not_bisimilar);
  CHECK_FALSE(verdict.reason.empty());
}

TEST_CASE("none or several initialisations are not equivalent, and the reason says so", "[check]") {
  const auto order = specification({{"open", "pay", "open"}});
  CHECK(check_conformance({{"q", "pay", "q"}}, order).kind == VerdictKind::no_initialisation);
  const Verdict several = check_conformance({kStart, {"", "__initialisation__", "r"}, {"q", "pay", "q"}}, order);
  CHECK(several.kind == VerdictKind::several_initialisations);
  CHECK_THAT(several.reason, Catch::Contains("2 initialisations") && Catch::Contains("'q', 'r'"));
}

TEST_CASE("an initial state without transitions is a deadlock state", "[check]") {
  CHECK(check_conformance({kStart}, specification({{"a", "__internal__", "b"}})).equivalent());
  CHECK_FALSE(check_conformance({kStart}, specification({{"a", "x", "b"}})).equivalent());
  CHECK(check_conformance({kStart}, specification({{"a", "x", "b"}}, "b")).equivalent());
}

TEST_CASE("unreachable states do not matter", "[check]") {
  const auto order = specification({{"open", "pay", "open"}, {"far", "away", "far"}});
  CHECK(check_conformance({kStart, {"q", "pay", "q"}, {"x", "nonsense", "y"}}, order).equivalent());
}

TEST_CASE("an initialisation from a named state is a visible action; tau and i are too", "[check]") {
  CHECK_FALSE(check_conformance({kStart, {"q", "__initialisation__", "r"}}, specification({{"a", "__internal__", "b"}}))
                  .equivalent());
  CHECK(check_conformance({kStart, {"q", "__initialisation__", "r"}}, specification({{"a", "__initialisation__", "b"}}))
            .equivalent());
  for (const char* visible : {"tau", "i"}) {
    CHECK_FALSE(
        check_conformance({kStart, {"q", visible, "r"}}, specification({{"a", "__internal__", "b"}})).equivalent());
  }
}

}  // namespace
}  // namespace spex::conformance
