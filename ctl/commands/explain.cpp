#include <utility>

#include "conformance/names.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/explanation_text.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Value;

// The transition asked about, [from or nil, action, to]; nothing: the model as it is.
base::Result<protocol::Array> arguments_of(const Invocation& invocation) {
  Array arguments{invocation.word(0)};
  const std::size_t given = invocation.line.words.size();
  if (given == 1) return arguments;
  if (given != 4) {
    return base::fail(base::Reason::invalid_argument,
                      "a transition has three parts; usage: spexctl explain SPEC [FROM ACTION TO]");
  }
  const bool is_initialisation = invocation.word(1) == conformance::kNoState;
  arguments.push_back(
      Array{is_initialisation ? Value() : Value(invocation.word(1)), invocation.word(2), invocation.word(3)});
  return arguments;
}

std::string text_of(const Value& body) {
  const bool is_equivalent = member_flag(body, "equivalent");
  std::string text =
      member_text(body, "specification") + ": " +
      paint(is_equivalent ? Colour::good : Colour::bad, is_equivalent ? "equivalent" : "not equivalent") + "\n";
  const std::string reason = member_text(body, "reason");
  const Value* explanation = body.find("explanation");
  const bool is_explained = explanation != nullptr && explanation->map() != nullptr;
  const auto explained = is_explained ? explanation_of(*explanation) : conformance::Explained();
  if (!reason.empty() && reason != explained.story) text += "  " + reason + "\n";
  if (is_explained) text += explanation_text(explained, {}) + formula_line(explained);
  return text;
}

base::Result<int> run_explain(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(Array arguments, arguments_of(invocation));
  const client::Answer answer =
      ask(invocation, client::make_request(protocol::Operation::check_impl_model, nullptr, std::move(arguments)));
  const std::string tried = "explain " + invocation.word(0);
  if (!answer.ok) return finish(invocation, answer, tried);
  print(invocation.json ? protocol::to_json(answer_document(answer, "check")) + "\n" : text_of(answer.body));
  const int status = finish(invocation, answer, tried);
  return status != 0 || member_flag(answer.body, "equivalent") ? status : status_of(ExitCode::no);
}

}  // namespace

Verb explain_verb() {
  return {.name = "explain",
          .arguments = "SPEC [FROM ACTION TO]",
          .summary = "Say why a running model is not equivalent to its specification.",
          .text =
              "Asks the cluster about the model of SPEC, all shards' together; with a transition: about the model\n"
              "and this transition besides, as a deviation does (FROM is `nil` for an initialisation). `check` does\n"
              "the same for files, without a cluster. Exits 0 if it is equivalent, 1 if not.\n\n"
              "Examples:\n  spexctl explain order\n  spexctl explain order shipped refund paid --json\n",
          .options = {},
          .words_min = 1,
          .words_max = 4,
          .run = run_explain};
}

}  // namespace spex::ctl
