#include "base/duration.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

base::Result<int> run_transition(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const protocol::Value identifier, parse_identifier(invocation, invocation.word(0)));
  std::optional<base::Timestamp> occurred_at;
  if (const auto time = invocation.line.value("occurred-at")) {
    SPEX_TRY_ASSIGN(occurred_at, base::parse_timestamp(*time));
  }
  const std::string& action = invocation.word(1);
  const std::string& state = invocation.word(2);
  const auto answer = ask(invocation, client::transition(identifier, action, state, occurred_at));
  if (answer.ok) {
    print_line(invocation.json ? protocol::to_json(answer_document(answer))
                               : invocation.word(0) + ": " + action + " -> " + paint(Colour::good, state));
  }
  return finish(invocation, answer, "transition " + invocation.word(0) + " " + action + " -> " + state);
}

}  // namespace

Verb transition_verb() {
  return {.name = "transition",
          .arguments = "ID ACTION STATE",
          .summary = "Report that an instance did ACTION and is now in STATE.",
          .text =
              "Exits 1 if that is a reported deviation; the record is kept all the same.\n\n"
              "Examples:\n  spexctl transition o-1 pay paid\n"
              "  spexctl transition o-1 ship shipped --occurred-at 2026-11-23T09:30:00Z\n",
          .options = {{.name = "occurred-at", .value_name = "TIME", .text = "When it happened (RFC 3339)."},
                      json_id_option()},
          .words_min = 3,
          .words_max = 3,
          .run = run_transition};
}

}  // namespace spex::ctl
