#include "lts/horizon.h"

#include <algorithm>
#include <utility>

namespace spex::lts {

Horizon::Horizon(const MergedGraph& graph, std::uint32_t level_max) : graph_(graph), level_max_(level_max) {
  find_lone_actions();
  distances_.assign(graph.state_count, kFar);
  from_.assign(graph.state_count, kNoState);
  visit(kNoState, graph.left_initial, 0);
  visit(kNoState, graph.right_initial, 0);
  std::size_t layer = 0;
  for (std::uint32_t distance = 0; layer < order_.size() && distance < level_max_; ++distance) {
    const bool has_lone = close_layer(layer);
    const std::size_t end = order_.size();
    if (has_lone) {
      level_max_ = distance + 1;
      break;
    }
    for (std::size_t i = layer; i < end; ++i) {
      for (const Transition& step : graph.outgoing(order_[i])) visit(order_[i], step.target, distance + 1);
    }
    layer = end;
  }
  lone_trace_ = find_lone_trace();
  order_ = {};
  from_ = {};
}

void Horizon::find_lone_actions() {
  is_lone_.assign(graph_.action_count, 0);
  const std::uint32_t border = graph_.row_begins[graph_.right_begin];
  for (std::uint32_t i = 0; i < border; ++i) is_lone_[graph_.transitions[i].action] = kLeft;
  for (std::uint32_t i = border; i < graph_.transitions.size(); ++i) is_lone_[graph_.transitions[i].action] |= kRight;
  for (std::uint8_t& sides : is_lone_) sides = sides == kLeft || sides == kRight ? 1 : 0;
  if (graph_.has_inert) is_lone_[kTau] = 0;
}

// Adds what taus lead to; whether some state can do an action that the other side lacks.
bool Horizon::close_layer(std::size_t begin) {
  for (std::size_t i = begin; i < order_.size(); ++i) {
    const StateId state = order_[i];
    for (const Transition& step : graph_.outgoing(state)) {
      if (graph_.has_inert && step.action == kTau) {
        visit(state, step.target, distances_[state]);
      } else if (is_lone_[step.action] != 0 && lone_source_ == kNoState) {
        lone_source_ = state;
        lone_action_ = step.action;
      }
    }
  }
  return lone_source_ != kNoState;
}

void Horizon::visit(StateId from, StateId to, std::uint32_t distance) {
  if (distances_[to] != kFar) return;
  distances_[to] = distance;
  from_[to] = from;
  order_.push_back(to);
}

std::optional<Horizon::Trace> Horizon::find_lone_trace() const {
  if (lone_source_ == kNoState) return std::nullopt;
  Trace trace{lone_source_ < graph_.right_begin, {lone_action_}};
  for (StateId state = lone_source_; from_[state] != kNoState; state = from_[state]) {
    const StateId before = from_[state];
    if (graph_.has_inert && distances_[before] == distances_[state]) continue;
    const auto row = graph_.outgoing(before);
    const auto taken = std::find_if(row.begin(), row.end(), [&](const Transition& step) {
      return step.target == state && !(graph_.has_inert && step.action == kTau);
    });
    trace.actions.push_back(taken->action);
  }
  std::reverse(trace.actions.begin(), trace.actions.end());
  return trace;
}

}  // namespace spex::lts
