#include "lts/branching_bisimulation.h"

#include <utility>
#include <vector>

#include "lts/local_refinement.h"
#include "lts/merged_graph.h"
#include "lts/refinement.h"
#include "lts/signature.h"

namespace spex::lts {

base::Result<bool> bisimilar(const Lts& left, const Lts& right, Bisimilarity relation) {
  SPEX_TRY_ASSIGN(const MergedGraph graph, merge_graphs(left, right, relation));
  return initial_states_bisimilar(graph);
}

namespace {

struct Settled {
  SignatureOutcome outcome;
  SignatureClasses classes;
};

Settled refine_everywhere(const MergedGraph& graph, bool stop_when_separated) {
  SignatureRefinement rounds(graph);
  const SignatureOutcome outcome = rounds.run(stop_when_separated);
  return {outcome, std::move(rounds).take_classes()};
}

// As far as signatures get. Each part gives its memory back to the next.
Settled refine_by_signatures(const MergedGraph& graph, bool stop_when_separated) {
  Settled settled = refine_everywhere(graph, stop_when_separated);
  if (settled.outcome != SignatureOutcome::unsettled) return settled;
  settled.classes.previous = {};
  LocalRefinement local(graph, std::move(settled.classes.classes), settled.classes.count);
  const SignatureOutcome outcome = local.run(stop_when_separated);
  return {outcome, std::move(local).take_classes()};
}

}  // namespace

bool initial_states_bisimilar(const MergedGraph& graph) {
  Settled settled = refine_by_signatures(graph, true);
  if (settled.outcome != SignatureOutcome::unsettled) return settled.outcome == SignatureOutcome::stable;
  Refinement refinement(graph, std::move(settled.classes));
  refinement.run(true);
  return !refinement.separated();
}

GraphClasses classes_of(const MergedGraph& graph) {
  Settled settled = refine_by_signatures(graph, false);
  if (settled.outcome == SignatureOutcome::stable) return {std::move(settled.classes.classes), settled.classes.count};
  Refinement refinement(graph, std::move(settled.classes));
  refinement.run(false);
  return {refinement.classes(), refinement.class_count()};
}

bool branching_bisimilar(const Lts& left, const Lts& right) { return bisimilar(left, right).value(); }

}  // namespace spex::lts
