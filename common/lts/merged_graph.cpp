#include "lts/merged_graph.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "lts/number_set.h"

namespace spex::lts {
namespace {

// Two bits of a 32-bit number are flags in transition_sets.h.
constexpr std::uint64_t kTransitionsEnd = 1U << 30U;

// Both LTSs under one numbering of states and actions.
class Union {
 public:
  Union(const Lts& left, const Lts& right) : left_(left), right_(right), actions_(left, right) {}

  std::uint32_t state_count() const { return left_.state_count() + right_.state_count(); }
  std::uint32_t action_count() const { return actions_.count; }
  StateId left_initial() const { return left_.initial_state(); }
  StateId right_initial() const { return left_.state_count() + right_.initial_state(); }

  std::span<const Transition> raw(StateId state) const {
    return state < left_.state_count() ? left_.outgoing(state) : right_.outgoing(state - left_.state_count());
  }
  // A raw transition of `state` in the common numbering.
  Transition common(StateId state, Transition step) const {
    if (state < left_.state_count()) return step;
    return {actions_.of_right[step.action], step.target + left_.state_count()};
  }

 private:
  const Lts& left_;
  const Lts& right_;
  MatchedActions actions_;
};

// Numbers the components in the order in which Tarjan's algorithm closes them,
// so a tau leads to a lower number. New roots are taken depth first along the
// visible steps: neighbours get near numbers, and what is not reached gets none.
class Components {
 public:
  Components(const Union& both, bool contract) : both_(both), contract_(contract) {
    component_of.assign(both.state_count(), kNoState);
    low_.assign(both.state_count(), 0);
    number_from(both.left_initial());
    right_begin = static_cast<StateId>(begins.size());
    number_from(both.right_initial());
    begins.push_back(static_cast<std::uint32_t>(members.size()));
    low_ = {};
  }

  std::vector<StateId> component_of;
  std::vector<StateId> members;       // grouped by component
  std::vector<std::uint32_t> begins;  // of each component in members, and the end
  StateId right_begin = 0;            // the first that is not left's

  std::span<const StateId> members_of(StateId component) const {
    return {members.data() + begins[component], members.data() + begins[component + std::size_t{1}]};
  }

 private:
  struct Frame {
    StateId state;
    std::uint32_t next;  // place in its row
    bool is_root;        // no lower state was reached so far
  };
  static constexpr std::uint32_t kQueued = 0xFFFFFFFFU;
  static constexpr std::uint32_t kClosed = 0xFFFFFFFEU;

  static bool is_new(std::uint32_t low) { return low == 0 || low == kQueued; }

  void number_from(StateId initial) {
    roots_.push_back(initial);
    while (!roots_.empty()) {
      const StateId root = roots_.back();
      roots_.pop_back();
      if (is_new(low_[root])) close_from(root);
    }
  }

  void enter(StateId state) {
    low_[state] = ++index_;
    frames_.push_back({state, 0, true});
    stack_.push_back(state);
  }

  void close_from(StateId root) {
    index_ = 0;
    enter(root);
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      const auto row = both_.raw(frame.state);
      if (frame.next == row.size()) {
        leave();
        continue;
      }
      const Transition step = both_.common(frame.state, row[frame.next]);
      ++frame.next;
      const std::uint32_t low = low_[step.target];
      if (step.action != kTau || !contract_) {
        if (low != 0) continue;  // queued, closed, or open: then it needs no root
        low_[step.target] = kQueued;
        roots_.push_back(step.target);
      } else if (is_new(low)) {
        enter(step.target);
      } else {
        lower(frame, low);
      }
    }
  }

  void lower(Frame& frame, std::uint32_t low) {
    if (low >= low_[frame.state]) return;
    low_[frame.state] = low;
    frame.is_root = false;
  }

  void leave() {
    const Frame done = frames_.back();
    frames_.pop_back();
    if (done.is_root) {
      const StateId component = static_cast<StateId>(begins.size());
      begins.push_back(static_cast<std::uint32_t>(members.size()));
      StateId member = kNoState;
      do {
        member = stack_.back();
        stack_.pop_back();
        component_of[member] = component;
        low_[member] = kClosed;
        members.push_back(member);
      } while (member != done.state);
    } else {
      lower(frames_.back(), low_[done.state]);
    }
  }

  const Union& both_;
  bool contract_;
  std::uint32_t index_ = 0;
  std::vector<std::uint32_t>
      low_;  // 0: not seen; kQueued: waits as a root; kClosed: in a component; else Tarjan's lowlink
  std::vector<Frame> frames_;
  std::vector<StateId> stack_;
  std::vector<StateId> roots_;
};

// Appends the row of one component: sorted, without duplicates and inner taus.
void append_row(const Union& both, const Components& components, StateId component, Bisimilarity relation,
                NumberSet& steps, MergedGraph& graph) {
  const auto number = [](ActionId action, StateId target) { return std::uint64_t{action} << 32U | target; };
  const std::span<const StateId> members = components.members_of(component);
  std::size_t size_max = 1;
  for (const StateId member : members) size_max += both.raw(member).size();
  std::uint64_t* end = steps.start(size_max);
  bool diverges = false;
  for (const StateId member : members) {
    for (const Transition raw : both.raw(member)) {
      const Transition step = both.common(member, raw);
      const StateId target = components.component_of[step.target];
      if (step.action == kTau && target == component && relation != Bisimilarity::strong) {
        diverges = true;
      } else {
        *end++ = number(step.action, target);
      }
    }
  }
  if (diverges && relation == Bisimilarity::divergence_preserving) *end++ = number(graph.action_count - 1, component);
  steps.finish(end);
  graph.row_begins.push_back(static_cast<std::uint32_t>(graph.transitions.size()));
  for (const std::uint64_t step : steps.numbers()) {
    graph.transitions.push_back({static_cast<ActionId>(step >> 32U), static_cast<StateId>(step)});
  }
}

}  // namespace

MatchedActions::MatchedActions(const Lts& left, const Lts& right) : count(left.action_count()) {
  of_right.assign(right.action_count(), kTau);
  for (ActionId action = 1; action < right.action_count(); ++action) {
    const auto known = left.actions().find(right.action_name(action));
    of_right[action] = known && *known != kTau ? *known : count++;
  }
}

base::Result<MergedGraph> merge_graphs(const Lts& left, const Lts& right, Bisimilarity relation,
                                       std::vector<StateId>* state_of) {
  const std::uint64_t states = std::uint64_t{left.state_count()} + right.state_count();
  const std::uint64_t transitions = std::uint64_t{left.transition_count()} + right.transition_count();
  if (states >= kNoState || transitions >= kTransitionsEnd) {
    return base::fail(base::Reason::too_large, "compare: both systems together have " + std::to_string(states) +
                                                   " states and " + std::to_string(transitions) +
                                                   " transitions; there must be fewer than 4294967295 and 1073741824");
  }
  const Union both(left, right);
  Components components(both, relation != Bisimilarity::strong);
  MergedGraph graph;
  graph.state_count = static_cast<std::uint32_t>(components.begins.size() - 1);
  graph.action_count = both.action_count() + (relation == Bisimilarity::divergence_preserving ? 1U : 0U);
  graph.has_inert = relation != Bisimilarity::strong;
  graph.left_initial = components.component_of[both.left_initial()];
  graph.right_initial = components.component_of[both.right_initial()];
  graph.right_begin = components.right_begin;
  graph.row_begins.reserve(graph.state_count + std::size_t{1});
  graph.transitions.reserve(transitions +
                            graph.state_count * std::uint64_t{relation == Bisimilarity::divergence_preserving});
  NumberSet steps;
  for (StateId component = 0; component < graph.state_count; ++component) {
    append_row(both, components, component, relation, steps, graph);
  }
  graph.row_begins.push_back(static_cast<std::uint32_t>(graph.transitions.size()));
  if (state_of != nullptr) *state_of = std::move(components.component_of);
  return graph;
}

std::vector<StateId> states_in_graph(const Lts& left, const Lts& right, Bisimilarity relation) {
  return Components(Union(left, right), relation != Bisimilarity::strong).component_of;
}

}  // namespace spex::lts
