#include "ctl/commands/commands.h"
#include "ctl/supervisor_verb.h"

namespace spex::ctl {
namespace {

base::Result<int> run_drain(const Invocation& invocation) {
  return command_supervisor(invocation, "drain", "drained", std::chrono::seconds(60));
}

}  // namespace

Verb drain_verb() {
  return {.name = "drain",
          .arguments = "",
          .summary = "Finish what was accepted and refuse what comes.",
          .text =
              "New requests are answered with `draining` from now on. Stop the service after it.\n\nExample:\n  "
              "spexctl drain && spexctl stop\n",
          .options = {},
          .words_min = 0,
          .words_max = 0,
          .run = run_drain};
}

}  // namespace spex::ctl
