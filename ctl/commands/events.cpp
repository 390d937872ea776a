#include "base/duration.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Value;

std::string detail_of(const Value& event) {
  const Array& transition = member_array(event, "deviating_transition");
  if (transition.size() >= 3) {
    return transition_text(text_or(transition[0], "nil"), text_or(transition[1], ""), text_or(transition[2], ""));
  }
  return member_text(event, "message");
}

std::string identifier_of(const Value& event) {
  const Value* identifier = event.find("identifier");
  if (identifier == nullptr || identifier->is_nil()) return "-";
  return identifier->string() != nullptr ? *identifier->string() : protocol::to_json(*identifier);
}

void add_events(const Invocation& invocation, std::uint32_t shard, const Array& events, Table& table) {
  for (const Value& row : events) {
    const Array* parts = row.array();
    if (parts == nullptr || parts->size() < 3 || (*parts)[1].integer() == nullptr) continue;
    const std::string at = base::format_timestamp(*(*parts)[1].integer());
    const Value& event = (*parts)[2];
    if (invocation.json) {
      print_line(
          protocol::to_json(protocol::Map{{"shard", shard}, {"number", (*parts)[0]}, {"at", at}, {"event", event}}));
      continue;
    }
    const bool is_accepted = member_flag(event, "accepted");
    table.add({std::to_string(shard), protocol::to_json((*parts)[0]), at, identifier_of(event),
               member_text(event, "specification"), member_text(event, "reason") + (is_accepted ? " (accepted)" : ""),
               detail_of(event)},
              is_accepted ? Colour::plain : Colour::bad);
  }
}

base::Result<int> run(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const std::uint64_t only, number_option(invocation, "shard", 0));
  SPEX_TRY_ASSIGN(const std::uint64_t after, number_option(invocation, "after", 0));
  SPEX_TRY_ASSIGN(const std::uint64_t limit, number_option(invocation, "limit", 1000));
  client::Client cluster(interactive_options(invocation));
  const auto map = cluster.call(client::plain(protocol::Operation::shard_map));
  if (!map.ok || map.body.array() == nullptr) return finish(invocation, map, "read the shard map");
  const auto* factor = map.body.array()->front().integer();
  const auto shards = static_cast<std::uint32_t>(factor != nullptr ? *factor : 0);
  if (only > shards) {
    return base::fail(base::Reason::invalid_argument, "--shard: there are " + std::to_string(shards));
  }
  Table table({"SHARD", "NUMBER", "TIME", "INSTANCE", "SPECIFICATION", "REASON", "WHAT"}, {0, 1});
  int status = 0;
  for (std::uint32_t shard = 1; shard <= shards; ++shard) {
    if (only != 0 && shard != only) continue;
    const auto answer = cluster.call(client::read_events(shard, after, static_cast<std::uint32_t>(limit)));
    status = std::max(status, finish(invocation, answer, "read the events of shard " + std::to_string(shard)));
    if (!answer.ok || answer.body.array() == nullptr || answer.body.array()->empty()) continue;
    const Value& list = answer.body.array()->front();
    if (list.array() != nullptr) add_events(invocation, shard, *list.array(), table);
  }
  if (!invocation.json && table.rows() > 0) print(table.text());
  if (!invocation.json) print_line(paint(Colour::faint, plural(table.rows(), "event")));
  return status;
}

}  // namespace

Verb events_verb() {
  return {.name = "events",
          .arguments = "[--shard N] [--after NUMBER] [--limit N]",
          .summary = "List the events (deviations, timeouts, errors) that shards have kept.",
          .text =
              "Events are numbered per shard, from 1. With --json one object a line.\n\n"
              "Examples:\n  spexctl events\n  spexctl events --shard 2 --after 1200 --json\n",
          .options = {{.name = "shard", .value_name = "N", .text = "Only those of this shard."},
                      {.name = "after", .value_name = "NUMBER", .text = "Only those with a higher number."},
                      {.name = "limit", .value_name = "N", .text = "At most N per shard (1,000 at most)."}},
          .run = run};
}

}  // namespace spex::ctl
