#include "lts/reference_bisimulation.h"

#include <catch2/catch.hpp>

#include "lts/lts_builder.h"
#include "tests/support/random_lts.h"

using namespace spex::lts;
using spex::test_support::lts_of;

namespace {

struct Row {
  const char* what;
  const char* left;
  const char* right;
  bool branching;
  bool divergence_preserving;
  bool strong;
};

const Row kRows[] = {
    {"two deadlocks", "", "", true, true, true},
    {"deadlock and action", "", "0 a 1", false, false, false},
    {"first tau law a.tau.P = a.P", "0 a 1, 1 tau 2, 2 b 3", "0 a 1, 1 b 2", true, true, false},
    {"second tau law fails", "0 tau 1, 1 a 2, 0 a 2, 0 b 2", "0 a 1, 0 b 1", false, false, false},
    {"an inert tau before a choice", "0 tau 1, 1 a 2, 0 a 2", "0 a 1", true, true, false},
    {"third tau law fails", "0 a 1, 1 tau 2, 1 b 3, 2 c 3, 0 a 2", "0 a 1, 1 tau 2, 1 b 3, 2 c 3", false, false, false},
    {"a lost choice", "0 a 1, 0 tau 2, 2 b 3", "0 a 1, 0 b 2", false, false, false},
    {"branching time", "0 a 1, 1 b 2, 1 c 2", "0 a 1, 0 a 2, 1 b 3, 2 c 3", false, false, false},
    {"a tau loop", "0 tau 0, 0 a 1", "0 a 1", true, false, false},
    {"a tau cycle", "0 tau 1, 1 tau 0, 0 a 2, 1 b 3", "0 a 1, 0 b 1", true, false, false},
    {"divergence against deadlock", "0 tau 0", "", true, false, false},
    {"tau to a deadlock", "0 tau 1", "", true, true, false},
    {"unfolding a loop", "0 a 0", "0 a 1, 1 a 0", true, true, true},
    {"unreachable states", "0 a 1, 5 b 6", "0 a 1", true, true, true},
    {"doubled transitions", "0 a 1, 0 a 1, 0 a 2", "0 a 1", true, true, true},
    {"two divergences", "0 tau 0, 0 a 1", "0 tau 1, 1 tau 0, 1 a 2", true, true, false},
    {"divergence after losing nothing", "0 tau 1, 1 tau 1, 0 a 2, 1 a 2", "0 tau 0, 0 a 1", true, true, true},
};

}  // namespace

TEST_CASE("the reference decides the classic examples", "[lts]") {
  for (const Row& row : kRows) {
    INFO(row.what);
    const Lts left = lts_of(row.left);
    const Lts right = lts_of(row.right);
    CHECK(reference_bisimilar(left, right, Bisimilarity::branching) == row.branching);
    CHECK(reference_bisimilar(right, left, Bisimilarity::branching) == row.branching);
    CHECK(reference_bisimilar(left, right, Bisimilarity::divergence_preserving) == row.divergence_preserving);
    CHECK(reference_bisimilar(right, left, Bisimilarity::divergence_preserving) == row.divergence_preserving);
    CHECK(reference_bisimilar(left, right, Bisimilarity::strong) == row.strong);
    CHECK(reference_bisimilar(right, left, Bisimilarity::strong) == row.strong);
  }
}

TEST_CASE("tau is matched with tau whatever it is called", "[lts]") {
  LtsBuilder left("__internal__");
  left.add_transition(0, "__internal__", 1);
  left.add_transition(1, "tau", 2);
  LtsBuilder right("tau");
  right.add_transition(0, "tau", 1);
  right.add_transition(1, "__internal__", 2);
  LtsBuilder same("tau'");
  same.add_transition(0, "tau", 1);
  const Lts l = std::move(left).build();
  CHECK_FALSE(branching_bisimilar(l, std::move(right).build()));
  CHECK(branching_bisimilar(l, std::move(same).build()));
}
