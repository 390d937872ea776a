// Horizon: how far from the initial states an explanation has to look.
//
// A state that d observations lead to matters up to level K - d only, if the
// initial states differ at level K. So a good guess of K spares most of the
// levels of most states. One is the verdict's number of rounds. Another is
// certain: an action that one side never does, being at the end of d
// observations, tells the sides apart at level d + 1; and if they do not differ
// earlier, the way there is a shortest trace that one side lacks. That is the
// frequent case of an implementation that does what nobody specified.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lts/merged_graph.h"

namespace spex::lts {

class Horizon {
 public:
  static constexpr std::uint32_t kFar = 0xFFFFFFFFU;

  // Looks no further than levels up to `level_max` need, nor than the first action that one side lacks.
  Horizon(const MergedGraph& graph, std::uint32_t level_max);

  // At most this level need be computed: `level_max`, or the one that is certain.
  std::uint32_t level_max() const { return level_max_; }
  // Of observations that lead from the state's initial state to it; kFar if more than matters. A tau counts nothing,
  // unless tau is an action like any other.
  const std::vector<std::uint32_t>& distances() const { return distances_; }

  struct Trace {
    bool left_is_able;
    std::vector<ActionId> actions;  // the last is the one that the other side lacks
  };
  // If there is such an action: a trace as long as level_max().
  const std::optional<Trace>& trace_to_lone_action() const { return lone_trace_; }

 private:
  enum Side : std::uint8_t { kLeft = 1, kRight = 2 };

  void find_lone_actions();
  bool close_layer(std::size_t begin);
  void visit(StateId from, StateId to, std::uint32_t distance);
  std::optional<Trace> find_lone_trace() const;

  const MergedGraph& graph_;
  std::uint32_t level_max_;
  std::vector<std::uint8_t> is_lone_;  // by action
  std::vector<std::uint32_t> distances_;
  std::optional<Trace> lone_trace_;
  // Of the search.
  std::vector<StateId> from_;  // the state before it on the way
  std::vector<StateId> order_;
  StateId lone_source_ = kNoState;
  ActionId lone_action_ = kTau;
};

}  // namespace spex::lts
