#include "ctl/commands/commands.h"
#include "ctl/supervisor_verb.h"

namespace spex::ctl {
namespace {

base::Result<int> run_reload(const Invocation& invocation) {
  return command_supervisor(invocation, "reload", "reloaded", std::chrono::seconds(60));
}

}  // namespace

Verb reload_verb() {
  return {.name = "reload",
          .arguments = "",
          .summary = "Read configuration, specifications and models again.",
          .text =
              "What is wrong with a file is listed; the rest is taken. Only parameters marked reloadable "
              "change.\n\nExample:\n  spexctl reload\n",
          .options = {},
          .words_min = 0,
          .words_max = 0,
          .run = run_reload};
}

}  // namespace spex::ctl
