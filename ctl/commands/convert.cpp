#include "ctl/commands/commands.h"
#include "ctl/lts_file.h"

namespace spex::ctl {
namespace {

base::Result<int> run_convert(const Invocation& invocation) {
  const auto tau_names = tau_names_of(invocation);
  SPEX_TRY_ASSIGN(const LtsFile file, load_one_lts(invocation.word(0), tau_names));
  SPEX_TRY_ASSIGN(const Written written, written_option(invocation, file));
  SPEX_TRY_ASSIGN(const std::string text, write_lts(file.lts, written.format, tau_names.front(), written.name));
  SPEX_TRY(put_text(written.path, text));
  return 0;
}

}  // namespace

Verb convert_verb() {
  return {.name = "convert",
          .arguments = "FILE [-o FILE]",
          .summary = "Write the system of a file in another format.",
          .text =
              "Reads and writes .aut, .spec, .spex and DOT; reads .gz and standard input (`-`), too. The internal\n"
              "action is `__internal__` in .spec and .spex and what --tau names in .aut and DOT; a visible action of\n"
              "that name is refused. States of .aut are numbers; a model is written closed.\n\n"
              "Examples:\n  spexctl convert order.spec -o order.aut\n"
              "  spexctl convert learned.dot --to spec --name tls > tls.spec\n",
          .options = written_options({}),
          .words_min = 1,
          .words_max = 1,
          .run = run_convert};
}

}  // namespace spex::ctl
