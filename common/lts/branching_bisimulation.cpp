#include "lts/branching_bisimulation.h"

#include <utility>
#include <vector>

#include "lts/merged_graph.h"
#include "lts/refinement.h"
#include "lts/signature.h"

namespace spex::lts {

base::Result<bool> bisimilar(const Lts& left, const Lts& right, Bisimilarity relation) {
  SPEX_TRY_ASSIGN(const MergedGraph graph, merge_graphs(left, right, relation));
  return initial_states_bisimilar(graph);
}

namespace {

// What the signatures leave to be refined. Their other memory is needed by then.
struct Start {
  std::vector<std::uint32_t> classes;
  std::uint32_t class_count;
  std::vector<std::uint32_t> previous;
  std::uint32_t previous_count;
};

Start take_classes(SignatureRefinement signatures) {
  return {std::move(signatures.classes()), signatures.class_count(), std::move(signatures.previous_classes()),
          signatures.previous_class_count()};
}

}  // namespace

bool initial_states_bisimilar(const MergedGraph& graph) {
  SignatureRefinement signatures(graph);
  const SignatureRefinement::Outcome outcome = signatures.run(true);
  if (outcome != SignatureRefinement::Outcome::unsettled) return outcome == SignatureRefinement::Outcome::stable;
  const Start start = take_classes(std::move(signatures));
  Refinement refinement(graph, start.classes, start.class_count, start.previous, start.previous_count);
  refinement.run(true);
  return !refinement.separated();
}

GraphClasses classes_of(const MergedGraph& graph) {
  SignatureRefinement signatures(graph);
  if (signatures.run(false) == SignatureRefinement::Outcome::stable) {
    return {std::move(signatures.classes()), signatures.class_count()};
  }
  const Start start = take_classes(std::move(signatures));
  Refinement refinement(graph, start.classes, start.class_count, start.previous, start.previous_count);
  refinement.run(false);
  return {refinement.classes(), refinement.class_count()};
}

bool branching_bisimilar(const Lts& left, const Lts& right) { return bisimilar(left, right).value(); }

}  // namespace spex::lts
