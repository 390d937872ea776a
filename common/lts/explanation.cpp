#include "lts/explanation.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "lts/distinguishing.h"
#include "lts/formula_eval.h"
#include "lts/runs.h"
#include "lts/weak_trace.h"

namespace spex::lts {
namespace {

// Elementary steps for each part, per state and transition and in any case.
constexpr std::uint64_t kGamePerElement = 32;
constexpr std::uint64_t kWorkAtLeast = 4'000'000;
// A step of the search for a trace takes longer than those of the other parts.
constexpr std::uint64_t kTraceWorkPerElement = 2;
constexpr std::uint64_t kTraceWorkAtLeast = 1'000'000;

class Explainer {
 public:
  Explainer(const Lts& left, const Lts& right, Bisimilarity relation, const ExplainOptions& options,
            const MergedGraph& graph, const std::vector<StateId>& state_of)
      : left_(left), right_(right), relation_(relation), options_(options), graph_(graph), state_of_(state_of) {
    const MatchedActions matched(left, right);
    action_end_ = matched.count;
    names_.resize(graph.action_count, "divergence");
    left_action_.resize(graph.action_count, kNoAction);
    right_action_.resize(graph.action_count, kNoAction);
    for (ActionId action = 0; action < left.action_count(); ++action) {
      names_[action] = left.action_name(action);
      left_action_[action] = action;
    }
    for (ActionId action = 0; action < right.action_count(); ++action) {
      if (action != kTau) names_[matched.of_right[action]] = right.action_name(action);
      right_action_[matched.of_right[action]] = action;
    }
    work_ = options.work_max != 0 ? options.work_max
                                  : kWorkAtLeast + kGamePerElement * (graph.transitions.size() + graph.state_count);
    trace_work_ = options.work_max != 0
                      ? options.work_max
                      : kTraceWorkAtLeast + kTraceWorkPerElement * (graph.transitions.size() + graph.state_count);
  }

  Explanation run() {
    result_.left_state = left_.initial_state();
    result_.right_state = right_.initial_state();
    LevelPartition levels(graph_, work_);
    const auto depth = levels.refine_until_separated(graph_.left_initial, graph_.right_initial, graph_.state_count + 1);
    const bool has_trace = relation_ != Bisimilarity::strong && explain_by_trace(find_traces(levels, depth));
    if (!depth) {
      result_.note = "Telling the systems apart takes more work than allowed, so there is no formula.";
      return std::move(result_);
    }
    Distinguisher distinguisher(graph_, levels, work_);
    if (!has_trace) explain_by_game(distinguisher);
    if (options_.with_formula) add_formula(distinguisher, *depth);
    return std::move(result_);
  }

  Explanation run_for_traces(TraceRelation relation) {
    result_.left_state = left_.initial_state();
    result_.right_state = right_.initial_state();
    const std::uint64_t work = options_.work_max == 0 ? kTraceWorkMax : options_.work_max;
    if (!explain_by_trace(compare_traces(graph_, relation, action_end_, work))) {
      result_.note = "Finding the trace that tells the systems apart takes more work than allowed.";
    } else if (options_.with_formula) {
      add_trace_formula();
    }
    return std::move(result_);
  }

 private:
  const Lts& side(Side which) const { return which == Side::left ? left_ : right_; }
  const std::vector<ActionId>& own_actions(Side which) const {
    return which == Side::left ? left_action_ : right_action_;
  }
  // The graph's state for a state of one side.
  StateId graph_state(Side which, StateId state) const {
    return state_of_[which == Side::left ? state : left_.state_count() + std::size_t{state}];
  }

  // No trace that tells the sides apart is shorter than the level at which they are separated; most are as long.
  TraceComparison find_traces(const LevelPartition& levels, std::optional<std::uint32_t> depth) const {
    if (depth) {
      TraceComparison traces = find_trace(graph_, levels, *depth, action_end_, trace_work_);
      if (traces.outcome == TraceComparison::Outcome::differs) return traces;
    }
    return compare_traces(graph_, TraceRelation::equivalence, action_end_, trace_work_);
  }

  bool explain_by_trace(const TraceComparison& traces) {
    if (traces.outcome != TraceComparison::Outcome::differs) return false;
    result_.kind = Explanation::Kind::trace;
    result_.able = traces.left_is_able ? Side::left : Side::right;
    trace_ = traces.trace;
    for (const ActionId action : traces.trace) result_.trace.emplace_back(names_[action]);
    result_.action = result_.trace.back();
    result_.trace.pop_back();
    for (const Side which : {Side::left, Side::right}) {
      std::vector<ActionId> actions;
      for (const ActionId action : traces.trace) actions.push_back(own_actions(which)[action]);
      const bool able = which == result_.able;
      const ActionId last = actions.back();
      actions.pop_back();
      Run before = run_along(side(which), actions);
      StateId state = before.steps.empty() ? side(which).initial_state() : before.steps.back().state;
      std::vector<RunStep>& steps = which == Side::left ? result_.left_run : result_.right_run;
      if (able) {
        // The run that can go on may be another one.
        actions.push_back(last);
        steps = run_along(side(which), actions).steps;
        state = state_before_last(side(which), steps);
        before.ends = {state};
      } else {
        steps = std::move(before.steps);
      }
      (which == Side::left ? result_.left_state : result_.right_state) = state;
      (which == Side::left ? result_.left_offers : result_.right_offers) = offers_of(side(which), before.ends);
    }
    return true;
  }

  // Where the run was before its last action and the silent steps leading to it.
  static StateId state_before_last(const Lts& lts, const std::vector<RunStep>& steps) {
    std::size_t at = steps.size() - 1;
    while (at > 0 && steps[at - 1].action.empty()) --at;
    return at == 0 ? lts.initial_state() : steps[at - 1].state;
  }

  void explain_by_game(Distinguisher& distinguisher) {
    StateId first = graph_.left_initial;
    StateId second = graph_.right_initial;
    while (true) {
      const std::optional<Attack> attack = distinguisher.best_attack(first, second);
      if (!attack) {
        result_.game.clear();
        result_.note = "The play that tells the systems apart takes more work than allowed.";
        return;
      }
      result_.left_offers = offers_of(left_, {&result_.left_state, 1});
      result_.right_offers = offers_of(right_, {&result_.right_state, 1});
      const Side mover = attack->by_second ? Side::right : Side::left;
      GameStep step{mover, shown(attack->action), {}, {}, result_.left_state, result_.right_state};
      if (attack->answers.empty()) {
        move(mover, attack->before, attack->action, attack->after, step);
        result_.game.push_back(std::move(step));
        result_.kind = Explanation::Kind::game;
        result_.able = mover;
        result_.action = attack->action < action_end_ ? std::string(names_[attack->action]) : std::string();
        return;
      }
      const Answer answer = distinguisher.best_answer(*attack);
      const bool before = distinguisher.differs_before(*attack, answer);
      const Side other = mover == Side::left ? Side::right : Side::left;
      move(mover, attack->before, attack->action, before ? attack->before : attack->after, step);
      move(other, answer.before, attack->action, before ? answer.before : answer.after, step);
      result_.left_state = step.left_state;
      result_.right_state = step.right_state;
      result_.game.push_back(std::move(step));
      first = graph_state(Side::left, result_.left_state);
      second = graph_state(Side::right, result_.right_state);
    }
  }

  std::string shown(ActionId action) const {
    const bool silent = (action == kTau && graph_.has_inert) || action >= action_end_;
    return silent ? std::string() : std::string(names_[action]);
  }

  // Plays silent steps to `before` and, if `to` is another state, the action to it; divergence is no move.
  void move(Side which, StateId before, ActionId action, StateId to, GameStep& step) {
    StateId& position = which == Side::left ? step.left_state : step.right_state;
    std::vector<RunStep>& run = which == Side::left ? step.left : step.right;
    const std::function<bool(StateId)> is_end = [&](StateId state) { return graph_state(which, state) == before; };
    const ActionId own = own_actions(which)[action];
    const std::function<bool(StateId, const Transition&)> is_last = [&](StateId, const Transition& taken) {
      return taken.action == own && graph_state(which, taken.target) == to;
    };
    const bool stays = action >= action_end_ || (to == before && !has_step(before, action, to));
    if (graph_.has_inert) {
      run = silent_run(side(which), position, is_end, stays ? nullptr : &is_last);
    } else if (!stays) {
      for (const Transition& taken : side(which).outgoing(position)) {
        if (!is_last(position, taken)) continue;
        run.push_back({std::string(names_[action]), taken.target});
        break;
      }
    }
    if (!run.empty()) position = run.back().state;
  }

  bool has_step(StateId from, ActionId action, StateId to) const {
    const auto row = graph_.outgoing(from);
    return std::find(row.begin(), row.end(), Transition{action, to}) != row.end();
  }

  void add_trace_formula() {
    Formulas formulas;
    FormulaId formula = Formulas::kTruth;
    for (auto action = trace_.rbegin(); action != trace_.rend(); ++action) {
      formula = formulas.observation(*action, formula, Formulas::kTruth);
    }
    if (result_.able == Side::right) formula = formulas.negation(formula);
    add_checked(formulas, formula, static_cast<std::uint32_t>(trace_.size()));
  }

  void add_formula(Distinguisher& distinguisher, std::uint32_t depth) {
    Formulas formulas;
    const auto formula = distinguisher.formula(graph_.left_initial, graph_.right_initial, formulas);
    if (!formula) {
      result_.note = "The distinguishing formula takes more work than allowed.";
      return;
    }
    const bool names_divergence = [&] {
      for (FormulaId id = 0; id < formulas.size(); ++id) {
        if (formulas.node(id).action >= action_end_) return true;
      }
      return false;
    }();
    if (names_divergence) {
      result_.note = "The difference is a divergence, which the formulas have no word for.";
      return;
    }
    add_checked(formulas, *formula, depth);
  }

  void add_checked(const Formulas& formulas, FormulaId formula, std::uint32_t depth) {
    const auto text = formulas.text(formula, names_, options_.formula_bytes_max);
    if (!text) {
      result_.depth = depth;
      result_.note =
          "The distinguishing formula is longer than " + std::to_string(options_.formula_bytes_max) + " bytes.";
      return;
    }
    const Truth of_left = evaluate(formulas, formula, left_, left_.initial_state(), left_action_, work_);
    const Truth of_right = evaluate(formulas, formula, right_, right_.initial_state(), right_action_, work_);
    if (of_left == Truth::yes && of_right == Truth::no) {
      result_.formula = *text;
      result_.depth = depth;
    } else if (of_left == Truth::unknown || of_right == Truth::unknown) {
      result_.note = "Checking the distinguishing formula takes more work than allowed, so it is not shown.";
    } else {
      const std::string note = "The explanation failed its own check, which is a bug; the verdict stands.";
      result_ = Explanation();
      result_.left_state = left_.initial_state();
      result_.right_state = right_.initial_state();
      result_.note = note;
    }
  }

  const Lts& left_;
  const Lts& right_;
  Bisimilarity relation_;
  const ExplainOptions& options_;
  const MergedGraph& graph_;
  const std::vector<StateId>& state_of_;
  std::uint64_t work_ = 0;
  std::uint64_t trace_work_ = 0;
  ActionId action_end_ = 0;      // actions below it are labels; divergence is not
  std::vector<ActionId> trace_;  // in the graph's actions
  std::vector<std::string_view> names_;
  std::vector<ActionId> left_action_;  // by the graph's action
  std::vector<ActionId> right_action_;
  Explanation result_;
};

}  // namespace

base::Result<Explanation> explain(const Lts& left, const Lts& right, Bisimilarity relation,
                                  const ExplainOptions& options) {
  std::vector<StateId> state_of;
  SPEX_TRY_ASSIGN(const MergedGraph graph, merge_graphs(left, right, relation, &state_of));
  return Explainer(left, right, relation, options, graph, state_of).run();
}

base::Result<Explanation> explain_traces(const Lts& left, const Lts& right, TraceRelation relation,
                                         const ExplainOptions& options) {
  std::vector<StateId> state_of;
  SPEX_TRY_ASSIGN(const MergedGraph graph, merge_graphs(left, right, Bisimilarity::branching, &state_of));
  return Explainer(left, right, Bisimilarity::branching, options, graph, state_of).run_for_traces(relation);
}

}  // namespace spex::lts
