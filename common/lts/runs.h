// Runs of one LTS: how it gets from a state along given actions.
//
// Turns traces and moves of the game, which were found on a contracted graph,
// into the states that the systems really pass through. Used by explanation.cpp.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lts/explanation.h"
#include "lts/lts.h"

namespace spex::lts {

struct Run {
  std::vector<RunStep> steps;
  std::vector<StateId> ends;  // all states that the actions may lead to, silent steps after them included
};

// A run from the initial state along the visible actions, silent steps between them. There must be one.
Run run_along(const Lts& lts, std::span<const ActionId> actions);

// A shortest run of silent steps from `from` to a state that `is_end`, followed by one step that `is_last` accepts
// if `with_last`. There must be one.
std::vector<RunStep> silent_run(const Lts& lts, StateId from, const std::function<bool(StateId)>& is_end,
                                const std::function<bool(StateId, const Transition&)>* is_last);

// The visible actions that the states can do after silent steps; sorted, each once.
std::vector<std::string> offers_of(const Lts& lts, std::span<const StateId> states);

}  // namespace spex::lts
