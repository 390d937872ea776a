#include <algorithm>
#include <vector>

#include "ctl/commands/commands.h"
#include "ctl/lts_file.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using lts::Lts;
using lts::StateId;
using protocol::Map;
using protocol::Value;

struct Facts {
  std::uint64_t reachable = 0;
  std::uint64_t silent = 0;
  std::uint64_t ends = 0;  // reachable states without transitions
  std::uint64_t labels = 0;
  bool deterministic = true;  // no tau, no label twice at one reachable state
};

std::vector<bool> reachable_states(const Lts& lts) {
  std::vector<bool> seen(lts.state_count());
  std::vector<StateId> open{lts.initial_state()};
  seen[lts.initial_state()] = true;
  while (!open.empty()) {
    const StateId state = open.back();
    open.pop_back();
    for (const lts::Transition& step : lts.outgoing(state)) {
      if (seen[step.target]) continue;
      seen[step.target] = true;
      open.push_back(step.target);
    }
  }
  return seen;
}

Facts facts_of(const Lts& lts) {
  Facts facts;
  const std::vector<bool> reachable = reachable_states(lts);
  std::vector<bool> used(lts.action_count());
  std::vector<StateId> seen_at(lts.action_count(), lts::kNoState);  // the last state with the action
  for (StateId state = 0; state < lts.state_count(); ++state) {
    if (reachable[state]) ++facts.reachable;
    if (reachable[state] && lts.outgoing(state).empty()) ++facts.ends;
    for (const lts::Transition& step : lts.outgoing(state)) {
      used[step.action] = true;
      if (step.action == lts::kTau) ++facts.silent;
      if (reachable[state] && (step.action == lts::kTau || seen_at[step.action] == state)) facts.deterministic = false;
      seen_at[step.action] = state;
    }
  }
  facts.labels = static_cast<std::uint64_t>(std::count(used.begin() + 1, used.end(), true));
  return facts;
}

base::Result<int> run_info(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const LtsFile file, load_one_lts(invocation.word(0), tau_names_of(invocation)));
  const Lts& lts = file.lts;
  const Facts facts = facts_of(lts);
  if (invocation.json) {
    Map document{{"file", file.path},
                 {"format", std::string(format_name(file.format))},
                 {"states", lts.state_count()},
                 {"reachable_states", facts.reachable},
                 {"end_states", facts.ends},
                 {"initial_state", lts.state_name(lts.initial_state())},
                 {"transitions", lts.transition_count()},
                 {"silent_transitions", facts.silent},
                 {"labels", facts.labels},
                 {"deterministic", facts.deterministic}};
    if (!file.specification.empty()) document.emplace_back("specification", file.specification);
    print_line(protocol::to_json(Value(std::move(document))));
    return 0;
  }
  const auto line = [](std::string_view name, const std::string& value) {
    print_line(std::string(name) + std::string(17 - name.size(), ' ') + value);
  };
  print_line(file.path);
  line("  format", std::string(format_name(file.format)));
  if (!file.specification.empty()) line("  specification", file.specification);
  line("  states", with_separators(lts.state_count()) + " (" + with_separators(facts.reachable) + " reachable, " +
                       with_separators(facts.ends) + " of them without transitions)");
  line("  initial", lts.state_name(lts.initial_state()));
  line("  transitions", with_separators(lts.transition_count()) + " (" + with_separators(facts.silent) + " silent)");
  line("  labels", with_separators(facts.labels));
  line("  deterministic", facts.deterministic ? "yes" : "no");
  return 0;
}

}  // namespace

Verb info_verb() {
  return {.name = "info",
          .arguments = "FILE",
          .summary = "Show the size and kind of the system of a file.",
          .text =
              "Reads .aut, .spec, .spex and DOT, also as .gz or from standard input (`-`).\n\n"
              "Examples:\n  spexctl info learned.dot\n  spexctl info big.aut.gz --tau i --json\n",
          .options = {tau_option()},
          .words_min = 1,
          .words_max = 1,
          .run = run_info};
}

}  // namespace spex::ctl
