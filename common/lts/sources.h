// Sources: the states that have a transition to a given one, those with a tau
// first.
//
// Made by local_refinement.h and level_partition.h, which pass changes on
// against the transitions. split_search.h needs the transitions themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lts/merged_graph.h"

namespace spex::lts {

class Sources {
 public:
  // Of no state.
  Sources() = default;
  // All sources or, if `distances` are given, those that are no more than `distance_max` away.
  explicit Sources(const MergedGraph& graph, const std::vector<std::uint32_t>* distances = nullptr,
                   std::uint32_t distance_max = 0);

  std::span<const StateId> all(StateId state) const {
    return {states_.data() + begins_[state], states_.data() + begins_[state + std::size_t{1}]};
  }
  // Those with the internal action; none for strong bisimilarity.
  std::span<const StateId> by_tau(StateId state) const {
    if (tau_ends_.empty()) return {};
    return {states_.data() + begins_[state], states_.data() + tau_ends_[state]};
  }

 private:
  std::vector<std::uint32_t> begins_;
  std::vector<std::uint32_t> tau_ends_;
  std::vector<StateId> states_;
};

}  // namespace spex::lts
