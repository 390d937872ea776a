#include "lts/explanation.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "lts/distinguishing.h"
#include "lts/formula_eval.h"
#include "lts/horizon.h"
#include "lts/level_partition.h"
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
// The least that an observation adds to the text of a formula: `<tau*><>` and `<>`.
constexpr std::uint64_t kWeakObservationBytes = 8;
constexpr std::uint64_t kStepBytes = 2;

class Explainer {
 public:
  Explainer(const Lts& left, const Lts& right, const Decision& decision, const ExplainOptions& options)
      : left_(left), right_(right), decision_(decision), options_(options), graph_(decision.graph) {
    const MatchedActions matched(left, right);
    action_end_ = matched.count;
    names_.resize(graph_.action_count, "divergence");
    left_action_.resize(graph_.action_count, kNoAction);
    right_action_.resize(graph_.action_count, kNoAction);
    for (ActionId action = 0; action < left.action_count(); ++action) {
      names_[action] = left.action_name(action);
      left_action_[action] = action;
    }
    for (ActionId action = 0; action < right.action_count(); ++action) {
      if (action != kTau) names_[matched.of_right[action]] = right.action_name(action);
      right_action_[matched.of_right[action]] = action;
    }
    work_ = options.work_max != 0 ? options.work_max
                                  : kWorkAtLeast + kGamePerElement * (graph_.transitions.size() + graph_.state_count);
    trace_work_ = options.work_max != 0
                      ? options.work_max
                      : kTraceWorkAtLeast + kTraceWorkPerElement * (graph_.transitions.size() + graph_.state_count);
  }

  Explanation run() {
    result_.left_state = left_.initial_state();
    result_.right_state = right_.initial_state();
    const std::optional<std::uint32_t> depth = find_levels();
    const bool has_trace = decision_.relation != Bisimilarity::strong && explain_by_trace(find_traces(depth));
    if (!depth) {
      result_.note = "Telling the systems apart takes more work than allowed, so there is no formula.";
      return std::move(result_);
    }
    Distinguisher distinguisher(graph_, *levels_, work_);
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

  // The level at which the initial states differ; nothing if the budget is spent.
  std::optional<std::uint32_t> find_levels() {
    for (const std::uint32_t level_max : {decision_.rounds, graph_.state_count + 1}) {
      if (level_max == 0) continue;
      levels_.reset();
      horizon_.emplace(graph_, level_max);
      levels_.emplace(graph_, *horizon_, work_);
      const auto depth = levels_->refine_until_separated();
      if (depth || levels_->budget_spent()) return depth;
    }
    return std::nullopt;
  }

  // No trace that tells the sides apart is shorter than the level at which they are separated; most are as long.
  TraceComparison find_traces(std::optional<std::uint32_t> depth) const {
    if (depth) {
      const auto& lone = horizon_->trace_to_lone_action();
      if (lone && lone->actions.size() == *depth && lone->actions.back() < action_end_) {
        return {TraceComparison::Outcome::differs, lone->left_is_able, lone->actions};
      }
      TraceComparison traces = find_trace(graph_, *levels_, *depth, action_end_, trace_work_);
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
      actions.reserve(trace_.size());
      for (const ActionId action : trace_) actions.push_back(own_actions(which)[action]);
      const bool able = which == result_.able;
      if (!able) actions.pop_back();
      Run run = run_along(side(which), actions);
      StateId state = run.steps.empty() ? side(which).initial_state() : run.steps.back().state;
      if (able) run.ends = {state = state_before_last(side(which), run.steps)};
      (which == Side::left ? result_.left_run : result_.right_run) = std::move(run.steps);
      (which == Side::left ? result_.left_state : result_.right_state) = state;
      (which == Side::left ? result_.left_offers : result_.right_offers) = offers_of(side(which), run.ends);
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
    state_of_ = states_in_graph(left_, right_, decision_.relation);
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
      if (distinguisher.answers(*attack).empty()) {
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
    const std::uint64_t observation_bytes = graph_.has_inert ? kWeakObservationBytes : kStepBytes;
    if (depth * observation_bytes > options_.formula_bytes_max) return leave_formula_out(depth);
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

  void leave_formula_out(std::uint32_t depth) {
    result_.depth = depth;
    result_.note =
        "The distinguishing formula is longer than " + std::to_string(options_.formula_bytes_max) + " bytes.";
  }

  void add_checked(const Formulas& formulas, FormulaId formula, std::uint32_t depth) {
    auto text = formulas.text(formula, names_, options_.formula_bytes_max);
    if (!text) return leave_formula_out(depth);
    const Truth of_left = evaluate(formulas, formula, left_, left_.initial_state(), left_action_, work_);
    const Truth of_right = evaluate(formulas, formula, right_, right_.initial_state(), right_action_, work_);
    if (of_left == Truth::yes && of_right == Truth::no) {
      result_.formula = std::move(*text);
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
  const Decision& decision_;
  const ExplainOptions& options_;
  const MergedGraph& graph_;
  std::vector<StateId> state_of_;  // of left's states and then of right's; for games
  std::optional<Horizon> horizon_;
  std::optional<LevelPartition> levels_;
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

Explanation explain(const Lts& left, const Lts& right, const Decision& decision, const ExplainOptions& options) {
  return Explainer(left, right, decision, options).run();
}

base::Result<Explanation> explain(const Lts& left, const Lts& right, Bisimilarity relation,
                                  const ExplainOptions& options) {
  SPEX_TRY_ASSIGN(const Decision decision, decide(left, right, relation));
  return explain(left, right, decision, options);
}

base::Result<Explanation> explain_traces(const Lts& left, const Lts& right, TraceRelation relation,
                                         const ExplainOptions& options) {
  Decision decision;
  SPEX_TRY_ASSIGN(decision.graph, merge_graphs(left, right, Bisimilarity::branching));
  return Explainer(left, right, decision, options).run_for_traces(relation);
}

}  // namespace spex::lts
