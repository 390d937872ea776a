// The question of the product: does this implementation model behave as its
// specification says? Branching bisimilarity of the two from their initial
// states (lts/branching_bisimulation.h), with `__internal__` as tau; and if not,
// why (lts/explanation.h). Pure and thread-safe: the worker asks on a helper
// thread, ctl directly.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/explained.h"
#include "conformance/model_text.h"
#include "conformance/specification.h"
#include "lts/lts.h"

namespace spex::conformance {

enum class VerdictKind : std::uint8_t {
  equivalent,
  no_initialisation,        // the model starts nowhere
  several_initialisations,  // … or in several states
  not_bisimilar,
};

struct Verdict {
  VerdictKind kind = VerdictKind::equivalent;
  std::string reason;                          // a sentence; empty if equivalent
  std::shared_ptr<const Explained> explained;  // null if equivalent; left: the model, right: the specification

  bool equivalent() const { return kind == VerdictKind::equivalent; }
};

// The explanation takes at most about as long as the verdict once more.
Verdict check_conformance(const std::vector<NamedTransition>& model, const Specification& specification);

// The systems that are compared: of a specification, and of a model without its
// initialisation (invalid_argument unless there is exactly one).
lts::Lts to_lts(const Specification& specification);
base::Result<lts::Lts> to_lts(const std::vector<NamedTransition>& model);

std::string_view verdict_name(VerdictKind kind);  // "equivalent", "no_initialisation", …

}  // namespace spex::conformance
