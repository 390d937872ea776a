#include "lts/formula_eval.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "lts/pair_map.h"

namespace spex::lts {
namespace {

using Kind = FormulaNode::Kind;

// What is known of subformulas at states. A formula of few subformulas is asked about at most states, one of many at
// few states each.
class Known {
 public:
  Known(const Formulas& formulas, const Lts& lts) : state_count_(lts.state_count()) {
    if (formulas.size() <= kFew) by_state_.resize(formulas.size());
  }

  // The value, or null; until the next insert().
  std::uint32_t* find(FormulaId node, StateId state) {
    if (by_state_.empty()) return pairs_.find(node, state);
    if (by_state_[node].empty() || by_state_[node][state] == kUnknown) return nullptr;
    return &by_state_[node][state];
  }
  // The pair must not be there, and the value not be kUnknown.
  void insert(FormulaId node, StateId state, std::uint32_t value) {
    if (by_state_.empty()) return pairs_.insert(node, state, value);
    if (by_state_[node].empty()) by_state_[node].assign(state_count_, kUnknown);
    by_state_[node][state] = value;
  }

 private:
  static constexpr std::uint32_t kFew = 8;
  static constexpr std::uint32_t kUnknown = 0xFFFFFFFFU;

  std::uint32_t state_count_;
  std::vector<std::vector<std::uint32_t>> by_state_;  // by subformula; nothing if they are many
  PairMap pairs_;
};

// Asks for subformulas at states, one frame each. `<tau*>f` holds at a state if f does or `<tau*>f` holds at what a
// tau leads to; on the cycles of that it holds nowhere if nowhere by other means. They are found as Tarjan finds
// components: what is found to be false while it depends on a state still asked about waits with that state.
class Evaluator {
 public:
  Evaluator(const Formulas& formulas, const Lts& lts, std::span<const ActionId> action_of, std::uint64_t work_max)
      : formulas_(formulas), lts_(lts), action_of_(action_of), work_left_(work_max), known_(formulas, lts) {}

  Truth run(FormulaId formula, StateId state) {
    std::optional<bool> value = ask(formula, state);
    while (!value) {
      while (!frames_.empty()) {
        if (work_left_ == 0) return Truth::unknown;
        --work_left_;
        const std::optional<bool> found = advance(frames_.back());
        if (found) close(*found);
      }
      value = ask(formula, state);
    }
    return *value ? Truth::yes : Truth::no;
  }

 private:
  struct Frame {
    FormulaId node;
    StateId state;
    std::uint32_t at;      // operand of a conjunction; of an observation: 0 at the state itself, 1 at its taus
    std::uint32_t step;    // place in the row; at the state itself one more in front is "nothing"
    std::uint32_t index;   // of an observation: its place in open_
    std::uint32_t lowest;  // and the lowest place that its taus depend on
  };
  // What is known of a subformula at a state; from kOpen on: its place in open_.
  static constexpr std::uint32_t kFalse = 0;
  static constexpr std::uint32_t kTrue = 1;
  static constexpr std::uint32_t kOpen = 2;

  void open(FormulaId node, StateId state) {
    const auto index = static_cast<std::uint32_t>(open_.size());
    if (formulas_.node(node).kind == Kind::observation) {
      open_.emplace_back(node, state);
      known_.insert(node, state, kOpen + index);
    }
    frames_.push_back({node, state, 0, 0, index, index});
  }

  // The value if known; else it is asked for, and the frame on top comes back when it is.
  std::optional<bool> ask(FormulaId node, StateId state) {
    bool negated = false;
    for (; formulas_.node(node).kind == Kind::negation; negated = !negated) node = formulas_.operands(node)[0];
    if (node == Formulas::kTruth) return !negated;
    if (needs_missing_action(formulas_.node(node))) return negated;
    const std::uint32_t* const known = known_.find(node, state);
    if (known != nullptr) return (*known == kTrue) != negated;
    open(node, state);  // invalidates references to frames
    return std::nullopt;
  }

  // No state of the LTS can do it. "Tau or nothing" can always be done.
  bool needs_missing_action(const FormulaNode& node) const {
    if (node.kind == Kind::step) return action_of_[node.action] == kNoAction;
    return node.kind == Kind::observation && node.action != kTau && action_of_[node.action] == kNoAction;
  }

  // One step of the frame on top; its value when it is found.
  std::optional<bool> advance(Frame& frame) {
    const FormulaNode& node = formulas_.node(frame.node);
    const auto operands = formulas_.operands(frame.node);
    switch (node.kind) {
      case Kind::truth:
      case Kind::negation:
        break;  // ask() knows them
      case Kind::conjunction:
        return advance_conjunction(frame, operands);
      case Kind::step:
        if (frame.step == 0) frame.step = 1;  // "nothing" is no step
        return advance_steps(frame, node, operands[0]);
      case Kind::observation:
        return frame.at == 0 ? advance_observation(frame, node, operands) : advance_taus(frame);
    }
    return false;
  }

  std::optional<bool> advance_conjunction(Frame& frame, std::span<const FormulaId> operands) {
    while (frame.at < operands.size()) {
      const std::optional<bool> value = ask(operands[frame.at], frame.state);
      if (!value) return std::nullopt;
      if (!*value) return false;
      ++frame.at;
    }
    return true;
  }

  std::optional<bool> advance_observation(Frame& frame, const FormulaNode& node, std::span<const FormulaId> operands) {
    const std::optional<bool> before = ask(operands[1], frame.state);
    if (!before) return std::nullopt;
    if (frame.step == 0 && node.action != kTau) frame.step = 1;
    const std::optional<bool> found = *before ? advance_steps(frame, node, operands[0]) : false;
    if (!found || *found) return found;
    frame.at = 1;
    frame.step = 0;
    return advance_taus(frame);
  }

  // Whether a step of the state with the node's action leads to where `after` holds. Step 0 is staying there.
  std::optional<bool> advance_steps(Frame& frame, const FormulaNode& node, FormulaId after) {
    const auto row = lts_.outgoing(frame.state);
    const ActionId action = action_of_[node.action];
    for (; frame.step <= row.size(); ++frame.step) {
      if (work_left_ > 0) --work_left_;
      if (frame.step > 0 && row[frame.step - 1].action != action) continue;
      const std::optional<bool> value = ask(after, frame.step == 0 ? frame.state : row[frame.step - 1].target);
      if (!value || *value) return value;
    }
    return false;
  }

  // Whether the observation holds at what a tau leads to.
  std::optional<bool> advance_taus(Frame& frame) {
    const auto row = lts_.outgoing(frame.state);
    for (; frame.step < row.size(); ++frame.step) {
      if (work_left_ > 0) --work_left_;
      if (row[frame.step].action != kTau) continue;
      const std::uint32_t* const known = known_.find(frame.node, row[frame.step].target);
      if (known == nullptr) {
        open(frame.node, row[frame.step].target);
        return std::nullopt;
      }
      if (*known == kTrue) return true;
      if (*known >= kOpen) frame.lowest = std::min(frame.lowest, *known - kOpen);
    }
    return false;
  }

  void close(bool value) {
    const Frame done = frames_.back();
    frames_.pop_back();
    if (formulas_.node(done.node).kind != Kind::observation) {
      known_.insert(done.node, done.state, value ? kTrue : kFalse);
    } else if (value || done.lowest == done.index) {
      // What waits with it can do what it can.
      for (; open_.size() > done.index; open_.pop_back()) {
        *known_.find(open_.back().first, open_.back().second) = value ? kTrue : kFalse;
      }
    } else {
      frames_.back().lowest = std::min(frames_.back().lowest, done.lowest);
    }
  }

  const Formulas& formulas_;
  const Lts& lts_;
  std::span<const ActionId> action_of_;
  std::uint64_t work_left_;
  Known known_;
  std::vector<Frame> frames_;
  std::vector<std::pair<FormulaId, StateId>> open_;
};

}  // namespace

Truth evaluate(const Formulas& formulas, FormulaId formula, const Lts& lts, StateId state,
               std::span<const ActionId> action_of, std::uint64_t work_max) {
  return Evaluator(formulas, lts, action_of, work_max).run(formula, state);
}

}  // namespace spex::lts
