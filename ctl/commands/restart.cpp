#include "ctl/commands/commands.h"
#include "ctl/supervisor_verb.h"

namespace spex::ctl {
namespace {

base::Result<int> run_restart(const Invocation& invocation) {
  return command_supervisor(invocation, "restart " + invocation.word(0), invocation.word(0) + ": restarted",
                            std::chrono::seconds(60));
}

}  // namespace

Verb restart_verb() {
  return {.name = "restart",
          .arguments = "CHILD",
          .summary = "Restart one child in a planned way: shard-N or router.",
          .text = "Requests to it are held meanwhile.\n\nExample:\n  spexctl restart shard-2\n",
          .options = {},
          .words_min = 1,
          .words_max = 1,
          .run = run_restart};
}

}  // namespace spex::ctl
