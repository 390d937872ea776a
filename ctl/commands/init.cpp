#include "base/duration.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

base::Result<int> run_init(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const protocol::Value identifier, parse_identifier(invocation, invocation.word(1)));
  client::InitOptions options;
  SPEX_TRY_ASSIGN(options.meta, json_option(invocation, "meta"));
  if (const auto state = invocation.line.value("state")) options.initial_state = *state;
  if (const auto time = invocation.line.value("occurred-at")) {
    SPEX_TRY_ASSIGN(options.occurred_at, base::parse_timestamp(*time));
  }
  const auto answer = ask(invocation, client::init_instance(invocation.word(0), identifier, options));
  if (answer.ok) {
    print_line(invocation.json
                   ? protocol::to_json(answer_document(answer))
                   : invocation.word(1) + ": " + paint(Colour::good, "initialised") + " (" + invocation.word(0) + ")");
  }
  return finish(invocation, answer, "initialise " + invocation.word(1));
}

}  // namespace

Verb init_verb() {
  return {.name = "init",
          .arguments = "SPEC ID [--state STATE] [--meta JSON]",
          .summary = "Initialise an instance of a specification.",
          .text =
              "Exits 1 if the initialisation is a deviation; the instance exists all the same.\n\n"
              "Examples:\n  spexctl init order o-1\n"
              "  spexctl init order o-2 --state created --meta '{\"customer\": {\"country\": \"NL\"}}'\n"
              "  spexctl init order '[\"shop\", 7]' --json-id\n",
          .options = {{.name = "state", .value_name = "STATE", .text = "Its state; default: the specification's."},
                      {.name = "meta", .value_name = "JSON", .text = "A JSON object kept with the instance."},
                      {.name = "occurred-at", .value_name = "TIME", .text = "When it happened (RFC 3339)."},
                      json_id_option()},
          .words_min = 2,
          .words_max = 2,
          .run = run_init};
}

}  // namespace spex::ctl
