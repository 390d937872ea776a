#include <utility>

#include "conformance/model_directory.h"
#include "conformance/model_text.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/model_set.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Value;

// The models without what was learned less than `count_min` times, as the cluster would export them.
void leave_out_rare(const Invocation& invocation, client::Answer& answer, std::uint64_t count_min) {
  const ModelSet set = model_set_of(answer);
  protocol::Array files;
  for (const CountedModel& model : set.models) {
    conformance::ModelText text{model.specification, model.learning, {}};
    for (const CountedTransition& counted : model.transitions) {
      if (counted.count == 0 || counted.count >= count_min) text.transitions.push_back(counted.transition);
    }
    const std::size_t left_out = model.transitions.size() - text.transitions.size();
    if (left_out > 0 && !invocation.json) {
      print_line(model.specification + ": " + plural(left_out, "transition") + " left out");
    }
    files.push_back(
        protocol::Array{conformance::model_file_name(model.specification), conformance::write_model_text(text)});
  }
  answer.body = std::move(files);
}

base::Result<int> run_export(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const std::uint64_t count_min, number_option(invocation, "min-count", 0));
  const auto operation = count_min > 0 ? protocol::Operation::all_impl_models : protocol::Operation::export_impl_models;
  client::Answer answer = ask(invocation, client::plain(operation));
  if (!answer.ok) return finish(invocation, answer, "export models");
  if (count_min > 0) leave_out_rare(invocation, answer, count_min);
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
              "as a whole. Exits 4 if a shard did not take part. See also `spexctl models diff`.\n\n"
              "Examples:\n  spexctl export ./spex_impl_models\n  spexctl export ./review --min-count 5\n",
          .options = {{.name = "min-count",
                       .value_name = "N",
                       .text = "Leave out transitions that were learned less than N times, as by a few bad traces; "
                               "those that came from a file stay."}},
          .words_max = 1,
          .run = run_export};
}

}  // namespace spex::ctl
