#include "lts/branching_bisimulation.h"

#include <optional>
#include <utility>
#include <vector>

#include "lts/decision.h"
#include "lts/local_refinement.h"
#include "lts/merged_graph.h"
#include "lts/refinement.h"
#include "lts/signature.h"

namespace spex::lts {
namespace {

struct Settled {
  SignatureOutcome outcome;
  SignatureClasses classes;
  std::uint32_t rounds;
};

// As far as signatures get. Each part gives its memory back to the next.
Settled refine_by_signatures(const MergedGraph& graph, bool stop_when_separated) {
  std::optional<SignatureRefinement> everywhere(graph);
  const SignatureOutcome begun = everywhere->run(stop_when_separated);
  const std::uint32_t begun_rounds = everywhere->rounds();
  SignatureRound round = std::move(*everywhere).take_round();
  everywhere.reset();
  if (begun != SignatureOutcome::unsettled) return {begun, std::move(round.classes), begun_rounds};
  LocalRefinement local(graph, std::move(round));
  const SignatureOutcome outcome = local.run(stop_when_separated);
  const std::uint32_t rounds = begun_rounds + local.rounds();
  return {outcome, std::move(local).take_classes(), rounds};
}

void settle(Decision& decision) {
  Settled settled = refine_by_signatures(decision.graph, true);
  if (settled.outcome == SignatureOutcome::unsettled) {
    Refinement refinement(decision.graph, std::move(settled.classes));
    refinement.run(true);
    decision.bisimilar = !refinement.separated();
  } else {
    decision.bisimilar = settled.outcome == SignatureOutcome::stable;
    if (!decision.bisimilar) decision.rounds = settled.rounds;
  }
}

}  // namespace

base::Result<Decision> decide(const Lts& left, const Lts& right, Bisimilarity relation) {
  Decision decision;
  decision.relation = relation;
  SPEX_TRY_ASSIGN(decision.graph, merge_graphs(left, right, relation));
  settle(decision);
  return decision;
}

base::Result<bool> bisimilar(const Lts& left, const Lts& right, Bisimilarity relation) {
  SPEX_TRY_ASSIGN(const Decision decision, decide(left, right, relation));
  return decision.bisimilar;
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
