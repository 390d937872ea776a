#include "clients/cpp/paging.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/filters.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Value;

void show(const Array& instances, bool is_cut) {
  Table table({"INSTANCE", "SPECIFICATION", "STATE", "RECORDS", "LAST RECORD"}, {3});
  for (const Value& raw : instances) {
    const Value instance = readable_instance(raw);
    const Value* identifier = instance.find("identifier");
    const auto& records = member_array(instance, "transitions");
    table.add({identifier->string() != nullptr ? *identifier->string() : protocol::to_json(*identifier),
               member_text(instance, "specification"), member_text(instance, "current_state"),
               with_separators(static_cast<std::uint64_t>(member_integer(raw, "transitions_total"))),
               records.empty() ? "-" : text_or((*records.front().array())[2], "")});
  }
  if (table.rows() > 0) print(table.text());
  print_line(paint(Colour::faint, plural(instances.size(), "instance") + (is_cut ? "; there are more" : "")));
}

base::Result<int> run_instances(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const Value filter, filter_of(invocation.line.value("spec"), invocation.line.value("where")));
  std::optional<std::uint64_t> limit;
  if (invocation.line.has("limit")) {
    SPEX_TRY_ASSIGN(limit, number_option(invocation, "limit", 0));
  }
  client::Client cluster(interactive_options(invocation));
  client::Answer answer;
  auto paged = client::collect_instances(filter, limit, Value(), [&](client::Answer& all) { answer = std::move(all); });
  cluster.submit_paged(std::move(paged.first), std::move(paged.on_page));
  cluster.wait_all();
  if (answer.ok && answer.body.array() != nullptr && !answer.body.array()->empty()) {
    const Array& body = *answer.body.array();
    const Array& instances = *body[0].array();
    if (invocation.json) {
      Array readable;
      for (const Value& instance : instances) readable.push_back(readable_instance(instance));
      client::Answer shown = answer;
      shown.body = std::move(readable);
      print_line(protocol::to_json(answer_document(shown, "instances")));
    } else {
      show(instances, body.size() > 1);
    }
  }
  return finish(invocation, answer, "list instances");
}

}  // namespace

Verb instances_verb() {
  return {.name = "instances",
          .arguments = "[--spec SPEC] [--where FILTER] [--limit N]",
          .summary = "List instances.",
          .text =
              "FILTER compares specification, current_state, idle, created and meta.<path> with = != < <= > >= and\n"
              "in, joined by and, or, not. Exits 4 if a shard did not take part.\n\n"
              "Examples:\n  spexctl instances --spec order --limit 20\n"
              "  spexctl instances --where 'current_state in (\"paid\", \"packed\") and idle > 2d'\n"
              "  spexctl instances --where 'meta.customer.country = \"NL\"' --json\n",
          .options = {{.name = "spec", .value_name = "SPEC", .text = "Only instances of this specification."},
                      {.name = "where", .value_name = "FILTER", .text = "Only instances that match."},
                      {.name = "limit", .value_name = "N", .text = "At most N of them."}},
          .run = run_instances};
}

}  // namespace spex::ctl
