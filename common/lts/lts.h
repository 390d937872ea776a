// Lts: an immutable labelled transition system.
//
// States and actions are dense 32-bit numbers; transitions lie in one array,
// grouped by source (compressed sparse rows), 8 bytes each. Action 0 is always
// the internal action tau, whether or not a transition carries it; what its
// label is called (`tau`, `__internal__`, …) is the table's business. State
// names are optional: a state without one is called by its number.
// Made by LtsBuilder and by the readers; used by everything in lts/.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lts/string_table.h"

namespace spex::lts {

using StateId = std::uint32_t;
using ActionId = std::uint32_t;

// The internal action of every LTS.
inline constexpr ActionId kTau = 0;
// No state; so an LTS has at most kNoState states, and as many transitions.
inline constexpr StateId kNoState = 0xFFFFFFFFU;

struct Transition {
  ActionId action;
  StateId target;
  friend bool operator==(const Transition&, const Transition&) = default;
};

class Lts {
 public:
  // At least 1.
  std::uint32_t state_count() const { return state_count_; }
  std::uint32_t transition_count() const { return static_cast<std::uint32_t>(transitions_.size()); }
  // At least 1, for tau.
  std::uint32_t action_count() const { return actions_.size(); }
  StateId initial_state() const { return initial_state_; }

  // In the order in which they were added.
  std::span<const Transition> outgoing(StateId state) const {
    // Rows end with the last state that has a transition; a file may declare many more.
    if (state + std::size_t{1} >= row_begins_.size()) return {};
    return {transitions_.data() + row_begins_[state], transitions_.data() + row_begins_[state + std::size_t{1}]};
  }

  std::string_view action_name(ActionId action) const { return actions_.text(action); }
  const StringTable& actions() const { return actions_; }

  bool has_state_names() const { return !state_names_.empty(); }
  // Its name, or its number in decimal.
  std::string state_name(StateId state) const;

 private:
  friend class LtsBuilder;
  Lts() = default;

  std::uint32_t state_count_ = 1;
  StateId initial_state_ = 0;
  std::vector<std::uint32_t> row_begins_;  // one more than there are rows; empty without transitions
  std::vector<Transition> transitions_;
  StringTable actions_;
  StringTable state_names_;  // by state; may end early
};

}  // namespace spex::lts
