#include <algorithm>

#include "clients/cpp/paging.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Value;

void show(const Value& raw) {
  const Value instance = readable_instance(raw, true);
  const auto& records = member_array(instance, "transitions");
  const Value* identifier = instance.find("identifier");
  const Value* meta = instance.find("meta");
  const auto total = static_cast<std::uint64_t>(member_integer(raw, "transitions_total"));
  print_line(
      paint(Colour::bold, identifier->string() != nullptr ? *identifier->string() : protocol::to_json(*identifier)));
  print_line("  specification  " + member_text(instance, "specification"));
  print_line("  state          " + member_text(instance, "current_state"));
  if (meta != nullptr && !meta->is_nil()) print_line("  meta           " + protocol::to_json(*meta));
  std::string history = plural(total, "record");
  if (records.size() < total) history += ", " + with_separators(records.size()) + " shown";
  print_line("  history        " + history);
  if (records.empty()) return;
  const bool has_occurred =
      std::any_of(records.begin(), records.end(), [](const Value& record) { return record.array()->size() > 3; });
  std::vector<std::string> head{"  TIME", "ACTION", "STATE"};
  if (has_occurred) head.emplace_back("OCCURRED AT");
  Table table(head);
  for (const Value& record : records) {
    const auto& parts = *record.array();
    std::vector<std::string> row{"  " + text_or(parts[2], ""), text_or(parts[0], ""), text_or(parts[1], "")};
    if (parts.size() > 3) row.push_back(text_or(parts[3], ""));
    table.add(std::move(row));
  }
  print(table.take());
}

base::Result<int> run_get(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const Value identifier, parse_identifier(invocation, invocation.word(0)));
  client::Client cluster(interactive_options(invocation));
  client::Answer answer;
  if (const auto limit = invocation.line.value("limit")) {
    SPEX_TRY_ASSIGN(const std::uint64_t count, parse_number(*limit, "--limit"));
    const auto page = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, protocol::kPageRecordsMax));
    answer = cluster.call(client::get_instance(identifier, page));
  } else {
    answer = cluster.get_instance(identifier);
  }
  if (answer.ok && invocation.json) {
    client::Answer readable = answer;
    readable.body = readable_instance(answer.body, true);
    print_line(protocol::to_json(answer_document(readable, "instance")));
  } else if (answer.ok) {
    show(answer.body);
  }
  return finish(invocation, answer, "get " + invocation.word(0));
}

}  // namespace

Verb get_verb() {
  return {.name = "get",
          .arguments = "ID [--limit N]",
          .summary = "Show an instance and its history, newest record first.",
          .text =
              "Examples:\n  spexctl get o-1\n  spexctl get o-1 --limit 10 --json\n"
              "  spexctl get 4711 --json-id        # the integer, not the text\n",
          .options = {{.name = "limit", .value_name = "N", .text = "Show at most N records (1,000 at most)."},
                      json_id_option()},
          .words_min = 1,
          .words_max = 1,
          .run = run_get};
}

}  // namespace spex::ctl
