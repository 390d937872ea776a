#include "lts/reference_bisimulation.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "lts/lts_builder.h"

namespace spex::lts {
namespace {

using Classes = std::vector<std::uint32_t>;
// (action, class of the target), and for divergence the pair below.
using Signature = std::set<std::pair<std::uint64_t, std::uint32_t>>;
constexpr std::pair<std::uint64_t, std::uint32_t> kDivergence{1ULL << 32U, 0};

// The states that `state` reaches by taus that stay in its class.
std::set<StateId> inert_reach(const Lts& lts, const Classes& classes, StateId state) {
  std::set<StateId> reach{state};
  std::vector<StateId> open{state};
  while (!open.empty()) {
    const StateId at = open.back();
    open.pop_back();
    for (const Transition& step : lts.outgoing(at)) {
      const bool inert = step.action == kTau && classes[step.target] == classes[state];
      if (inert && reach.insert(step.target).second) open.push_back(step.target);
    }
  }
  return reach;
}

// Whether some state of `reach` lies on a cycle of inert taus.
bool diverges(const Lts& lts, const Classes& classes, const std::set<StateId>& reach) {
  for (const StateId state : reach) {
    for (const Transition& step : lts.outgoing(state)) {
      if (step.action != kTau || classes[step.target] != classes[state]) continue;
      if (inert_reach(lts, classes, step.target).contains(state)) return true;
    }
  }
  return false;
}

Signature signature_of(const Lts& lts, const Classes& classes, StateId state, Bisimilarity relation) {
  Signature signature;
  if (relation == Bisimilarity::strong) {
    for (const Transition& step : lts.outgoing(state)) signature.emplace(step.action, classes[step.target]);
    return signature;
  }
  const std::set<StateId> reach = inert_reach(lts, classes, state);
  for (const StateId at : reach) {
    for (const Transition& step : lts.outgoing(at)) {
      if (step.action == kTau && classes[step.target] == classes[state]) continue;
      signature.emplace(step.action, classes[step.target]);
    }
  }
  if (relation == Bisimilarity::divergence_preserving && diverges(lts, classes, reach)) signature.insert(kDivergence);
  return signature;
}

bool is_visible(const Lts& lts, std::string_view label) {
  const auto action = lts.actions().find(label);
  return action && *action != kTau;
}

}  // namespace

Classes reference_classes(const Lts& lts, Bisimilarity relation) {
  Classes classes(lts.state_count(), 0);
  std::size_t count = 1;
  while (true) {
    // The old class is part of the key: classes are only ever split.
    std::map<std::pair<std::uint32_t, Signature>, std::uint32_t> ids;
    Classes next(lts.state_count());
    for (StateId state = 0; state < lts.state_count(); ++state) {
      auto key = std::make_pair(classes[state], signature_of(lts, classes, state, relation));
      next[state] = ids.emplace(std::move(key), static_cast<std::uint32_t>(ids.size())).first->second;
    }
    classes = std::move(next);
    if (ids.size() == count) return classes;
    count = ids.size();
  }
}

Lts disjoint_union(const Lts& left, const Lts& right) {
  // A name for tau that is no visible action of either.
  std::string tau_name(left.action_name(kTau));
  while (is_visible(left, tau_name) || is_visible(right, tau_name)) tau_name += '\'';
  LtsBuilder builder(tau_name);
  builder.ensure_states(left.state_count() + right.state_count());
  for (StateId state = 0; state < left.state_count(); ++state) {
    for (const Transition& step : left.outgoing(state)) {
      const ActionId action = step.action == kTau ? kTau : builder.action(left.action_name(step.action));
      builder.add_transition(state, action, step.target);
    }
  }
  const StateId shift = left.state_count();
  for (StateId state = 0; state < right.state_count(); ++state) {
    for (const Transition& step : right.outgoing(state)) {
      const ActionId action = step.action == kTau ? kTau : builder.action(right.action_name(step.action));
      builder.add_transition(state + shift, action, step.target + shift);
    }
  }
  builder.set_initial(left.initial_state());
  return std::move(builder).build();
}

bool reference_bisimilar(const Lts& left, const Lts& right, Bisimilarity relation) {
  const Lts both = disjoint_union(left, right);
  const Classes classes = reference_classes(both, relation);
  return classes[left.initial_state()] == classes[left.state_count() + right.initial_state()];
}

}  // namespace spex::lts
