#include "lts/quotient.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>

#include "lts/aut_format.h"
#include "lts/lts_builder.h"
#include "lts/reference_bisimulation.h"
#include "tests/support/random_lts.h"

using namespace spex::lts;
using namespace spex::test_support;

namespace {

constexpr Bisimilarity kBisimilarities[] = {Bisimilarity::branching, Bisimilarity::divergence_preserving,
                                            Bisimilarity::strong};

std::size_t class_count(const Lts& lts, Bisimilarity relation) {
  const auto classes = reference_classes(lts, relation);
  return std::set<std::uint32_t>(classes.begin(), classes.end()).size();
}

}  // namespace

TEST_CASE("the quotient keeps one state of each class and its first name", "[lts]") {
  LtsBuilder builder("__internal__");
  builder.add_transition("new", "pay", "paid");
  builder.add_transition("new", "pay", "also paid");
  builder.add_transition("paid", "__internal__", "also paid");
  builder.add_transition("also paid", "ship", "done");
  builder.add_transition("lost", "pay", "done");
  const Lts reduced = *quotient(std::move(builder).build());
  CHECK(reduced.state_count() == 3);
  CHECK(reduced.transition_count() == 2);
  CHECK(reduced.action_name(kTau) == "__internal__");
  CHECK(reduced.state_name(0) == "new");
  CHECK(reduced.state_name(1) == "paid");
  CHECK(reduced.state_name(2) == "done");
}

TEST_CASE("a divergence is kept only where the relation preserves it", "[lts]") {
  const std::string cycle = "des (0,3,3)\n(0,tau,1)\n(1,tau,0)\n(1,a,2)\n";
  CHECK(*format_aut(*quotient(*parse_aut(cycle))) == "des (0,1,2)\n(0,\"a\",1)\n");
  CHECK(*format_aut(*quotient(*parse_aut(cycle), Bisimilarity::divergence_preserving)) ==
        "des (0,2,2)\n(0,\"tau\",0)\n(0,\"a\",1)\n");
  CHECK(quotient(*parse_aut(cycle), Bisimilarity::strong)->state_count() == 3);
}

TEST_CASE("the quotient is equivalent to the original and no state of it to another", "[lts]") {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  for (unsigned i = 0; i < 1000; ++i) {
    const Lts lts = bisimilar_variant(random, random_lts(random, {}));
    for (const Bisimilarity relation : kBisimilarities) {
      const Lts reduced = *quotient(lts, relation);
      INFO("seed " << seed << " system " << i << " relation " << static_cast<int>(relation) << "\n"
                   << *format_aut(lts) << *format_aut(reduced));
      REQUIRE(reference_bisimilar(lts, reduced, relation));
      REQUIRE(class_count(reduced, relation) == reduced.state_count());
    }
  }
}

TEST_CASE("the classes of two systems are those of the reference", "[lts]") {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  for (unsigned i = 0; i < 300; ++i) {
    const Lts left = random_lts(random, {});
    const Lts right = mutated(random, bisimilar_variant(random, left));
    for (const Bisimilarity relation : kBisimilarities) {
      const auto expected = reference_classes(disjoint_union(left, right), relation);
      const BisimilarityClasses classes = *bisimilarity_classes(left, right, relation);
      INFO("seed " << seed << " pair " << i << " relation " << static_cast<int>(relation));
      REQUIRE(classes.of_left.size() == left.state_count());
      REQUIRE(classes.of_right.size() == right.state_count());
      for (StateId l = 0; l < left.state_count(); ++l) {
        for (StateId r = 0; r < right.state_count(); ++r) {
          if (classes.of_left[l] == kNoState || classes.of_right[r] == kNoState) continue;
          REQUIRE((classes.of_left[l] == classes.of_right[r]) == (expected[l] == expected[left.state_count() + r]));
        }
      }
    }
  }
}
