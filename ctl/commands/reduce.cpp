#include "ctl/commands/commands.h"
#include "ctl/lts_file.h"
#include "ctl/output.h"
#include "lts/quotient.h"

namespace spex::ctl {
namespace {

base::Result<lts::Bisimilarity> relation_option(const Invocation& invocation) {
  const std::string wanted = invocation.value_or("relation", "branching-bisim");
  if (wanted == "branching-bisim") return lts::Bisimilarity::branching;
  if (wanted == "bisim") return lts::Bisimilarity::strong;
  if (wanted == "dpbranching-bisim") return lts::Bisimilarity::divergence_preserving;
  return base::fail(base::Reason::invalid_argument,
                    "--relation: '" + wanted + "' is none of branching-bisim, bisim, dpbranching-bisim");
}

base::Result<int> run_reduce(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const lts::Bisimilarity relation, relation_option(invocation));
  const auto tau_names = tau_names_of(invocation);
  SPEX_TRY_ASSIGN(const LtsFile file, load_one_lts(invocation.word(0), tau_names));
  SPEX_TRY_ASSIGN(const Written written, written_option(invocation, file));
  SPEX_TRY_ASSIGN(const lts::Lts reduced, lts::quotient(file.lts, relation));
  SPEX_TRY_ASSIGN(const std::string text, write_lts(reduced, written.format, tau_names.front(), written.name));
  SPEX_TRY(put_text(written.path, text));
  const auto size = [](const lts::Lts& lts) {
    return plural(lts.state_count(), "state") + ", " + plural(lts.transition_count(), "transition");
  };
  if (!written.is_standard_output()) print_line(written.path + ": " + size(reduced) + " (from " + size(file.lts) + ")");
  return 0;
}

}  // namespace

Verb reduce_verb() {
  return {.name = "reduce",
          .arguments = "FILE [-o FILE]",
          .summary = "Write the smallest system equivalent to that of a file.",
          .text =
              "Reads .aut, .spec, .spex and DOT, also as .gz or from standard input (`-`). Of each class of\n"
              "equivalent states one stays, with the name of its first member if states have names.\n\n"
              "Examples:\n  spexctl reduce big.aut -o small.aut\n"
              "  spexctl reduce model.dot --relation bisim --to aut | less\n",
          .options = written_options({{.name = "relation",
                                       .value_name = "R",
                                       .text = "branching-bisim (default), bisim (strong) or dpbranching-bisim "
                                               "(divergence-preserving)."}}),
          .words_min = 1,
          .words_max = 1,
          .run = run_reduce};
}

}  // namespace spex::ctl
