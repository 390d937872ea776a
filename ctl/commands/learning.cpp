#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

base::Result<int> run_learning(const Invocation& invocation) {
  const std::string& mode = invocation.word(0);
  if (mode != "on" && mode != "off") {
    return base::fail(base::Reason::invalid_argument, "'" + mode + "' is neither on nor off");
  }
  const auto answer = ask(invocation, client::set_learning_mode(invocation.word(1), mode == "on"));
  if (answer.ok) {
    print_line(invocation.json ? protocol::to_json(answer_document(answer))
                               : invocation.word(1) + (mode == "on" ? ": learning" : ": closed"));
  }
  return finish(invocation, answer, "set learning mode of " + invocation.word(1));
}

}  // namespace

Verb learning_verb() {
  return {.name = "learning",
          .arguments = "on|off SPEC",
          .summary = "Let a model learn, or close it.",
          .text =
              "A closed model reports what it does not know. Closing merges what all shards learned.\n\n"
              "Example:\n  spexctl learning off order\n",
          .options = {},
          .words_min = 2,
          .words_max = 2,
          .run = run_learning};
}

}  // namespace spex::ctl
