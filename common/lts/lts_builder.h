// LtsBuilder: collects states and transitions and makes an Lts of them.
//
// States are given by number or by name; one builder uses one of the two.
// Called by the readers, by conformance (models and specifications) and tests.
// Adding is amortised O(1); build() is O(states + transitions).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "lts/lts.h"

namespace spex::lts {

class LtsBuilder {
 public:
  // `tau_name` is the label that means the internal action.
  explicit LtsBuilder(std::string_view tau_name = "tau");

  // A further label that means the internal action; not one that is already a visible action.
  void add_tau_name(std::string_view name);
  // The action of this label; kTau for a tau name.
  ActionId action(std::string_view label);
  // The state of this name; a new one if it was not there.
  StateId state(std::string_view name);
  // There are at least `count` states, numbered from 0.
  void ensure_states(std::uint32_t count) { state_count_ = std::max(state_count_, count); }
  void reserve_transitions(std::size_t count) { records_.reserve(count); }

  void add_transition(StateId from, ActionId action, StateId to) {
    SPEX_ASSERT(from != kNoState && to != kNoState && action < actions_.size());
    ensure_states(std::max(from, to) + 1);
    records_.push_back({from, action, to});
  }
  void add_transition(StateId from, std::string_view label, StateId to);
  void add_transition(std::string_view from, std::string_view label, std::string_view to);
  // State 0 unless set.
  void set_initial(StateId state);
  void set_initial(std::string_view name) { set_initial(state(name)); }

  std::string state_name(StateId state) const { return std::string(state_names_.text(state)); }
  std::string_view action_name(ActionId action) const { return actions_.text(action); }
  std::size_t transition_count() const { return records_.size(); }
  std::uint32_t state_count() const { return state_count_; }

  // The LTS, with at least one state. The builder is spent.
  Lts build() &&;

 private:
  struct Record {
    StateId from;
    ActionId action;
    StateId to;
  };

  std::uint32_t state_count_ = 1;
  StateId initial_state_ = 0;
  std::vector<Record> records_;
  StringTable actions_;
  StringTable state_names_;
  StringTable more_tau_names_;
};

}  // namespace spex::lts
