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

// Shows instances as they come, so that any number of them needs no more memory than a page.
class Listing {
 public:
  explicit Listing(bool json) : json_(json) {}

  void add(const Array& page) {
    for (const Value& instance : page) json_ ? add_document(instance) : add_row(instance);
    if (table_.rows() > 0) print(table_.take());
  }

  // The rest of the document: how it ended.
  void end(const client::Answer& answer) {
    if (!json_) {
      if (!answer.ok) return;
      const bool is_cut = answer.body.array() != nullptr && !answer.body.array()->empty();
      print_line(paint(Colour::faint, plural(count_, "instance") + (is_cut ? "; there are more" : "")));
    } else if (answer.ok || count_ > 0) {
      client::Answer ending = answer;
      ending.body = Value();
      if (count_ == 0) print(kOpening);
      print_line("]," + protocol::to_json(answer_document(ending)).substr(1));
    }
  }

  // Whether an error was told as the end of a document already.
  bool has_document() const { return json_ && count_ > 0; }

 private:
  static constexpr std::string_view kOpening = "{\"instances\":[";

  void add_document(const Value& instance) {
    print(count_++ == 0 ? kOpening : ",");
    print(protocol::to_json(readable_instance(instance)));
  }

  void add_row(const Value& raw) {
    const Value instance = readable_instance(raw);
    const Value* identifier = instance.find("identifier");
    const auto& records = member_array(instance, "transitions");
    table_.add({identifier->string() != nullptr ? *identifier->string() : protocol::to_json(*identifier),
                member_text(instance, "specification"), member_text(instance, "current_state"),
                with_separators(static_cast<std::uint64_t>(member_integer(raw, "transitions_total"))),
                records.empty() ? "-" : text_or((*records.front().array())[2], "")});
    ++count_;
  }

  bool json_;
  std::uint64_t count_ = 0;
  Table table_{{"INSTANCE", "SPECIFICATION", "STATE", "RECORDS", "LAST RECORD"}, {3}};
};

base::Result<int> run_instances(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const Value filter, filter_of(invocation.line.value("spec"), invocation.line.value("where")));
  std::optional<std::uint64_t> limit;
  if (invocation.line.has("limit")) {
    SPEX_TRY_ASSIGN(limit, number_option(invocation, "limit", 0));
  }
  client::Client cluster(interactive_options(invocation));
  Listing listing(invocation.json);
  client::Answer answer;
  auto paged = client::each_page(
      filter, limit, Value(), [&](Array& page) { listing.add(page); },
      [&](client::Answer& last) { answer = std::move(last); });
  cluster.submit_paged(std::move(paged.first), std::move(paged.on_page));
  cluster.wait_all();
  listing.end(answer);
  Invocation ending = invocation;
  ending.json = invocation.json && !listing.has_document();
  return finish(ending, answer, "list instances");
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
