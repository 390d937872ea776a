// Refinement: partition refinement for branching and strong bisimilarity in
// O(m log n) time and O(m) memory.
//
// After D. Jansen, J.F. Groote, J. Keiren, A. Wijs, "An O(m log n) algorithm
// for branching bisimilarity on labelled transition systems" (TACAS 2020), with
// the transitions grouped by block, action and constellation as in
// J.F. Groote, D. Jansen, "A state-based O(m log n) partitioning algorithm for
// branching bisimilarity" (CONCUR 2025). It starts from the partition that
// local_refinement.h reached.
//
// Invariants, with "set" as in transition_sets.h:
//  - blocks and constellations are coarser than bisimilarity;
//  - between two calls of split_constellation() every block is stable under
//    every set but the taus into its own constellation: all its bottom states
//    have a transition in it, or it is empty;
//  - while sets are pending, an unstable set is pending, and its marked
//    transitions include those of all bottom states of its block, or it is
//    the rest of a pending set that guides.
// When all constellations are single blocks, the partition is bisimilarity.
//
// We differ from the paper in counting transitions per state, action and
// constellation, where it keeps them sorted.
#pragma once

#include <cstdint>
#include <vector>

#include "lts/merged_graph.h"
#include "lts/partition.h"
#include "lts/signature.h"
#include "lts/split_search.h"
#include "lts/transition_sets.h"

namespace spex::lts {

class Refinement {
 public:
  // `start` comes from at least one round.
  Refinement(const MergedGraph& graph, SignatureClasses start);

  // Refines to the end or, if `stop_when_separated`, until the initial states are in different blocks.
  void run(bool stop_when_separated);

  bool separated() const;
  // The block of every state.
  const std::vector<BlockId>& classes() const { return partition_.block_of; }
  std::uint32_t class_count() const { return static_cast<std::uint32_t>(partition_.blocks.size()); }

 private:
  void split_constellation(BlockId small);
  void add_pieces(BlockId small);
  void add_pending(SetId set);
  void retire(SetId set, Block& block);
  void stabilise();
  void split_by(SetId set);
  void split_by_rest(SetId set);
  void settle_new_bottoms();
  void mark_new_block(BlockId block);

  // Splits `block` into the states that inertly reach one of its first `reaching` bottom states or a source of
  // `set`, and the others. The other bottom states have no transition in `set`. Returns the reaching block.
  BlockId split(BlockId block, std::uint32_t reaching, SetId set);
  void lose_outgoing_inert(BlockId old, const std::vector<StateId>& states);
  void lose_incoming_inert(BlockId old, BlockId taken);
  void move_transitions(BlockId old, BlockId taken);

  const MergedGraph& graph_;
  Partition partition_;
  Incoming incoming_;
  TransitionSets sets_;
  SplitSearch search_;
  std::vector<SetId> pending_;
  std::vector<StateId> new_bottoms_;
  SetId current_ = kNone;  // the set being worked on, followed when it moves
};

}  // namespace spex::lts
