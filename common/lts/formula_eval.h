// Evaluates formulas on an LTS: the judge of the explanations.
//
// Written apart from what makes the formulas, on the original systems, and by
// the meaning of the operators alone. Evaluates only what is asked for, with a
// memory of (subformula, state), without recursion, within a budget.
#pragma once

#include <cstdint>
#include <span>

#include "lts/formula.h"
#include "lts/lts.h"

namespace spex::lts {

enum class Truth : std::uint8_t { no, yes, unknown };  // unknown: the budget was spent

// No action of the LTS: a formula may name one that the system lacks.
inline constexpr ActionId kNoAction = 0xFFFFFFFFU;

// Whether `state` satisfies the formula. `action_of` gives the action of `lts` for each action of the formula.
Truth evaluate(const Formulas& formulas, FormulaId formula, const Lts& lts, StateId state,
               std::span<const ActionId> action_of, std::uint64_t work_max);

}  // namespace spex::lts
