// MergedGraph: two LTSs side by side, made ready for partition refinement.
//
// Holds the states that either initial state reaches. Actions are matched by
// label. For the branching relations each strongly connected component of tau
// is one state (its members are branching bisimilar), so the taus that remain
// form no cycle; a component with a tau inside carries the extra action
// `divergence` if divergence matters. For strong bisimilarity nothing is
// contracted and tau is an ordinary action. Rows are sorted and free of
// duplicates.
//
// Invariant: a tau leads from a higher to a lower state number.
//
// R. Tarjan, "Depth-first search and linear graph algorithms", SIAM J. Comput.
// 1972, made iterative; O(m) besides the sorting of rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lts/branching_bisimulation.h"
#include "lts/lts.h"

namespace spex::lts {

// The actions of `right` in the numbering of `left`: shared labels have left's number, tau is kTau,
// the others follow left's.
struct MatchedActions {
  MatchedActions(const Lts& left, const Lts& right);

  std::vector<ActionId> of_right;
  std::uint32_t count;
};

struct MergedGraph {
  std::uint32_t state_count = 0;
  std::uint32_t action_count = 0;  // actions below it are in use
  bool has_inert = false;          // action kTau is the internal one; false for strong bisimilarity
  std::vector<std::uint32_t> row_begins;
  std::vector<Transition> transitions;
  StateId left_initial = 0;
  StateId right_initial = 0;
  StateId right_begin = 0;  // states below it are left's, the others right's

  std::span<const Transition> outgoing(StateId state) const {
    return {transitions.data() + row_begins[state], transitions.data() + row_begins[state + std::size_t{1}]};
  }
};

// Fails (too_large) at 2^32 - 1 states or 2^30 transitions. If `state_of` is given it receives the graph's state for
// each state of `left`, then of `right`; kNoState for those that cannot be reached.
base::Result<MergedGraph> merge_graphs(const Lts& left, const Lts& right, Bisimilarity relation,
                                       std::vector<StateId>* state_of = nullptr);

// The same `state_of` once more.
std::vector<StateId> states_in_graph(const Lts& left, const Lts& right, Bisimilarity relation);

struct GraphClasses {
  std::vector<std::uint32_t> class_of;  // by state
  std::uint32_t count;
};
// The bisimilarity classes of all states; in branching_bisimulation.cpp.
GraphClasses classes_of(const MergedGraph& graph);

}  // namespace spex::lts
