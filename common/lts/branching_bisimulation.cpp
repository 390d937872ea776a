#include "lts/branching_bisimulation.h"

#include "lts/merged_graph.h"
#include "lts/signature.h"

namespace spex::lts {

base::Result<bool> bisimilar(const Lts& left, const Lts& right, Bisimilarity relation) {
  SPEX_TRY_ASSIGN(const MergedGraph graph, merge_graphs(left, right, relation));
  SignatureRefinement signatures(graph);
  while (true) {
    switch (signatures.run(true)) {
      case SignatureRefinement::Outcome::stable:
        return signatures.classes()[graph.left_initial] == signatures.classes()[graph.right_initial];
      case SignatureRefinement::Outcome::separated:
        return false;
      case SignatureRefinement::Outcome::unsettled:
        break;
    }
  }
}

bool branching_bisimilar(const Lts& left, const Lts& right) { return bisimilar(left, right).value(); }

}  // namespace spex::lts
