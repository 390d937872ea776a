#include "lts/quotient.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lts/lts_builder.h"
#include "lts/merged_graph.h"

namespace spex::lts {
namespace {

// The states of a graph by class.
struct ClassMembers {
  std::vector<std::uint32_t> begins;  // of each class in states, and the end
  std::vector<StateId> states;
};

ClassMembers members_of(const std::vector<std::uint32_t>& classes, std::uint32_t class_count) {
  ClassMembers members;
  members.begins.assign(class_count + std::size_t{1}, 0);
  for (const std::uint32_t class_id : classes) ++members.begins[class_id];
  std::uint32_t end = 0;
  for (std::uint32_t& begin : members.begins) begin = end += begin;
  members.states.resize(end);
  for (StateId state = 0; state < classes.size(); ++state) members.states[--members.begins[classes[state]]] = state;
  return members;
}

class QuotientBuilder {
 public:
  QuotientBuilder(const Lts& lts, Bisimilarity relation, const MergedGraph& graph, const GraphClasses& classes,
                  const std::vector<StateId>& graph_state_of)
      : lts_(lts),
        graph_(graph),
        classes_(classes),
        members_(members_of(classes.class_of, classes.count)),
        divergence_(relation == Bisimilarity::divergence_preserving ? graph.action_count - 1 : kNoAction),
        first_state_(classes.count, kNoState),
        number_of_(classes.count, kNoState),
        builder_(lts.action_name(kTau)) {
    for (StateId state = lts.state_count(); state-- > 0;) {
      if (graph_state_of[state] != kNoState) first_state_[classes.class_of[graph_state_of[state]]] = state;
    }
    // Actions keep their numbers, those that no transition carries too.
    for (ActionId action = 1; action < lts.action_count(); ++action) builder_.action(lts.action_name(action));
  }

  Lts build() {
    number(classes_.class_of[graph_.left_initial]);
    for (StateId at = 0; at < order_.size(); ++at) add_row(at);
    builder_.ensure_states(static_cast<std::uint32_t>(order_.size()));
    builder_.set_initial(StateId{0});
    return std::move(builder_).build();
  }

 private:
  static constexpr ActionId kNoAction = 0xFFFFFFFFU;

  StateId number(std::uint32_t class_id) {
    if (number_of_[class_id] != kNoState) return number_of_[class_id];
    number_of_[class_id] = static_cast<StateId>(order_.size());
    order_.push_back(class_id);
    if (lts_.has_state_names()) builder_.state(lts_.state_name(first_state_[class_id]));
    return number_of_[class_id];
  }

  void add_row(StateId from) {
    const std::uint32_t own = order_[from];
    row_.clear();
    for (std::uint32_t i = members_.begins[own]; i < members_.begins[own + std::size_t{1}]; ++i) {
      for (const Transition& step : graph_.outgoing(members_.states[i])) {
        const std::uint32_t target = classes_.class_of[step.target];
        const bool inert = graph_.has_inert && step.action == kTau && target == own;
        if (!inert) row_.push_back({step.action == divergence_ ? kTau : step.action, target});
      }
    }
    std::sort(row_.begin(), row_.end(), [](const Transition& a, const Transition& b) {
      return a.action != b.action ? a.action < b.action : a.target < b.target;
    });
    row_.erase(std::unique(row_.begin(), row_.end()), row_.end());
    for (const Transition& step : row_) builder_.add_transition(from, step.action, number(step.target));
  }

  const Lts& lts_;
  const MergedGraph& graph_;
  const GraphClasses& classes_;
  ClassMembers members_;
  ActionId divergence_;
  std::vector<StateId> first_state_;  // of the LTS, by class
  std::vector<StateId> number_of_;    // in the quotient, by class
  std::vector<std::uint32_t> order_;  // the classes by number
  std::vector<Transition> row_;
  LtsBuilder builder_;
};

}  // namespace

base::Result<BisimilarityClasses> bisimilarity_classes(const Lts& left, const Lts& right, Bisimilarity relation) {
  std::vector<StateId> state_of;
  SPEX_TRY_ASSIGN(const MergedGraph graph, merge_graphs(left, right, relation, &state_of));
  const GraphClasses classes = classes_of(graph);
  for (StateId& state : state_of) {
    if (state != kNoState) state = classes.class_of[state];
  }
  const auto border = state_of.begin() + left.state_count();
  return BisimilarityClasses{{state_of.begin(), border}, {border, state_of.end()}, classes.count};
}

base::Result<Lts> quotient(const Lts& lts, Bisimilarity relation) {
  // A lone deadlock at the other side changes no class.
  const Lts deadlock = LtsBuilder().build();
  std::vector<StateId> state_of;
  SPEX_TRY_ASSIGN(const MergedGraph graph, merge_graphs(lts, deadlock, relation, &state_of));
  return QuotientBuilder(lts, relation, graph, classes_of(graph), state_of).build();
}

}  // namespace spex::lts
