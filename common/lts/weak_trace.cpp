#include "lts/weak_trace.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "lts/decision.h"
#include "lts/flat_map.h"

namespace spex::lts {
namespace {

// A set of more than one in so many states is sorted by going through all of them.
constexpr std::uint32_t kManyShare = 16;
// So many steps and more are sorted by counting.
constexpr std::size_t kManySteps = 64;

class Search {
 public:
  Search(const MergedGraph& graph, TraceRelation relation, ActionId action_end, std::uint64_t work_max)
      : graph_(graph),
        relation_(relation),
        action_end_(action_end),
        work_left_(work_max),
        seen_(graph.state_count, 0),
        id_of_lone_(graph.state_count, kNone),
        set_begins_(1, 0) {}

  // Only traces of at most `length`.
  void limit(const LevelPartition& levels, std::uint32_t length) {
    levels_ = &levels;
    length_ = length;
  }

  TraceComparison run() {
    const std::uint32_t left = intern_lone(graph_.left_initial);
    visit(left, intern_lone(graph_.right_initial), kNone, kTau, 0);
    for (std::uint32_t at = 0; at < nodes_.size() && work_left_ > 0; ++at) {
      if (expand(at)) return result_;
    }
    result_.outcome = work_left_ > 0 ? TraceComparison::Outcome::holds : TraceComparison::Outcome::undecided;
    return result_;
  }

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFFU;
  struct Node {
    std::uint32_t left;
    std::uint32_t right;
    std::uint32_t parent;
    ActionId action;
    std::uint32_t depth;
  };
  using Step = std::pair<ActionId, StateId>;

  void spend(std::uint64_t work) { work_left_ -= std::min(work, work_left_); }

  std::span<const StateId> states_of(std::uint32_t set) const {
    return {set_states_.data() + set_begins_[set], set_states_.data() + set_begins_[set + std::size_t{1}]};
  }

  std::uint32_t intern_lone(StateId state) {
    set_.assign(1, state);
    return intern();
  }

  // Closes set_, in which a state may be twice, under silent steps and numbers it.
  std::uint32_t intern() {
    ++round_;
    std::erase_if(set_, [&](StateId state) { return std::exchange(seen_[state], round_) == round_; });
    const StateId lone = set_.size() == 1 ? set_[0] : kNoState;
    if (lone != kNoState && id_of_lone_[lone] != kNone) return id_of_lone_[lone];
    for (std::size_t i = 0; i < set_.size() && graph_.has_inert; ++i) {
      for (const Transition& step : graph_.outgoing(set_[i])) {
        if (step.action != kTau) break;
        if (std::exchange(seen_[step.target], round_) != round_) set_.push_back(step.target);
      }
    }
    sort_seen();
    spend(set_.size() + 4);
    // A closure of one state is that of no other.
    const std::uint32_t id = set_.size() == 1 ? add_set() : find_or_add_set();
    if (lone != kNoState) id_of_lone_[lone] = id;
    return id;
  }

  std::uint32_t find_or_add_set() {
    const std::string_view bytes(reinterpret_cast<const char*>(set_.data()), set_.size() * sizeof(StateId));
    const auto next_id = static_cast<std::uint32_t>(set_begins_.size() - 1);
    for (std::uint64_t hash = base::hash64(bytes);; ++hash) {
      if (hash == FlatMap::kNoKey) continue;
      const auto [known, is_new] = ids_.insert(hash, next_id);
      if (is_new) return add_set();
      if (std::ranges::equal(states_of(*known), set_)) return *known;
    }
  }

  std::uint32_t add_set() {
    set_states_.insert(set_states_.end(), set_.begin(), set_.end());
    set_begins_.push_back(set_states_.size());
    return static_cast<std::uint32_t>(set_begins_.size() - 2);
  }

  // Sorts the set of all states that were seen in this round.
  void sort_seen() {
    if (set_.size() < graph_.state_count / kManyShare) {
      std::sort(set_.begin(), set_.end());
      return;
    }
    set_.clear();
    for (StateId state = 0; state < graph_.state_count; ++state) {
      if (seen_[state] == round_) set_.push_back(state);
    }
  }

  void visit(std::uint32_t left, std::uint32_t right, std::uint32_t parent, ActionId action, std::uint32_t depth) {
    if (left == right || (levels_ != nullptr && are_related(left, right, depth))) return;
    const bool included =
        relation_ == TraceRelation::inclusion && std::ranges::includes(states_of(right), states_of(left));
    if (included || !visited_.insert(std::uint64_t{left} << 32U | right, 0).second) return;
    nodes_.push_back({left, right, parent, action, depth});
  }

  // Whether the sets have the same traces of what is left of the length, because they meet the same classes.
  bool are_related(std::uint32_t left, std::uint32_t right, std::uint32_t depth) {
    if (depth >= length_) return true;
    find_classes(left, length_ - depth, left_classes_);
    find_classes(right, length_ - depth, right_classes_);
    return left_classes_ == right_classes_;
  }

  void find_classes(std::uint32_t set, std::uint32_t level, std::vector<std::uint32_t>& classes) {
    classes.clear();
    for (const StateId state : states_of(set)) classes.push_back(levels_->class_at(state, level));
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
    spend(classes.size());
  }

  // By action.
  void find_steps(std::uint32_t set, std::vector<Step>& steps) {
    steps.clear();
    for (const StateId state : states_of(set)) {
      for (const Transition& step : graph_.outgoing(state)) {
        if ((graph_.has_inert && step.action == kTau) || step.action >= action_end_) continue;
        steps.emplace_back(step.action, step.target);
      }
    }
    spend(steps.size() + states_of(set).size());
    sort_by_action(steps);
  }

  void sort_by_action(std::vector<Step>& steps) {
    if (steps.size() < std::max<std::size_t>(graph_.action_count, kManySteps)) {
      std::sort(steps.begin(), steps.end());
      return;
    }
    std::vector<std::size_t> begins(graph_.action_count + std::size_t{1}, 0);
    for (const Step& step : steps) ++begins[step.first + std::size_t{1}];
    for (std::size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
    std::vector<Step> sorted(steps.size());
    for (const Step& step : steps) sorted[begins[step.first]++] = step;
    steps = std::move(sorted);
  }

  // Takes the targets of the first action off the range, into set_.
  void take_targets(const std::vector<Step>& steps, std::size_t& at, ActionId action) {
    set_.clear();
    for (; at < steps.size() && steps[at].first == action; ++at) set_.push_back(steps[at].second);
  }

  // True if one side alone can go on with some action.
  bool expand(std::uint32_t at) {
    const Node node = nodes_[at];
    find_steps(node.left, left_steps_);
    find_steps(node.right, right_steps_);
    std::size_t l = 0;
    std::size_t r = 0;
    while (l < left_steps_.size() || r < right_steps_.size()) {
      const ActionId left_action = l < left_steps_.size() ? left_steps_[l].first : kNone;
      const ActionId right_action = r < right_steps_.size() ? right_steps_[r].first : kNone;
      const ActionId action = std::min(left_action, right_action);
      if (left_action != right_action && (action == left_action || relation_ == TraceRelation::equivalence)) {
        found(at, action, action == left_action);
        return true;
      }
      take_targets(left_steps_, l, action);
      const std::uint32_t left = set_.empty() ? kNone : intern();
      take_targets(right_steps_, r, action);
      if (left != kNone) visit(left, intern(), at, action, node.depth + 1);
    }
    return false;
  }

  void found(std::uint32_t at, ActionId action, bool left_is_able) {
    result_.outcome = TraceComparison::Outcome::differs;
    result_.left_is_able = left_is_able;
    result_.trace.push_back(action);
    for (; nodes_[at].parent != kNone; at = nodes_[at].parent) result_.trace.push_back(nodes_[at].action);
    std::reverse(result_.trace.begin(), result_.trace.end());
  }

  const MergedGraph& graph_;
  TraceRelation relation_;
  ActionId action_end_;
  std::uint64_t work_left_;
  const LevelPartition* levels_ = nullptr;
  std::uint32_t length_ = 0;
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
  std::vector<std::uint32_t> id_of_lone_;  // the closure of one state
  // The sets, one after the other.
  std::vector<std::size_t> set_begins_;
  std::vector<StateId> set_states_;
  FlatMap ids_;  // of those of several states, by hash
  FlatMap visited_;
  std::vector<Node> nodes_;
  // Of the node being expanded.
  std::vector<StateId> set_;
  std::vector<Step> left_steps_;
  std::vector<Step> right_steps_;
  std::vector<std::uint32_t> left_classes_;
  std::vector<std::uint32_t> right_classes_;
  TraceComparison result_;
};

}  // namespace

TraceComparison compare_traces(const MergedGraph& graph, TraceRelation relation, ActionId action_end,
                               std::uint64_t work_max) {
  return Search(graph, relation, action_end, work_max).run();
}

TraceComparison find_trace(const MergedGraph& graph, const LevelPartition& levels, std::uint32_t length,
                           ActionId action_end, std::uint64_t work_max) {
  Search search(graph, TraceRelation::equivalence, action_end, work_max);
  search.limit(levels, length);
  return search.run();
}

base::Result<TraceComparison::Outcome> compare_weak_traces(const Lts& left, const Lts& right, TraceRelation relation,
                                                           std::uint64_t work_max) {
  SPEX_TRY_ASSIGN(const Decision decision, decide(left, right, Bisimilarity::branching));
  // Bisimilar systems have the same traces, and that is found without a budget.
  if (decision.bisimilar) return TraceComparison::Outcome::holds;
  const MergedGraph& graph = decision.graph;
  return compare_traces(graph, relation, graph.action_count, work_max == 0 ? kTraceWorkMax : work_max).outcome;
}

}  // namespace spex::lts
