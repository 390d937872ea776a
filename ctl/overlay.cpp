#include "ctl/overlay.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "ctl/exchanges.h"
#include "ctl/output.h"
#include "lts/quotient.h"

namespace spex::ctl {
namespace {

using lts::ActionId;
using lts::kNoState;
using lts::Lts;
using lts::StateId;
using lts::Transition;

// Silent steps are followed this far; a longer chain cannot be drawn anyway.
constexpr std::size_t kSilentStatesMax = 2000;
constexpr ActionId kNoAction = 0xFFFFFFFFU;

// A state of each side; kNoState: this side cannot follow.
struct Pair {
  StateId left;
  StateId right;
  auto operator<=>(const Pair&) const = default;
};

std::vector<StateId> silent_reach(const Lts& lts, StateId from) {
  std::vector<StateId> reached{from};
  std::set<StateId> seen{from};
  for (std::size_t i = 0; i < reached.size() && reached.size() < kSilentStatesMax; ++i) {
    for (const Transition& step : lts.outgoing(reached[i])) {
      if (step.action == lts::kTau && seen.insert(step.target).second) reached.push_back(step.target);
    }
  }
  return reached;
}

// Where `action` leads after silent steps; for tau: where silent steps lead.
std::vector<StateId> weak_targets(const Lts& lts, StateId from, ActionId action) {
  std::vector<StateId> reached = silent_reach(lts, from);
  if (action == lts::kTau) return reached;
  std::vector<StateId> targets;
  for (const StateId state : reached) {
    for (const Transition& step : lts.outgoing(state)) {
      if (step.action == action) targets.push_back(step.target);
    }
  }
  return targets;
}

class Overlay {
 public:
  Overlay(const Lts& left, const Lts& right, const lts::BisimilarityClasses& classes, const CountOf& count_of,
          std::size_t nodes_max)
      : left_(left),
        right_(right),
        classes_(classes),
        count_of_(count_of),
        nodes_max_(nodes_max),
        of_left_(left.action_count(), kNoAction) {
    for (ActionId action = 0; action < right.action_count(); ++action) {
      const auto known = left.actions().find(right.action_name(action));
      of_right_.push_back(action == lts::kTau ? lts::kTau : (known && *known != lts::kTau ? *known : kNoAction));
      if (of_right_.back() != kNoAction) of_left_[of_right_.back()] = action;
    }
  }

  Drawing draw(const std::vector<Exchange>& run) {
    prefer(run);
    drawing_.is_comparison = true;
    drawing_.has_run = !run.empty();
    drawing_.nodes[*node({left_.initial_state(), right_.initial_state()})].is_initial = true;
    while (!open_.empty()) {
      const std::uint32_t next = open_.front();
      open_.pop_front();
      expand_pair(next);
    }
    add_one_sided();
    highlight(run);
    return std::move(drawing_);
  }

 private:
  // A step that only one side has, until it is known which states are drawn in pairs.
  struct OneSided {
    std::uint32_t from;
    ActionId action;  // of its own side
    StateId to;
    Presence presence;
  };

  void prefer(const std::vector<Exchange>& run) {
    Pair at{left_.initial_state(), right_.initial_state()};
    for (const Exchange& exchange : run) {
      if (!exchange.left.empty()) at.left = exchange.left.back().state;
      if (!exchange.right.empty()) at.right = exchange.right.back().state;
      preferred_.insert(at);
    }
  }

  std::optional<std::uint32_t> node(Pair pair) {
    if (const auto found = numbers_.find(pair); found != numbers_.end()) return found->second;
    if (pairs_.size() == nodes_max_) return std::nullopt;
    const auto number = static_cast<std::uint32_t>(pairs_.size());
    numbers_.emplace(pair, number);
    pairs_.push_back(pair);
    const bool has_left = pair.left != kNoState;
    const bool has_right = pair.right != kNoState;
    DrawnNode drawn;
    drawn.presence = !has_right ? Presence::extra : (has_left ? Presence::both : Presence::missing);
    const std::string name = has_left ? left_.state_name(pair.left) : right_.state_name(pair.right);
    const std::string other = has_right ? right_.state_name(pair.right) : name;
    drawn.label = name == other ? name : name + "\n(" + other + ")";
    drawing_.nodes.push_back(std::move(drawn));
    if (has_left && has_right) {
      // The run first, so that it is drawn however large the systems are.
      preferred_.contains(pair) ? open_.push_front(number) : open_.push_back(number);
    } else {
      one_sided_open_.push_back(number);
    }
    return number;
  }

  void edge(std::uint32_t from, Pair to, const std::string& label, Presence presence, const std::string& action) {
    const auto target = node(to);
    if (!target) {
      ++drawing_.nodes[from].undrawn;
      return;
    }
    if (!edges_.insert({from, *target, label, presence}).second) return;
    drawing_.edges.push_back({from, *target, {label}, presence, 0, action.empty()});
    actions_.push_back(action);
  }

  // Empty for the silent one.
  static std::string name_of(const Lts& lts, ActionId action) {
    return action == lts::kTau ? std::string() : std::string(lts.action_name(action));
  }
  static std::string label_of(const std::string& action) { return action.empty() ? "(silent)" : action; }

  std::string left_label(StateId from, ActionId action, StateId to) const {
    const std::uint64_t count = count_of_(from, action, to);
    const std::string label = label_of(name_of(left_, action));
    return count > 0 ? label + " ×" + with_separators(count) : label;
  }

  bool are_bisimilar(StateId left, StateId right) const { return classes_.of_left[left] == classes_.of_right[right]; }

  // The partner for a step to `left`: of the run, else bisimilar, else any.
  StateId partner_of_left(StateId left, const std::vector<StateId>& candidates) const {
    for (const StateId right : candidates) {
      if (preferred_.contains({left, right})) return right;
    }
    for (const StateId right : candidates) {
      if (are_bisimilar(left, right)) return right;
    }
    return candidates.front();
  }
  StateId partner_of_right(StateId right, const std::vector<StateId>& candidates) const {
    for (const StateId left : candidates) {
      if (preferred_.contains({left, right})) return left;
    }
    return candidates.front();
  }

  void expand_pair(std::uint32_t from) {
    const Pair pair = pairs_[from];
    std::set<std::pair<ActionId, StateId>> taken;  // right's steps that are partners of left's
    for (const Transition& step : left_.outgoing(pair.left)) {
      const auto right_action = right_action_of(step.action);
      const auto candidates = right_action ? weak_targets(right_, pair.right, *right_action) : std::vector<StateId>();
      if (candidates.empty()) {
        one_sided_.push_back({from, step.action, step.target, Presence::extra});
        continue;
      }
      const StateId partner = partner_of_left(step.target, candidates);
      taken.insert({*right_action, partner});
      edge(from, {step.target, partner}, left_label(pair.left, step.action, step.target), Presence::both,
           name_of(left_, step.action));
    }
    for (const Transition& step : right_.outgoing(pair.right)) expand_right(from, step, taken);
  }

  void expand_right(std::uint32_t from, const Transition& step, const std::set<std::pair<ActionId, StateId>>& taken) {
    const Pair pair = pairs_[from];
    const bool is_silent = step.action == lts::kTau;
    // A silent step that changes nothing is not shown: the implementation need not have it.
    if (is_silent && classes_.of_right[step.target] == classes_.of_right[pair.right]) return;
    if (taken.contains({step.action, step.target})) return;
    const ActionId action = of_right_[step.action];
    const auto candidates = action == kNoAction ? std::vector<StateId>() : weak_targets(left_, pair.left, action);
    if (candidates.empty()) {
      one_sided_.push_back({from, step.action, step.target, Presence::missing});
      return;
    }
    for (const StateId left : candidates) {
      if (are_bisimilar(left, step.target)) return;  // drawn as a step of the implementation
    }
    const auto own = left_.outgoing(pair.left);
    const bool is_direct = std::any_of(own.begin(), own.end(), [&](const Transition& o) { return o.action == action; });
    if (!is_silent && !is_direct) return;  // drawn from where its silent steps lead
    const std::string name = name_of(right_, step.action);
    edge(from, {partner_of_right(step.target, candidates), step.target}, label_of(name), Presence::both, name);
  }

  std::optional<ActionId> right_action_of(ActionId action) const {
    return of_left_[action] == kNoAction ? std::nullopt : std::optional(of_left_[action]);
  }

  void add_one_sided() {
    for (const OneSided& step : one_sided_) draw_one_sided(step);
    while (!one_sided_open_.empty()) {
      const std::uint32_t from = one_sided_open_.front();
      one_sided_open_.pop_front();
      const bool is_left = pairs_[from].left != kNoState;
      const Lts& lts = is_left ? left_ : right_;
      for (const Transition& step : lts.outgoing(is_left ? pairs_[from].left : pairs_[from].right)) {
        draw_one_sided({from, step.action, step.target, is_left ? Presence::extra : Presence::missing});
      }
    }
  }

  // To a pair that has the state, if there is one.
  void draw_one_sided(const OneSided& step) {
    const bool is_left = step.presence == Presence::extra;
    Pair to{is_left ? step.to : kNoState, is_left ? kNoState : step.to};
    for (const Pair& pair : pairs_) {
      if (pair.left == kNoState || pair.right == kNoState) continue;
      if ((is_left ? pair.left : pair.right) != step.to) continue;
      to = pair;
      break;
    }
    const std::string name = name_of(is_left ? left_ : right_, step.action);
    const std::string label = is_left ? left_label(pairs_[step.from].left, step.action, step.to) : label_of(name);
    edge(step.from, to, label, step.presence, name);
  }

  // Follows the run over the drawn edges as far as they go.
  void highlight(const std::vector<Exchange>& run) {
    if (run.empty()) return;
    std::uint32_t at = 0;
    std::uint32_t number = 0;
    drawing_.nodes[at].is_on_run = true;
    for (const Exchange& exchange : run) {
      const auto follow = [&](const std::vector<lts::RunStep>& steps, bool is_left, bool visible) {
        for (const lts::RunStep& step : steps) {
          if (step.action.empty() != visible) walk(at, number, step, is_left);
        }
      };
      follow(exchange.left, true, false);
      follow(exchange.right, false, false);
      const std::uint32_t before = number;
      follow(exchange.left, true, true);
      // The other side's answer is the same edge.
      if (number == before) follow(exchange.right, false, true);
    }
  }

  void walk(std::uint32_t& at, std::uint32_t& number, const lts::RunStep& step, bool is_left) {
    DrawnEdge* best = nullptr;
    for (std::size_t i = 0; i < drawing_.edges.size(); ++i) {
      DrawnEdge& edge = drawing_.edges[i];
      const Pair to = pairs_[edge.to];
      if (edge.from != at || (is_left ? to.left : to.right) != step.state || actions_[i] != step.action) continue;
      if (best == nullptr || preferred_.contains(to)) best = &edge;
    }
    if (best == nullptr) return;
    at = best->to;
    if (best->run_step == 0) best->run_step = ++number;
    drawing_.nodes[at].is_on_run = true;
  }

  const Lts& left_;
  const Lts& right_;
  const lts::BisimilarityClasses& classes_;
  const CountOf& count_of_;
  std::size_t nodes_max_;
  std::vector<ActionId> of_left_;   // right's action for each of left's
  std::vector<ActionId> of_right_;  // left's for each of right's
  std::set<Pair> preferred_;
  std::map<Pair, std::uint32_t> numbers_;
  std::vector<Pair> pairs_;  // by node
  std::deque<std::uint32_t> open_;
  std::deque<std::uint32_t> one_sided_open_;
  std::vector<OneSided> one_sided_;
  std::set<std::tuple<std::uint32_t, std::uint32_t, std::string, Presence>> edges_;
  Drawing drawing_;
  std::vector<std::string> actions_;  // by drawn edge
};

std::uint64_t reachable_count(const Lts& lts) {
  std::vector<bool> seen(lts.state_count());
  std::vector<StateId> open{lts.initial_state()};
  seen[lts.initial_state()] = true;
  std::uint64_t count = 0;
  while (!open.empty()) {
    const StateId state = open.back();
    open.pop_back();
    ++count;
    for (const Transition& step : lts.outgoing(state)) {
      if (!seen[step.target]) open.push_back(step.target);
      seen[step.target] = true;
    }
  }
  return count;
}

bool is_cut(const Drawing& drawing) {
  return std::any_of(drawing.nodes.begin(), drawing.nodes.end(),
                     [](const DrawnNode& node) { return node.undrawn > 0; });
}

bool is_too_large(const Drawing& drawing) { return is_cut(drawing) || drawing.edges.size() > kDrawnEdgesMax; }

void note_cut(Drawing& drawing, const Lts& lts, const std::string& what) {
  if (!is_cut(drawing)) return;
  drawing.notes.push_back("Cut: only " + plural(drawing.nodes.size(), "state") +
                          " near the start and the run are drawn; " + what + " has " +
                          with_separators(reachable_count(lts)) + ".");
}

Drawing draw_some(const Lts& lts, const CountOf& count_of, std::size_t nodes_max) {
  Drawing drawing;
  std::map<StateId, std::uint32_t> numbers;
  std::vector<StateId> states;
  const auto node = [&](StateId state) -> std::optional<std::uint32_t> {
    if (const auto found = numbers.find(state); found != numbers.end()) return found->second;
    if (states.size() == nodes_max) return std::nullopt;
    const auto number = static_cast<std::uint32_t>(states.size());
    numbers.emplace(state, number);
    states.push_back(state);
    DrawnNode drawn;
    drawn.label = lts.state_name(state);
    drawing.nodes.push_back(std::move(drawn));
    return number;
  };
  drawing.nodes[*node(lts.initial_state())].is_initial = true;
  for (std::uint32_t i = 0; i < states.size(); ++i) {
    for (const Transition& step : lts.outgoing(states[i])) {
      const auto target = node(step.target);
      if (!target) {
        ++drawing.nodes[i].undrawn;
        continue;
      }
      const bool is_silent = step.action == lts::kTau;
      std::string label(is_silent ? "(silent)" : lts.action_name(step.action));
      const std::uint64_t count = count_of(states[i], step.action, step.target);
      if (count > 0) label += " ×" + with_separators(count);
      drawing.edges.push_back({i, *target, {std::move(label)}, Presence::both, 0, is_silent});
    }
  }
  return drawing;
}

}  // namespace

Drawing draw_system(const Lts& lts, const CountOf& count_of) {
  Drawing drawing = draw_some(lts, count_of, kDrawnNodesMax);
  if (is_too_large(drawing)) drawing = draw_some(lts, count_of, kDrawnNodesOfCut);
  note_cut(drawing, lts, "the system");
  return drawing;
}

base::Result<Drawing> draw_comparison(const Lts& implementation, const Lts& specification,
                                      const lts::Explanation* explanation, const CountOf& count_of) {
  SPEX_TRY_ASSIGN(const auto classes, lts::bisimilarity_classes(implementation, specification));
  const auto run = exchanges_of(explanation);
  Drawing drawing = Overlay(implementation, specification, classes, count_of, kDrawnNodesMax).draw(run);
  if (is_too_large(drawing)) {
    drawing = Overlay(implementation, specification, classes, count_of, kDrawnNodesOfCut).draw(run);
  }
  note_cut(drawing, implementation, "the implementation");
  return drawing;
}

}  // namespace spex::ctl
