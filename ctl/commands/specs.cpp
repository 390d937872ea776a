#include "conformance/model_directory.h"
#include "conformance/specification_text.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Operation;
using protocol::Value;

int list(const Invocation& invocation) {
  const auto answer = ask(invocation, client::plain(Operation::list_specifications));
  if (answer.ok && invocation.json) {
    print_line(protocol::to_json(answer_document(answer, "specifications")));
  } else if (answer.ok && answer.body.array() != nullptr) {
    Table table({"SPECIFICATION", "STATES", "TRANSITIONS", "INSTANCES"}, {1, 2, 3});
    for (const Value& row : *answer.body.array()) {
      const auto number = [&](const char* key) {
        return with_separators(static_cast<std::uint64_t>(member_integer(row, key)));
      };
      table.add({member_text(row, "specification"), number("states"), number("transitions"), number("instances")});
    }
    if (table.rows() > 0) print(table.take());
    print_line(paint(Colour::faint, plural(table.rows(), "specification")));
  }
  return finish(invocation, answer, "list specifications");
}

int show(const Invocation& invocation) {
  const auto answer = ask(invocation, client::with_text(Operation::show_specification, invocation.word(1)));
  if (answer.ok) {
    print(invocation.json ? protocol::to_json(answer_document(answer, "text")) + "\n" : text_or(answer.body, ""));
  }
  return finish(invocation, answer, "show specification " + invocation.word(1));
}

base::Result<int> add(const Invocation& invocation) {
  int status = 0;
  for (std::size_t i = 1; i < invocation.line.words.size(); ++i) {
    const std::string& path = invocation.word(i);
    SPEX_TRY_ASSIGN(const std::string text, conformance::read_file(path));
    // Read here as well, so that a bad line is named with its file.
    SPEX_TRY_ASSIGN(const auto specification, conformance::read_specification_text(text, path));
    const auto answer = ask(invocation, client::with_text(Operation::define_specification, text));
    if (answer.ok) {
      print_line(invocation.json ? protocol::to_json(answer_document(answer))
                                 : specification.name() + ": " + plural(specification.state_count(), "state") + ", " +
                                       plural(specification.transitions().size(), "transition") + ", active");
    }
    status = std::max(status, finish(invocation, answer, "add " + path));
  }
  return status;
}

int remove(const Invocation& invocation) {
  const auto answer = ask(invocation, client::remove_specification(invocation.word(1), invocation.line.has("force")));
  if (answer.ok) {
    print_line(invocation.json ? protocol::to_json(answer_document(answer)) : invocation.word(1) + ": removed");
  }
  return finish(invocation, answer, "remove specification " + invocation.word(1));
}

base::Result<int> run_specs(const Invocation& invocation) {
  const std::string& what = invocation.word(0);
  const std::size_t words = invocation.line.words.size();
  if (what == "list" && words == 1) return list(invocation);
  if (what == "show" && words == 2) return show(invocation);
  if (what == "add" && words >= 2) return add(invocation);
  if (what == "remove" && words == 2) return remove(invocation);
  return base::fail(base::Reason::invalid_argument,
                    "usage: spexctl specs list | show NAME | add FILE... | remove NAME");
}

}  // namespace

Verb specs_verb() {
  return {.name = "specs",
          .arguments = "list | show NAME | add FILE... | remove NAME",
          .summary = "List, show, define or remove specifications.",
          .text =
              "A specification that was added is active on all shards when the command returns. One with\n"
              "instances is removed only with --force; its instances stay readable.\n\n"
              "Examples:\n  spexctl specs add order.spec\n  spexctl specs list\n  spexctl specs show order\n",
          .options = {{.name = "force", .value_name = "", .text = "Remove it although it has instances."}},
          .words_min = 1,
          .words_max = 1000,
          .run = run_specs};
}

}  // namespace spex::ctl
