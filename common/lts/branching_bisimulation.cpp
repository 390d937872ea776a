#include "lts/branching_bisimulation.h"

#include <optional>
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

bool initial_states_bisimilar(const MergedGraph& graph) {
  std::optional<SignatureRefinement> signatures(graph);
  const SignatureRefinement::Outcome outcome = signatures->run(true);
  if (outcome != SignatureRefinement::Outcome::unsettled) return outcome == SignatureRefinement::Outcome::stable;
  const std::vector<std::uint32_t> classes = std::move(signatures->classes());
  const std::vector<std::uint32_t> previous = std::move(signatures->previous_classes());
  const std::uint32_t class_count = signatures->class_count();
  const std::uint32_t previous_count = signatures->previous_class_count();
  signatures.reset();  // its memory is needed
  Refinement refinement(graph, classes, class_count, previous, previous_count);
  refinement.run(true);
  return !refinement.separated();
}

bool branching_bisimilar(const Lts& left, const Lts& right) { return bisimilar(left, right).value(); }

}  // namespace spex::lts
