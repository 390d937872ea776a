#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

base::Result<int> run_mock(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const protocol::Value identifier, parse_identifier(invocation, invocation.word(1)));
  SPEX_TRY_ASSIGN(const protocol::Value meta, json_option(invocation, "meta"));
  const auto answer = ask(invocation, client::mock_instance(invocation.word(0), identifier, invocation.word(2), meta));
  if (answer.ok) {
    print_line(invocation.json
                   ? protocol::to_json(answer_document(answer))
                   : invocation.word(1) + ": " + paint(Colour::good, "mocked") + " in state " + invocation.word(2));
  }
  return finish(invocation, answer, "mock " + invocation.word(1));
}

}  // namespace

Verb mock_verb() {
  return {.name = "mock",
          .arguments = "SPEC ID STATE [--meta JSON]",
          .summary = "Store an instance in a state, with an empty history.",
          .text =
              "Replaces an instance of that identifier. No model is asked or changed.\n\n"
              "Example:\n  spexctl mock order o-1 paid\n",
          .options = {{.name = "meta", .value_name = "JSON", .text = "A JSON object kept with the instance."},
                      json_id_option()},
          .words_min = 3,
          .words_max = 3,
          .run = run_mock};
}

}  // namespace spex::ctl
