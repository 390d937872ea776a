// Specification: a named LTS with one initial state, the options that govern
// its instances (timeouts, pruning, error policy), and what follows from them.
// Immutable once made; the text form is specification_text.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/duration.h"
#include "base/result.h"
#include "conformance/error_policy.h"
#include "conformance/transition.h"

namespace spex::conformance {

enum class Prunable : std::uint8_t { none, all, terminal, listed };

struct SpecificationOptions {
  base::OptionalDuration transition_timeout;  // infinity
  bool timeout_at_end = false;                // report instances at their end, too
  base::OptionalDuration prune_timeout;       // infinity
  Prunable prunable = Prunable::none;
  std::vector<std::string> prunable_states;  // if listed; implementation states
  ErrorPolicy error_policy;

  bool operator==(const SpecificationOptions&) const = default;
};

class Specification {
 public:
  // An empty `initial_state` means the source of the first transition. Fails
  // with `invalid` for bad names, no transition, or an initial state that
  // occurs in no transition. Repeated transitions are kept once.
  static base::Result<Specification> make(std::string name, std::string initial_state,
                                          std::vector<NamedTransition> transitions, SpecificationOptions options = {});

  const std::string& name() const { return name_; }
  const std::string& initial_state() const { return initial_state_; }
  // In the order given.
  const std::vector<NamedTransition>& transitions() const { return transitions_; }
  const SpecificationOptions& options() const { return options_; }

  // States without outgoing transitions.
  const std::vector<std::string>& terminal_states() const { return terminal_states_; }
  std::size_t state_count() const { return state_count_; }
  std::size_t action_count() const { return action_count_; }

  bool operator==(const Specification&) const = default;

 private:
  Specification() = default;
  std::string name_;
  std::string initial_state_;
  std::vector<NamedTransition> transitions_;
  SpecificationOptions options_;
  std::vector<std::string> terminal_states_;
  std::size_t state_count_ = 0;
  std::size_t action_count_ = 0;
};

}  // namespace spex::conformance
