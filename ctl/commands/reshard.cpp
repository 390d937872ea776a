#include "dataops/reshard.h"

#include "ctl/commands/commands.h"
#include "ctl/offline.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Map;

protocol::Value document(const dataops::ReshardReport& report) {
  return Map{{"ok", true},
             {"from", report.from},
             {"to", report.to},
             {"changed", report.changed},
             {"finished_earlier_one", report.finished_earlier_one},
             {"slots_moved", report.moved.slots_moved},
             {"instances", report.moved.instances},
             {"instances_moved", report.moved.instances_moved},
             {"records", report.moved.records},
             {"request_keys", report.moved.keys},
             {"events_moved", report.moved.events_moved},
             {"kept_as", report.kept_as}};
}

std::string text(const dataops::ReshardReport& report) {
  const std::string to = plural(report.to, "shard");
  if (!report.changed) return "there are " + to + " already\n";
  std::string lines;
  if (report.finished_earlier_one) {
    lines = "the interrupted move from " + std::to_string(report.from) + " to " + to + " is complete\n";
  } else {
    lines = "moved from " + std::to_string(report.from) + " to " + to + ": " +
            with_separators(report.moved.slots_moved) + " of 4,096 slots, " +
            with_separators(report.moved.instances_moved) + " of " + plural(report.moved.instances, "instance") + ", " +
            plural(report.moved.records, "record") + " and " + plural(report.moved.keys, "request key") + " verified\n";
  }
  if (!report.kept_as.empty()) lines += "the old files are in " + report.kept_as + "\n";
  return lines + "start spexd with --distribution-factor " + std::to_string(report.to) + "\n";
}

base::Result<int> run_reshard(const Invocation& invocation) {
  dataops::ReshardOrder order;
  order.data_dir = data_dir_of(invocation);
  SPEX_TRY_ASSIGN(order.distribution_factor, distribution_factor_option(invocation));
  order.keep_old = invocation.line.has("keep-old");
  order.now = base::SystemClock().wall();
  order.on_progress = progress_printer(invocation);
  const auto report = dataops::reshard(order);
  if (!report) return refuse(invocation, report.error());
  print(invocation.json ? protocol::to_json(document(*report)) + "\n" : text(*report));
  return 0;
}

}  // namespace

Verb reshard_verb() {
  return {.name = "reshard",
          .arguments = "--distribution-factor N",
          .summary = "Move the data of a stopped cluster to another number of shards.",
          .text =
              "Moves the fewest slots, with histories, request keys, models and events, into new files, verifies\n"
              "these against the old ones, and only then changes the directory. It may be killed at any point:\n"
              "before the change nothing has happened, afterwards spexd refuses to start until the same command\n"
              "is given again. Needs as much free space as the data take. Exits 1 if the data are not sound\n"
              "(see `spexctl verify`), 7 if the directory is in use.\n\n"
              "Example:\n  spexctl reshard --distribution-factor 6 --data-dir /var/lib/spexd/data\n",
          .options = {data_dir_option(),
                      {.name = "distribution-factor", .value_name = "N", .text = "How many shards there shall be."},
                      {.name = "keep-old",
                       .value_name = "",
                       .text = "Keep the old files, as DIR/old-<shards>-shards-<time>; else they are removed at the "
                               "end."}},
          .run = run_reshard};
}

}  // namespace spex::ctl
