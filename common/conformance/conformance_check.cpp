#include "conformance/conformance_check.h"

#include <algorithm>
#include <set>

#include "conformance/names.h"
#include "lts/decision.h"
#include "lts/lts_builder.h"

namespace spex::conformance {
namespace {

lts::Lts build(const std::vector<NamedTransition>& transitions, const std::string& initial_state) {
  lts::LtsBuilder builder(kInternalAction);
  builder.reserve_transitions(transitions.size());
  builder.set_initial(initial_state);
  for (const NamedTransition& transition : transitions) {
    if (transition.is_initialisation()) continue;
    builder.add_transition(std::string_view(transition.from), transition.action, transition.to);
  }
  return std::move(builder).build();
}

// Without an initialisation there are no two systems to compare.
Verdict without_start(VerdictKind kind, std::string reason) {
  auto explained = std::make_shared<Explained>();
  explained->story = reason;
  explained->kind = "initialisation";
  return {kind, std::move(reason), std::move(explained)};
}

std::shared_ptr<const Explained> explanation_of(const lts::Lts& model, const lts::Lts& specification,
                                                const lts::Decision& decision) {
  const ExplainedLimits limits;
  lts::ExplainOptions options;
  options.formula_bytes_max = limits.formula_bytes_max;
  const lts::Explanation explanation = lts::explain(model, specification, decision, options);
  return std::make_shared<Explained>(
      describe(explanation, model, specification, "the implementation", "the specification", limits));
}

Verdict several(const std::set<std::string>& initial_states) {
  constexpr std::size_t kShown = 5;
  std::string names;
  std::size_t count = 0;
  for (const std::string& state : initial_states) {
    if (++count > kShown) break;
    names += (names.empty() ? "" : ", ") + quoted(state);
  }
  if (count > kShown) names += ", …";
  return without_start(VerdictKind::several_initialisations, "the model has " + std::to_string(initial_states.size()) +
                                                                 " initialisations (" + names + "), not one");
}

std::set<std::string> initial_states_of(const std::vector<NamedTransition>& model) {
  std::set<std::string> states;
  for (const NamedTransition& transition : model) {
    if (transition.is_initialisation()) states.insert(transition.to);
  }
  return states;
}

}  // namespace

lts::Lts to_lts(const Specification& specification) {
  return build(specification.transitions(), specification.initial_state());
}

base::Result<lts::Lts> to_lts(const std::vector<NamedTransition>& model) {
  const std::set<std::string> initial_states = initial_states_of(model);
  if (initial_states.size() != 1) {
    return base::fail(base::Reason::invalid_argument,
                      "the model has " + std::to_string(initial_states.size()) + " initialisations, not one");
  }
  return build(model, *initial_states.begin());
}

Verdict check_conformance(const std::vector<NamedTransition>& model, const Specification& specification) {
  const std::set<std::string> initial_states = initial_states_of(model);
  if (initial_states.empty()) {
    return without_start(VerdictKind::no_initialisation, "the model has no initialisation");
  }
  if (initial_states.size() > 1) return several(initial_states);
  // Sizes are limited where models and specifications come in, far below what the decision takes.
  const lts::Lts implementation = build(model, *initial_states.begin());
  const lts::Lts specified = to_lts(specification);
  const lts::Decision decision = lts::decide(implementation, specified).value();
  if (decision.bisimilar) return {};
  return {VerdictKind::not_bisimilar,
          "the model is not branching bisimilar to specification " + quoted(specification.name()),
          explanation_of(implementation, specified, decision)};
}

std::string_view verdict_name(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::equivalent:
      return "equivalent";
    case VerdictKind::no_initialisation:
      return "no_initialisation";
    case VerdictKind::several_initialisations:
      return "several_initialisations";
    case VerdictKind::not_bisimilar:
      return "not_bisimilar";
  }
  return "";
}

}  // namespace spex::conformance
