#include "ctl/supervisor_verb.h"

#include "ctl/cluster_access.h"
#include "ctl/documents.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {

base::Result<int> command_supervisor(const Invocation& invocation, const std::string& command, const std::string& done,
                                     base::Duration timeout) {
  SPEX_TRY_ASSIGN(const std::string text, ask_supervisor(invocation, command, timeout));
  SPEX_TRY_ASSIGN(const protocol::Value answer, protocol::parse_json(text));
  const bool ok = member_flag(answer, "ok");
  if (invocation.json) print_line(text);
  if (!ok) {
    print_error("spexctl " + invocation.verb + ": refused: " + member_text(answer, "error"));
    return status_of(ExitCode::refused);
  }
  if (invocation.json) return 0;
  print_line(done);
  for (const protocol::Value& problem : member_array(answer, "problems")) {
    const std::int64_t line = member_integer(problem, "line");
    print_line(paint(Colour::warning, "  " + member_text(problem, "file") +
                                          (line > 0 ? ":" + std::to_string(line) : "") + ": " +
                                          member_text(problem, "reason")));
  }
  return 0;
}

}  // namespace spex::ctl
