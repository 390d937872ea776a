#include "lts/branching_bisimulation.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>

#include "lts/aut_format.h"
#include "lts/local_refinement.h"
#include "lts/lts_builder.h"
#include "lts/merged_graph.h"
#include "lts/reference_bisimulation.h"
#include "lts/refinement.h"
#include "lts/signature.h"
#include "tests/support/random_lts.h"

using namespace spex::lts;
using namespace spex::test_support;

namespace {

constexpr Bisimilarity kRelations[] = {Bisimilarity::branching, Bisimilarity::divergence_preserving,
                                       Bisimilarity::strong};

// More pairs when SPEX_RANDOM_PAIRS asks for them.
unsigned pairs_wanted(unsigned otherwise) {
  const char* wanted = std::getenv("SPEX_RANDOM_PAIRS");
  return wanted == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(wanted, nullptr, 10));
}

RandomLtsShape random_shape(Random& random) {
  RandomLtsShape shape;
  shape.states_max = 1 + static_cast<std::uint32_t>(random() % 10);
  shape.labels = 1 + static_cast<std::uint32_t>(random() % 3);
  shape.tau_share = static_cast<double>(random() % 9) / 10.0;
  shape.transitions_per_state = 0.5 + static_cast<double>(random() % 20) / 10.0;
  return shape;
}

}  // namespace

TEST_CASE("the fast verdict is the reference's, in both argument orders", "[lts]") {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  unsigned equivalent = 0;
  const unsigned pairs = pairs_wanted(1500);
  for (unsigned i = 0; i < pairs; ++i) {
    const Lts left = random_lts(random, random_shape(random));
    Lts right = random() % 2 == 0 ? bisimilar_variant(random, left) : left;
    if (random() % 2 == 0) right = mutated(random, right);
    for (const Bisimilarity relation : kRelations) {
      const bool expected = reference_bisimilar(left, right, relation);
      equivalent += expected ? 1 : 0;
      const bool forth = *bisimilar(left, right, relation);
      const bool back = *bisimilar(right, left, relation);
      if (forth == expected && back == expected) continue;
      FAIL_CHECK("seed " << seed << " pair " << i << " relation " << static_cast<int>(relation) << " expected "
                         << expected << "\n"
                         << *format_aut(left) << *format_aut(right));
    }
  }
  CHECK(equivalent > pairs / 2);
  CHECK(equivalent < 3 * pairs - pairs / 4);
}

TEST_CASE("refinement from the first round on has the reference's verdict", "[lts]") {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  const unsigned pairs = pairs_wanted(1500);
  for (unsigned i = 0; i < pairs; ++i) {
    const Lts left = random_lts(random, random_shape(random));
    Lts right = random() % 2 == 0 ? bisimilar_variant(random, left) : left;
    if (random() % 2 == 0) right = mutated(random, right);
    for (const Bisimilarity relation : kRelations) {
      const MergedGraph graph = *merge_graphs(left, right, relation);
      SignatureRefinement signatures(graph);
      signatures.round();
      Refinement refinement(graph, std::move(signatures).take_round().classes);
      refinement.run(random() % 2 == 0);
      if (refinement.separated() != reference_bisimilar(left, right, relation)) continue;
      FAIL_CHECK("seed " << seed << " pair " << i << " relation " << static_cast<int>(relation) << "\n"
                         << *format_aut(left) << *format_aut(right));
    }
  }
}

TEST_CASE("local refinement has the reference's verdict, and what it leaves is refined to it", "[lts]") {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  const unsigned pairs = pairs_wanted(1500);
  bool unsettled_seen = false;
  for (unsigned i = 0; i < pairs; ++i) {
    const Lts left = random_lts(random, random_shape(random));
    Lts right = random() % 2 == 0 ? bisimilar_variant(random, left) : left;
    if (random() % 2 == 0) right = mutated(random, right);
    for (const Bisimilarity relation : kRelations) {
      const MergedGraph graph = *merge_graphs(left, right, relation);
      SignatureRefinement signatures(graph);
      for (std::uint64_t rounds = 1 + random() % 3; rounds > 0; --rounds) signatures.round();
      LocalRefinement local(graph, std::move(signatures).take_round(), random() % 100);
      const bool unsettled = local.run(random() % 2 == 0) == SignatureOutcome::unsettled;
      const SignatureClasses reached = std::move(local).take_classes();
      bool separated = reached.classes[graph.left_initial] != reached.classes[graph.right_initial];
      if (unsettled) {
        unsettled_seen = true;
        Refinement refinement(graph, reached);
        refinement.run(true);
        separated = refinement.separated();
      }
      if (separated != reference_bisimilar(left, right, relation)) continue;
      FAIL_CHECK("seed " << seed << " pair " << i << " relation " << static_cast<int>(relation) << "\n"
                         << *format_aut(left) << *format_aut(right));
    }
  }
  CHECK(unsettled_seen);
}
