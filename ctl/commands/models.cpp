#include <algorithm>

#include "conformance/model_text.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/model_diff.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Value;

std::string text_of(const Value& model) {
  conformance::ModelText text{member_text(model, "specification"), member_flag(model, "learning_mode"), {}};
  for (const Value& transition : member_array(model, "transitions")) {
    const Array& parts = *transition.array();
    text.transitions.push_back({text_or(parts[0], ""), text_or(parts[1], ""), text_or(parts[2], "")});
  }
  return conformance::write_model_text(text);
}

int show_one(const Invocation& invocation, const Array& models) {
  for (const Value& model : models) {
    if (member_text(model, "specification") != invocation.word(0)) continue;
    print(invocation.json ? protocol::to_json(model) + "\n" : text_of(model));
    return 0;
  }
  print_error("spexctl models: there is no model of " + invocation.word(0));
  return status_of(ExitCode::refused);
}

base::Result<int> run_diff(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const ModelSet left, load_model_set(invocation, invocation.word(1)));
  if (!left.answer.ok) return finish(invocation, left.answer, "read the models of " + invocation.word(1));
  SPEX_TRY_ASSIGN(const ModelSet right, load_model_set(invocation, invocation.word(2)));
  if (!right.answer.ok) return finish(invocation, right.answer, "read the models of " + invocation.word(2));
  const auto differences = compare_models(left, right);
  print(invocation.json ? protocol::to_json(difference_document(differences)) + "\n" : difference_text(differences));
  // A shard that is missing makes what it knows look removed or added.
  for (const ModelSet* set : {&left, &right}) {
    if (const int status = finish(invocation, set->answer, "read models"); status != 0) return status;
  }
  const bool is_different = std::any_of(differences.begin(), differences.end(),
                                        [](const ModelDifference& difference) { return difference.is_different(); });
  return status_of(is_different ? ExitCode::no : ExitCode::fine);
}

base::Result<int> run_models(const Invocation& invocation) {
  const std::size_t words = invocation.line.words.size();
  if (words == 3 && invocation.word(0) == "diff") return run_diff(invocation);
  if (words > 1) {
    return base::fail(base::Reason::invalid_argument, "usage: spexctl models [SPEC], spexctl models diff A B");
  }
  client::Answer answer = ask(invocation, client::plain(protocol::Operation::all_impl_models));
  if (!answer.ok) return finish(invocation, answer, "list models");
  answer.body = readable_models(answer.body);
  const Array& models = *answer.body.array();
  if (!invocation.line.words.empty()) {
    const int status = show_one(invocation, models);
    return status != 0 ? status : finish(invocation, answer, "list models");
  }
  if (invocation.json) {
    print_line(protocol::to_json(answer_document(answer, "models")));
  } else {
    Table table({"SPECIFICATION", "MODE", "TRANSITIONS"}, {2});
    for (const Value& model : models) {
      const bool is_learning = member_flag(model, "learning_mode");
      table.add({member_text(model, "specification"), is_learning ? "learning" : "closed",
                 with_separators(member_array(model, "transitions").size())},
                is_learning ? Colour::warning : Colour::plain);
    }
    if (table.rows() > 0) print(table.take());
    print_line(paint(Colour::faint, plural(models.size(), "model")));
  }
  return finish(invocation, answer, "list models");
}

}  // namespace

Verb models_verb() {
  return {.name = "models",
          .arguments = "[SPEC | diff A B]",
          .summary = "List the implementation models, show one, or compare two.",
          .text =
              "A model is the union of what all shards know. Exits 4 if a shard did not take part.\n"
              "`diff` lists the transitions that B has and A has not (+) and the other way round (-), with how often\n"
              "and when they were learned, and exits 1 if there are any. A and B are a .spex file, a directory of\n"
              "them, an endpoint (all its models), or the name of a specification (its model in the cluster).\n\n"
              "Examples:\n  spexctl models\n  spexctl models order\n"
              "  spexctl models diff ./spex_impl_models ipc://./spex_run/frontend.sock\n"
              "  spexctl models diff order.spex order\n",
          .options = {},
          .words_max = 3,
          .run = run_models};
}

}  // namespace spex::ctl
