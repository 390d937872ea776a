// Compares weak traces: the sequences of visible actions, silent steps left out.
//
// Explores pairs of state sets breadth first (the subset construction), so a
// trace found is a shortest one. PSPACE-complete in general: a budget bounds
// it. Serves explanation.cpp and the relations weak-trace and weak-trace-pre.
#pragma once

#include <cstdint>
#include <vector>

#include "lts/level_partition.h"
#include "lts/merged_graph.h"

namespace spex::lts {

enum class TraceRelation : std::uint8_t { equivalence, inclusion };  // inclusion: left's traces are among right's

struct TraceComparison {
  enum class Outcome : std::uint8_t { holds, differs, undecided };
  Outcome outcome = Outcome::undecided;
  bool left_is_able = false;    // if it differs: which side has `trace`
  std::vector<ActionId> trace;  // a shortest one that the other side lacks
};

// Actions from `action_end` on are no steps (the graph's divergence action). In a graph for strong bisimilarity tau
// is a visible action.
TraceComparison compare_traces(const MergedGraph& graph, TraceRelation relation, ActionId action_end,
                               std::uint64_t work_max);

// A trace of exactly `length` that one side lacks, where there is none shorter and `levels` has come to level
// `length`: states of one class there do the same traces of so many steps. So most pairs of sets need no search, and
// a large system costs little. `holds` if there is no such trace of this length.
TraceComparison find_trace(const MergedGraph& graph, const LevelPartition& levels, std::uint32_t length,
                           ActionId action_end, std::uint64_t work_max);

// What compare_weak_traces() spends unless told otherwise.
inline constexpr std::uint64_t kTraceWorkMax = 200'000'000;

// Of two LTSs; `work_max` 0 is the default budget. Fails as merge_graphs() does.
base::Result<TraceComparison::Outcome> compare_weak_traces(const Lts& left, const Lts& right, TraceRelation relation,
                                                           std::uint64_t work_max = 0);

}  // namespace spex::lts
