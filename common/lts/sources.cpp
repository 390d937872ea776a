#include "lts/sources.h"

namespace spex::lts {

void ListsByTarget::make_room() {
  for (std::size_t i = 2; i < begins_.size(); ++i) begins_[i] += begins_[i - 1];
  items_.resize(begins_.back());
}

Sources::Sources(const MergedGraph& graph, const std::vector<std::uint32_t>* distances, std::uint32_t distance_max)
    : ListsByTarget(graph) {
  const auto counts = [&](StateId state) { return distances == nullptr || (*distances)[state] <= distance_max; };
  for (StateId state = 0; state < graph.state_count; ++state) {
    if (!counts(state)) continue;
    for (const Transition& step : graph.outgoing(state)) count(step);
  }
  make_room();
  for (StateId state = 0; state < graph.state_count; ++state) {
    if (!counts(state)) continue;
    for (const Transition& step : graph.outgoing(state)) put(step, state);
  }
  finish();
}

Incoming::Incoming(const MergedGraph& graph) : ListsByTarget(graph) {
  for (const Transition& step : graph.transitions) count(step);
  make_room();
  for (std::uint32_t t = 0; t < graph.transitions.size(); ++t) put(graph.transitions[t], t);
  finish();
}

}  // namespace spex::lts
