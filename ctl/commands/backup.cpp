#include "dataops/backup.h"

#include "ctl/cluster_backup.h"
#include "ctl/commands/commands.h"
#include "ctl/offline.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Map;

struct Sum {
  std::uint64_t instances = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};

Sum sum_of(const dataops::Manifest& manifest) {
  Sum sum;
  for (const dataops::ManifestFile& file : manifest.files) {
    sum.instances += file.shard.instances;
    sum.records += file.shard.records;
    sum.bytes += file.facts.bytes;
  }
  return sum;
}

void show(const Invocation& invocation, const dataops::Manifest& manifest, const std::string& directory) {
  const Sum sum = sum_of(manifest);
  if (invocation.json) {
    return print_line(protocol::to_json(Map{{"ok", true},
                                            {"directory", directory},
                                            {"distribution_factor", manifest.layout.distribution_factor},
                                            {"instances", sum.instances},
                                            {"records", sum.records},
                                            {"bytes", sum.bytes}}));
  }
  print_line(directory + ": " + plural(manifest.layout.distribution_factor, "shard") + ", " +
             plural(sum.instances, "instance") + ", " + plural(sum.records, "record") + ", " +
             with_separators(sum.bytes) + " bytes; checked, with checksums in manifest.json");
}

base::Result<int> run_backup(const Invocation& invocation) {
  const std::string directory = dataops::absolute(invocation.word(0));
  SPEX_TRY_ASSIGN(const std::uint64_t rate, rate_option(invocation));
  SPEX_TRY_ASSIGN(const base::Duration timeout, duration_option(invocation, "timeout", "60s"));
  const auto manifest =
      invocation.line.has("data-dir")
          ? dataops::back_up_stopped(
                {data_dir_of(invocation), directory, {rate}, base::SystemClock().wall(), progress_printer(invocation)})
          : back_up_cluster(invocation, {directory, rate, timeout, progress_printer(invocation)});
  if (!manifest) return refuse(invocation, manifest.error());
  show(invocation, *manifest, directory);
  return 0;
}

}  // namespace

Verb backup_verb() {
  return {.name = "backup",
          .arguments = "DIR",
          .summary = "Copy the data of a running cluster, or of a stopped one.",
          .text =
              "DIR must not exist or be empty; it has its name only when the backup is complete, checked and synced.\n"
              "The cluster goes on serving: each shard copies its file in small steps, and the copy is its state at\n"
              "one moment, near the end. Run it on the cluster's host as the cluster's user or as root. With\n"
              "--data-dir the cluster must be stopped.\n\n"
              "Examples:\n  spexctl backup /backup/monday --rate 20M\n  spexctl backup /backup/last --data-dir "
              "./spex_data\n",
          .options = {{.name = "data-dir", .value_name = "DIR", .text = "Of a stopped cluster: its data directory."},
                      {.name = "rate",
                       .value_name = "BYTES",
                       .text = "At most so many bytes a second, of all shards together: 500K, 20M. Default: no bound."},
                      timeout_option("Give up when no shard gets on for so long (default 60s).")},
          .words_min = 1,
          .words_max = 1,
          .run = run_backup};
}

}  // namespace spex::ctl
