#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/filters.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Value;

base::Result<int> run_filter(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(Value filter, filter_of(invocation.line.value("spec"), invocation.line.value("where")));
  if (filter.is_nil()) filter = protocol::Map();  // --all
  client::ClientOptions options = interactive_options(invocation);
  options.request_timeout = std::chrono::hours(1);
  client::Client cluster(options);
  const auto answer = cluster.call(client::delete_instances(filter));
  if (answer.ok) {
    const auto* count = answer.body.integer();
    print_line(invocation.json
                   ? protocol::to_json(answer_document(answer, "deleted"))
                   : plural(static_cast<std::uint64_t>(count != nullptr ? *count : 0), "instance") + " deleted");
  }
  return finish(invocation, answer, "delete instances");
}

base::Result<int> run_delete(const Invocation& invocation) {
  const bool has_filter = invocation.line.has("where") || invocation.line.has("spec") || invocation.line.has("all");
  if (has_filter == !invocation.line.words.empty()) {
    return base::fail(base::Reason::invalid_argument, "give either an identifier or one of --where, --spec, --all");
  }
  if (has_filter) return run_filter(invocation);
  SPEX_TRY_ASSIGN(const Value identifier, parse_identifier(invocation, invocation.word(0)));
  const auto answer = ask(invocation, client::delete_instance(identifier));
  if (answer.ok) {
    print_line(invocation.json ? protocol::to_json(answer_document(answer)) : invocation.word(0) + ": deleted");
  }
  return finish(invocation, answer, "delete " + invocation.word(0));
}

}  // namespace

Verb delete_verb() {
  return {.name = "delete",
          .arguments = "ID | --where FILTER | --spec SPEC | --all",
          .summary = "Delete an instance, or all that match a filter.",
          .text =
              "Deleting an instance that does not exist is fine. Exits 4 if a shard did not take part.\n\n"
              "Examples:\n  spexctl delete o-1\n  spexctl delete --where 'current_state = \"done\" and idle > 30d'\n",
          .options = {{.name = "where", .value_name = "FILTER", .text = "Delete the matching ones; see `instances`."},
                      {.name = "spec", .value_name = "SPEC", .text = "Delete those of this specification."},
                      {.name = "all", .value_name = "", .text = "Delete every instance."},
                      json_id_option()},
          .words_max = 1,
          .run = run_delete};
}

}  // namespace spex::ctl
