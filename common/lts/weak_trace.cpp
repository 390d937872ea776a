#include "lts/weak_trace.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/hash.h"

namespace spex::lts {
namespace {

using StateSet = std::vector<StateId>;
// A set of more than one in so many states is sorted by going through all of them.
constexpr std::uint32_t kManyShare = 16;

struct StateSetHash {
  std::size_t operator()(const StateSet& set) const {
    return base::hash64({reinterpret_cast<const char*>(set.data()), set.size() * sizeof(StateId)});
  }
};

class Search {
 public:
  Search(const MergedGraph& graph, TraceRelation relation, ActionId action_end, std::uint64_t work_max)
      : graph_(graph),
        relation_(relation),
        action_end_(action_end),
        work_left_(work_max),
        seen_(graph.state_count, 0),
        id_of_lone_(graph.state_count, kNone) {}

  // Only traces of at most `length`.
  void limit(const LevelPartition& levels, std::uint32_t length) {
    levels_ = &levels;
    length_ = length;
  }

  TraceComparison run() {
    visit(intern({graph_.left_initial}), intern({graph_.right_initial}), kNone, kTau, 0);
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

  // Closes the set, in which a state may be twice, under silent steps and numbers it.
  std::uint32_t intern(StateSet set) {
    ++round_;
    std::erase_if(set, [&](StateId state) { return std::exchange(seen_[state], round_) == round_; });
    if (set.size() == 1 && id_of_lone_[set[0]] != kNone) return id_of_lone_[set[0]];
    const StateId lone = set.size() == 1 ? set[0] : kNoState;
    for (std::size_t i = 0; i < set.size() && graph_.has_inert; ++i) {
      for (const Transition& step : graph_.outgoing(set[i])) {
        if (step.action != kTau) break;
        if (std::exchange(seen_[step.target], round_) != round_) set.push_back(step.target);
      }
    }
    sort_seen(set);
    spend(set.size() + 4);
    const auto [it, added] = ids_.emplace(std::move(set), static_cast<std::uint32_t>(sets_.size()));
    if (added) sets_.push_back(&it->first);
    if (lone != kNoState) id_of_lone_[lone] = it->second;
    return it->second;
  }

  // Sorts the set of all states that were seen in this round.
  void sort_seen(StateSet& set) const {
    if (set.size() < graph_.state_count / kManyShare) {
      std::sort(set.begin(), set.end());
      return;
    }
    set.clear();
    for (StateId state = 0; state < graph_.state_count; ++state) {
      if (seen_[state] == round_) set.push_back(state);
    }
  }

  void visit(std::uint32_t left, std::uint32_t right, std::uint32_t parent, ActionId action, std::uint32_t depth) {
    if (left == right || (levels_ != nullptr && are_related(left, right, depth))) return;
    const bool included =
        relation_ == TraceRelation::inclusion &&
        std::includes(sets_[right]->begin(), sets_[right]->end(), sets_[left]->begin(), sets_[left]->end());
    if (included || !visited_.insert(std::uint64_t{left} << 32U | right).second) return;
    nodes_.push_back({left, right, parent, action, depth});
  }

  // Whether the sets have the same traces of what is left of the length, because they meet the same classes.
  bool are_related(std::uint32_t left, std::uint32_t right, std::uint32_t depth) {
    return depth >= length_ || classes_of_set(left, length_ - depth) == classes_of_set(right, length_ - depth);
  }

  std::vector<std::uint32_t> classes_of_set(std::uint32_t set, std::uint32_t level) {
    std::vector<std::uint32_t> classes;
    for (const StateId state : *sets_[set]) classes.push_back(levels_->class_at(state, level));
    std::sort(classes.begin(), classes.end());
    classes.erase(std::unique(classes.begin(), classes.end()), classes.end());
    spend(sets_[set]->size());
    return classes;
  }

  // By action.
  std::vector<Step> steps_of(const StateSet& set) {
    std::vector<Step> steps;
    for (const StateId state : set) {
      for (const Transition& step : graph_.outgoing(state)) {
        if ((graph_.has_inert && step.action == kTau) || step.action >= action_end_) continue;
        steps.emplace_back(step.action, step.target);
      }
    }
    spend(steps.size() + set.size());
    sort_by_action(steps);
    return steps;
  }

  void sort_by_action(std::vector<Step>& steps) {
    if (steps.size() < graph_.action_count) {
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

  // Takes the targets of the first action off the range.
  static StateSet take_targets(const std::vector<Step>& steps, std::size_t& at, ActionId action) {
    StateSet targets;
    for (; at < steps.size() && steps[at].first == action; ++at) targets.push_back(steps[at].second);
    return targets;
  }

  // True if one side alone can go on with some action.
  bool expand(std::uint32_t at) {
    const std::vector<Step> left = steps_of(*sets_[nodes_[at].left]);
    const std::vector<Step> right = steps_of(*sets_[nodes_[at].right]);
    std::size_t l = 0;
    std::size_t r = 0;
    while (l < left.size() || r < right.size()) {
      const ActionId action =
          std::min(l < left.size() ? left[l].first : kNone, r < right.size() ? right[r].first : kNone);
      StateSet left_targets = take_targets(left, l, action);
      StateSet right_targets = take_targets(right, r, action);
      if (left_targets.empty() && relation_ == TraceRelation::inclusion) continue;
      if (left_targets.empty() || right_targets.empty()) {
        found(at, action, right_targets.empty());
        return true;
      }
      const std::uint32_t left_set = intern(std::move(left_targets));
      visit(left_set, intern(std::move(right_targets)), at, action, nodes_[at].depth + 1);
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
  std::unordered_map<StateSet, std::uint32_t, StateSetHash> ids_;
  std::vector<const StateSet*> sets_;
  std::unordered_set<std::uint64_t> visited_;
  std::vector<Node> nodes_;
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
  SPEX_TRY_ASSIGN(const MergedGraph graph, merge_graphs(left, right, Bisimilarity::branching));
  // Bisimilar systems have the same traces, and that is found without a budget.
  if (initial_states_bisimilar(graph)) return TraceComparison::Outcome::holds;
  return compare_traces(graph, relation, graph.action_count, work_max == 0 ? kTraceWorkMax : work_max).outcome;
}

}  // namespace spex::lts
