#include "ctl/commands/commands.h"
#include "ctl/supervisor_verb.h"

namespace spex::ctl {
namespace {

base::Result<int> run_stop(const Invocation& invocation) {
  return command_supervisor(invocation, "stop", "stopping", std::chrono::seconds(30));
}

}  // namespace

Verb stop_verb() {
  return {.name = "stop",
          .arguments = "",
          .summary = "End the cluster cleanly.",
          .text =
              "The same as SIGTERM to spexd: what was accepted is finished.\n\nExample:\n  spexctl stop --run-dir "
              "./spex_run\n",
          .options = {},
          .words_min = 0,
          .words_max = 0,
          .run = run_stop};
}

}  // namespace spex::ctl
