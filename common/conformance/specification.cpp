#include "conformance/specification.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "conformance/names.h"

namespace spex::conformance {
namespace {

using base::fail;
using base::Reason;
using base::Result;

Result<void> check_name(std::string_view what, std::string_view name, std::string_view why) {
  if (why.empty()) return {};
  return fail(Reason::specification_invalid, std::string(what) + " " + quoted(name) + " " + std::string(why));
}

Result<void> check_names(const std::vector<NamedTransition>& transitions, const SpecificationOptions& options) {
  for (const NamedTransition& transition : transitions) {
    SPEX_TRY(check_name("state", transition.from, name_problem(transition.from)));
    SPEX_TRY(check_name("action", transition.action, name_problem(transition.action)));
    SPEX_TRY(check_name("state", transition.to, name_problem(transition.to)));
  }
  for (const std::string& state : options.prunable_states) {
    SPEX_TRY(check_name("prunable state", state, name_problem(state)));
  }
  return {};
}

void drop_repeated(std::vector<NamedTransition>& transitions) {
  std::vector<const NamedTransition*> sorted;
  sorted.reserve(transitions.size());
  for (const NamedTransition& transition : transitions) sorted.push_back(&transition);
  // Equal ones stand in the order given, so that the first of them stays.
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return *a != *b ? *a < *b : a < b; });
  std::vector<bool> repeated(transitions.size());
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (*sorted[i] == *sorted[i - 1]) repeated[static_cast<std::size_t>(sorted[i] - transitions.data())] = true;
  }
  std::size_t index = 0;
  std::erase_if(transitions, [&](const NamedTransition&) { return repeated[index++]; });
}

}  // namespace

Result<Specification> Specification::make(std::string name, std::string initial_state,
                                          std::vector<NamedTransition> transitions, SpecificationOptions options) {
  SPEX_TRY(check_name("specification name", name, specification_name_problem(name)));
  if (transitions.empty()) return fail(Reason::specification_invalid, "a specification needs at least one transition");
  SPEX_TRY(check_names(transitions, options));
  drop_repeated(transitions);

  std::unordered_map<std::string_view, bool> has_outgoing;
  std::unordered_set<std::string_view> actions;
  for (const NamedTransition& transition : transitions) {
    has_outgoing[transition.from] = true;
    has_outgoing.try_emplace(transition.to, false);
    actions.insert(transition.action);
  }
  if (initial_state.empty()) initial_state = transitions.front().from;
  if (!has_outgoing.contains(initial_state)) {
    return fail(Reason::specification_invalid, "initial state " + quoted(initial_state) + " occurs in no transition");
  }
  Specification made;
  for (const auto& [state, moves_on] : has_outgoing) {
    if (!moves_on) made.terminal_states_.emplace_back(state);
  }
  std::sort(made.terminal_states_.begin(), made.terminal_states_.end());
  made.state_count_ = has_outgoing.size();
  made.action_count_ = actions.size();
  made.name_ = std::move(name);
  made.initial_state_ = std::move(initial_state);
  made.transitions_ = std::move(transitions);
  made.options_ = std::move(options);
  return made;
}

}  // namespace spex::conformance
