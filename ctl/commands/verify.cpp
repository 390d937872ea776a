#include "ctl/commands/commands.h"
#include "ctl/offline.h"
#include "ctl/output.h"
#include "dataops/files.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

base::Result<int> run_verify(const Invocation& invocation) {
  const std::string directory =
      invocation.line.words.empty() ? data_dir_of(invocation) : dataops::absolute(invocation.word(0));
  const auto report = dataops::verify(directory);
  if (!report) return refuse(invocation, report.error());
  print(invocation.json ? protocol::to_json(verify_document(*report)) + "\n" : verify_text(*report));
  return status_of(report->ok() ? ExitCode::fine : ExitCode::no);
}

}  // namespace

Verb verify_verb() {
  return {.name = "verify",
          .arguments = "[BACKUP]",
          .summary = "Check the files of a stopped cluster, or of a backup.",
          .text =
              "Reads everything and changes nothing: the structure of the files, every checksum, every instance on\n"
              "the shard of its slot, histories without a gap, the current state equal to the last record, request\n"
              "keys, models and events. Of a backup also the manifest's checksums. Exits 1 if anything is wrong,\n"
              "7 if the directory is in use.\n\n"
              "Examples:\n  spexctl verify --data-dir /var/lib/spexd/data\n  spexctl verify /backup/monday\n",
          .options = {data_dir_option()},
          .words_max = 1,
          .run = run_verify};
}

}  // namespace spex::ctl
