#include "conformance/model_directory.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Value;

base::Result<int> run(const Invocation& invocation) {
  client::Answer answer = ask(invocation, client::plain(protocol::Operation::export_impl_models));
  if (!answer.ok) return finish(invocation, answer, "export models");
  answer.body = readable_files(answer.body);
  const std::string directory = invocation.line.words.empty() ? "." : invocation.word(0);
  protocol::Array written;
  for (const Value& file : *answer.body.array()) {
    const std::string name = member_text(file, "filename");
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
      return base::fail(base::Reason::invalid_argument, "the cluster named a file that is none: " + name);
    }
    const std::string path = directory + "/" + name;
    SPEX_TRY(conformance::write_file_atomically(path, member_text(file, "content")));
    if (!invocation.json) print_line(path);
    written.emplace_back(path);
  }
  answer.body = std::move(written);
  if (invocation.json) print_line(protocol::to_json(answer_document(answer, "written")));
  return finish(invocation, answer, "export models");
}

}  // namespace

Verb export_verb() {
  return {.name = "export",
          .arguments = "[DIR]",
          .summary = "Write every implementation model as DIR/<specification>.spex.",
          .text =
              "DIR defaults to the current directory and is made if it does not exist. Each file is replaced\n"
              "as a whole. Exits 4 if a shard did not take part.\n\nExample:\n  spexctl export ./spex_impl_models\n",
          .options = {},
          .words_max = 1,
          .run = run};
}

}  // namespace spex::ctl
