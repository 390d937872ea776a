#include "lts/formula_eval.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "lts/aut_format.h"
#include "lts/formula.h"
#include "tests/support/random_lts.h"

using namespace spex::lts;
using namespace spex::test_support;

namespace {

std::uint32_t below(Random& random, std::uint32_t bound) { return static_cast<std::uint32_t>(random() % bound); }

// Some nodes of each kind over the nodes before them, with actions tau and two more.
Formulas random_formulas(Random& random) {
  Formulas formulas;
  while (formulas.size() < 14) {
    const auto any = [&] { return below(random, formulas.size()); };
    std::vector<FormulaId> operands{any(), any(), any()};
    switch (random() % 5) {
      case 0:
        formulas.negation(any());
        break;
      case 1:
        formulas.conjunction(operands);
        break;
      case 2:
        formulas.step(below(random, 3), any());
        break;
      default:
        formulas.observation(below(random, 3), any(), any());
        break;
    }
  }
  return formulas;
}

std::vector<StateId> tau_reach(const Lts& lts, StateId state) {
  std::vector<StateId> reach{state};
  for (std::size_t i = 0; i < reach.size(); ++i) {
    for (const Transition& step : lts.outgoing(reach[i])) {
      if (step.action == kTau && std::find(reach.begin(), reach.end(), step.target) == reach.end()) {
        reach.push_back(step.target);
      }
    }
  }
  return reach;
}

// By the meaning of the operators: what each formula says of each state, given what those before it say.
std::vector<std::vector<bool>> meaning_of(const Formulas& formulas, const Lts& lts) {
  using Kind = FormulaNode::Kind;
  std::vector<std::vector<bool>> holds;
  for (FormulaId id = 0; id < formulas.size(); ++id) {
    const FormulaNode& node = formulas.node(id);
    const auto operands = formulas.operands(id);
    holds.emplace_back(lts.state_count(), node.kind == Kind::truth || node.kind == Kind::conjunction);
    const auto can = [&](StateId state) {
      const auto row = lts.outgoing(state);
      return std::any_of(row.begin(), row.end(), [&](const Transition& step) {
        return step.action == node.action && holds[operands[0]][step.target];
      });
    };
    for (StateId state = 0; state < lts.state_count(); ++state) {
      if (node.kind == Kind::negation) holds[id][state] = !holds[operands[0]][state];
      if (node.kind == Kind::step) holds[id][state] = can(state);
      if (node.kind == Kind::conjunction) {
        for (const FormulaId operand : operands) holds[id][state] = holds[id][state] && holds[operand][state];
      }
      if (node.kind != Kind::observation) continue;
      for (const StateId x : tau_reach(lts, state)) {
        const bool after = can(x) || (node.action == kTau && holds[operands[0]][x]);
        if (after && holds[operands[1]][x]) holds[id][state] = true;
      }
    }
  }
  return holds;
}

}  // namespace

TEST_CASE("formulas are judged by the meaning of their operators", "[lts]") {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  const std::vector<ActionId> same{kTau, 1, 2};
  std::vector<unsigned> judged(2, 0);
  for (unsigned i = 0; i < 400; ++i) {
    const Lts lts = random_lts(random, {});
    const Formulas formulas = random_formulas(random);
    const auto holds = meaning_of(formulas, lts);
    INFO("seed " << seed << " system " << i << "\n" << *format_aut(lts));
    for (FormulaId id = formulas.size() - 4; id < formulas.size(); ++id) {
      for (StateId state = 0; state < lts.state_count(); ++state) {
        const Truth expected = holds[id][state] ? Truth::yes : Truth::no;
        if (evaluate(formulas, id, lts, state, same, 1'000'000) != expected)
          FAIL("formula " << id << " state " << state);
        ++judged[holds[id][state] ? 1 : 0];
      }
    }
  }
  CHECK(judged[0] > 500);
  CHECK(judged[1] > 500);
}

TEST_CASE("a formula is judged on a long cycle of taus without looking at it from each state", "[lts]") {
  // From each of n states the taus lead to all others; none can do action 1, and the first can do action 2.
  constexpr StateId kStates = 20'000;
  std::string text = "0 b 0";
  for (StateId state = 0; state < kStates; ++state) {
    text += ", " + std::to_string(state) + " tau " + std::to_string((state + 1) % kStates) + ", " +
            std::to_string(state) + " c " + std::to_string(state);
  }
  const Lts lts = lts_of(text);
  const auto action = [&](const char* name) { return *lts.actions().find(name); };
  const std::vector<ActionId> names{kTau, kNoAction, action("b"), action("c")};
  Formulas formulas;
  const auto c_then = [&](ActionId wanted) {
    return formulas.observation(3, formulas.observation(wanted, Formulas::kTruth, Formulas::kTruth), Formulas::kTruth);
  };
  CHECK(evaluate(formulas, c_then(1), lts, 0, names, 20 * kStates) == Truth::no);
  CHECK(evaluate(formulas, c_then(1), lts, 0, names, kStates) == Truth::unknown);
  CHECK(evaluate(formulas, c_then(2), lts, 1, names, 20 * kStates) == Truth::yes);
}
