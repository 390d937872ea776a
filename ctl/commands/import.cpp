#include "conformance/model_directory.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

base::Result<int> run_import(const Invocation& invocation) {
  client::Client cluster(interactive_options(invocation));
  int status = 0;
  for (const std::string& path : invocation.line.words) {
    SPEX_TRY_ASSIGN(const std::string text, conformance::read_file(path));
    // Read here as well, so that a bad line is named with its file.
    SPEX_TRY_ASSIGN(const auto model, conformance::read_model_text(text, path));
    const auto answer = cluster.call(client::with_text(protocol::Operation::import_impl_model, text));
    if (answer.ok) {
      print_line(invocation.json ? protocol::to_json(answer_document(answer))
                                 : model.specification + ": imported " + (model.learning ? "a learning" : "a closed") +
                                       " model of " + plural(model.transitions.size(), "transition"));
    }
    status = std::max(status, finish(invocation, answer, "import " + path));
  }
  return status;
}

}  // namespace

Verb import_verb() {
  return {.name = "import",
          .arguments = "FILE...",
          .summary = "Replace implementation models by those of `.spex` files.",
          .text =
              "The file names its specification. On all shards when the command returns.\n\n"
              "Example:\n  spexctl import ticket.spex\n",
          .options = {},
          .words_min = 1,
          .words_max = 1000,
          .run = run_import};
}

}  // namespace spex::ctl
