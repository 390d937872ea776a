// SplitSearch: finds the smaller part of a block that is split.
//
// The reaching states get to a bottom state or a source of the splitter by
// inert taus, the avoiding states are the others. Two searches, one for each,
// take turns in small steps; one gives up when it holds more than half of the
// block, and the first to finish wins. So the work is proportional to the
// transitions of the part found (and to states that become bottom, which
// happens once to each), never to the part that stays.
// A part of refinement.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lts/merged_graph.h"
#include "lts/partition.h"
#include "lts/sources.h"
#include "lts/transition_sets.h"

namespace spex::lts {

class SplitSearch {
 public:
  SplitSearch(const MergedGraph& graph, const Partition& partition, const TransitionSets& sets,
              const Incoming& incoming);

  enum class Side : std::uint8_t { reaching, avoiding };
  struct Found {
    Side side;
    const std::vector<StateId>* others;  // its states that are not bottom; until the next run()
  };
  // See Refinement::split(); there is a bottom state beyond the first `reaching` ones.
  Found run(BlockId block, std::uint32_t reaching, SetId set);

 private:
  struct Progress {
    std::uint32_t bottom = 0;  // place of the next bottom state to expand
    std::uint32_t bottom_end = 0;
    std::size_t other = 0;                  // next of the states found
    std::span<const std::uint32_t> taus{};  // left of the state being expanded
    bool gave_up = false;
  };

  bool step_reaching();
  bool step_avoiding();
  void visit_avoiding(StateId state);
  bool step_check();
  bool next_state(Progress& progress, const std::vector<StateId>& others);
  bool in_block(StateId state) const { return partition_.block_of[state] == block_; }
  void clear_marks();

  const MergedGraph& graph_;
  const Partition& partition_;
  const TransitionSets& sets_;
  const Incoming& incoming_;

  BlockId block_ = kNone;
  SetId set_ = kNone;
  std::uint32_t size_max_ = 0;  // half of the block
  Progress reaching_;
  Progress avoiding_;
  std::uint32_t source_ = 0;  // place of the next transition of the splitter
  std::uint32_t source_end_ = 0;
  StateId checked_ = kNoState;  // all its inert taus lead to avoiding states; does it have one in the splitter?
  std::uint32_t check_at_ = 0;
  std::vector<std::uint32_t> marks_;  // 0, or one of the marks, or how many inert taus lead to avoiding states
  std::vector<StateId> reaching_others_;
  std::vector<StateId> avoiding_others_;
  std::vector<StateId> visited_;  // by the avoiding search
};

}  // namespace spex::lts
