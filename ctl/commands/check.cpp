#include <cstdlib>
#include <filesystem>

#include "ctl/commands/commands.h"
#include "ctl/model_check.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

std::string directory_option(const Invocation& invocation, const char* option, const char* variable,
                             const char* fallback) {
  if (const auto given = invocation.line.value(option)) return *given;
  const char* value = std::getenv(variable);
  return value != nullptr && *value != 0 ? value : fallback;
}

base::Result<conformance::Directory<conformance::ModelFile>> load(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return conformance::load_models(path);
  auto file = conformance::load_model(path);
  if (!file.ok() && file.error().reason == base::Reason::storage_io) return file.error();
  conformance::Directory<conformance::ModelFile> one;
  if (file.ok()) {
    one.files.push_back(std::move(*file));
  } else {
    one.problems.push_back(conformance::problem_of(file.error(), path));
  }
  return one;
}

base::Result<int> run_check(const Invocation& invocation) {
  const std::string specs = directory_option(invocation, "specs-dir", "SPEX_SPECS_DIR", "./spex_specs");
  const std::string path =
      invocation.line.words.empty()
          ? directory_option(invocation, "impl-models-dir", "SPEX_IMPL_MODELS_DIR", "./spex_impl_models")
          : invocation.word(0);
  SPEX_TRY_ASSIGN(const auto models, load(path));
  if (models.files.empty() && models.problems.empty()) {
    return base::fail(base::Reason::invalid_argument, "there is no model (*.spex) in " + path);
  }
  const CheckReport report = check_models(models, conformance::load_specifications(specs));
  print(invocation.json ? protocol::to_json(report_document(report)) + "\n" : report_text(report));
  if (const auto junit = invocation.line.value("junit")) {
    SPEX_TRY(conformance::write_file_atomically(*junit, report_junit(report)));
  }
  return report.exit_status();
}

}  // namespace

Verb check_verb() {
  return {.name = "check",
          .arguments = "[PATH]",
          .summary = "Check models against their specifications, without a cluster.",
          .text =
              "PATH is a `.spex` file or a directory of them; default: --impl-models-dir. Asks whether each is\n"
              "branching bisimilar to its specification. A model whose specification is not defined is listed\n"
              "and no error. Exits 1 if one is not equivalent, 2 if a file cannot be read.\n\n"
              "Examples:\n  spexctl check\n  spexctl check order.spex --specs-dir . --junit check.xml\n",
          .options = {{.name = "specs-dir",
                       .value_name = "DIR",
                       .text = "Where the specifications are (default SPEX_SPECS_DIR, else ./spex_specs)."},
                      {.name = "impl-models-dir",
                       .value_name = "DIR",
                       .text = "Where the models are (default SPEX_IMPL_MODELS_DIR, else ./spex_impl_models)."},
                      {.name = "junit", .value_name = "FILE", .text = "Write the report as JUnit XML, too."}},
          .words_max = 1,
          .run = run_check};
}

}  // namespace spex::ctl
