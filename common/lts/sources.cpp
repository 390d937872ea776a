#include "lts/sources.h"

namespace spex::lts {

Sources::Sources(const MergedGraph& graph, const std::vector<std::uint32_t>* distances, std::uint32_t distance_max)
    : begins_(graph.state_count + std::size_t{2}, 0) {
  const auto counts = [&](StateId state) { return distances == nullptr || (*distances)[state] <= distance_max; };
  for (StateId state = 0; state < graph.state_count; ++state) {
    if (!counts(state)) continue;
    for (const Transition& step : graph.outgoing(state)) ++begins_[step.target + std::size_t{2}];
  }
  for (std::size_t i = 2; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
  states_.resize(begins_.back());
  // begins_[s + 1] is the next free place of s; after the taus it is their end.
  const auto insert = [&](bool taus) {
    for (StateId state = 0; state < graph.state_count; ++state) {
      if (!counts(state)) continue;
      for (const Transition& step : graph.outgoing(state)) {
        if ((graph.has_inert && step.action == kTau) == taus) {
          states_[begins_[step.target + std::size_t{1}]++] = state;
        } else if (taus) {
          break;  // rows are sorted
        }
      }
    }
  };
  if (graph.has_inert) {
    insert(true);
    tau_ends_.assign(begins_.begin() + 1, begins_.end() - 1);
  }
  insert(false);
  begins_.pop_back();
}

}  // namespace spex::lts
