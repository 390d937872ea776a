#include "lts/formula_eval.h"

#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spex::lts {
namespace {

using Kind = FormulaNode::Kind;

class Evaluator {
 public:
  Evaluator(const Formulas& formulas, const Lts& lts, std::span<const ActionId> action_of, std::uint64_t work_max)
      : formulas_(formulas), lts_(lts), action_of_(action_of), work_left_(work_max), seen_(lts.state_count(), 0) {}

  Truth run(FormulaId formula, StateId state) {
    open(formula, state);
    while (!frames_.empty()) {
      if (work_left_ == 0) return Truth::unknown;
      --work_left_;
      const std::optional<bool> value = advance();
      if (!value) continue;
      known_[key(frames_.back().node, frames_.back().state)] = *value;
      frames_.pop_back();
    }
    return known_.at(key(formula, state)) ? Truth::yes : Truth::no;
  }

 private:
  struct Frame {
    FormulaId node;
    StateId state;
    std::vector<StateId> reach;  // of an observation: what taus lead to
    std::size_t at = 0;          // operand, or place in reach
    std::size_t step = 0;        // place in the row of that state; one more in front is "nothing"
  };

  static std::uint64_t key(FormulaId node, StateId state) { return std::uint64_t{node} << 32U | state; }

  void open(FormulaId node, StateId state) {
    frames_.push_back({node, state, {}});
    if (formulas_.node(node).kind == Kind::observation) frames_.back().reach = tau_reach(state);
  }

  std::vector<StateId> tau_reach(StateId state) {
    std::vector<StateId> reach{state};
    ++round_;
    seen_[state] = round_;
    for (std::size_t i = 0; i < reach.size(); ++i) {
      for (const Transition& step : lts_.outgoing(reach[i])) {
        if (work_left_ > 0) --work_left_;
        if (step.action != kTau || seen_[step.target] == round_) continue;
        seen_[step.target] = round_;
        reach.push_back(step.target);
      }
    }
    return reach;
  }

  // The value if known; else it is asked for, and the frame on top comes back when it is.
  std::optional<bool> ask(FormulaId node, StateId state) {
    if (node == Formulas::kTruth) return true;
    const auto known = known_.find(key(node, state));
    if (known != known_.end()) return known->second;
    open(node, state);  // invalidates references to frames
    return std::nullopt;
  }

  // One step of the frame on top; its value when it is found.
  std::optional<bool> advance() {
    Frame& frame = frames_.back();
    const FormulaNode& node = formulas_.node(frame.node);
    const auto operands = formulas_.operands(frame.node);
    switch (node.kind) {
      case Kind::truth:
        return true;
      case Kind::negation: {
        const std::optional<bool> value = ask(operands[0], frame.state);
        return value ? std::optional<bool>(!*value) : std::nullopt;
      }
      case Kind::conjunction: {
        if (frame.at == operands.size()) return true;
        const std::optional<bool> value = ask(operands[frame.at], frame.state);
        if (!value) return std::nullopt;
        if (!*value) return false;
        ++frame.at;
        return std::nullopt;
      }
      case Kind::step:
        if (frame.step == 0) frame.step = 1;  // "nothing" is no step
        return advance_steps(frame, node, operands[0], frame.state);
      case Kind::observation:
        return advance_observation(frame, node, operands);
    }
    return std::nullopt;
  }

  std::optional<bool> advance_observation(Frame& frame, const FormulaNode& node, std::span<const FormulaId> operands) {
    if (frame.at == frame.reach.size()) return false;
    const StateId state = frame.reach[frame.at];
    const std::optional<bool> before = ask(operands[1], state);
    if (!before) return std::nullopt;
    if (frame.step == 0 && node.action != kTau) frame.step = 1;
    const std::optional<bool> found = *before ? advance_steps(frame, node, operands[0], state) : false;
    if (!found) return std::nullopt;
    if (*found) return true;
    ++frame.at;
    frame.step = 0;
    return std::nullopt;
  }

  // Whether a step of `state` with the node's action leads to where `after` holds. Step 0 is staying there.
  std::optional<bool> advance_steps(Frame& frame, const FormulaNode& node, FormulaId after, StateId state) {
    const auto row = lts_.outgoing(state);
    const ActionId action = action_of_[node.action];
    while (frame.step <= row.size()) {
      if (work_left_ > 0) --work_left_;
      if (frame.step > 0 && row[frame.step - 1].action != action) {
        ++frame.step;
        continue;
      }
      const std::optional<bool> value = ask(after, frame.step == 0 ? state : row[frame.step - 1].target);
      if (!value) return std::nullopt;
      if (*value) return true;
      ++frame.step;
    }
    return false;
  }

  const Formulas& formulas_;
  const Lts& lts_;
  std::span<const ActionId> action_of_;
  std::uint64_t work_left_;
  std::unordered_map<std::uint64_t, bool> known_;
  std::vector<Frame> frames_;
  std::vector<std::uint32_t> seen_;
  std::uint32_t round_ = 0;
};

}  // namespace

Truth evaluate(const Formulas& formulas, FormulaId formula, const Lts& lts, StateId state,
               std::span<const ActionId> action_of, std::uint64_t work_max) {
  if (formula == Formulas::kTruth) return Truth::yes;
  return Evaluator(formulas, lts, action_of, work_max).run(formula, state);
}

}  // namespace spex::lts
