#include "dataops/restore.h"

#include "ctl/commands/commands.h"
#include "ctl/offline.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Map;
using protocol::Value;

Value document(const dataops::RestoreReport& report, const std::string& data_dir) {
  return Map{{"ok", true},
             {"data_dir", data_dir},
             {"created_at", report.created_at},
             {"from", report.from},
             {"to", report.to},
             {"bytes", report.bytes},
             {"verified", report.verified ? verify_document(*report.verified) : Value()}};
}

base::Result<int> run_restore(const Invocation& invocation) {
  dataops::RestoreOrder order;
  order.backup = dataops::absolute(invocation.word(0));
  order.data_dir = dataops::absolute(invocation.word(1));
  SPEX_TRY_ASSIGN(order.distribution_factor, distribution_factor_option(invocation));
  SPEX_TRY_ASSIGN(order.rate.bytes_per_second, rate_option(invocation));
  order.verify = invocation.line.has("verify");
  order.now = base::SystemClock().wall();
  order.on_progress = progress_printer(invocation);
  const auto report = dataops::restore(order);
  if (!report) return refuse(invocation, report.error());
  if (invocation.json) {
    print_line(protocol::to_json(document(*report, order.data_dir)));
    return 0;
  }
  if (report->verified) print(verify_text(*report->verified));
  print_line(order.data_dir + ": restored " + plural(report->to, "shard") + " from the backup of " +
             report->created_at + (report->from == report->to ? "" : ", which has " + plural(report->from, "shard")));
  return 0;
}

}  // namespace

Verb restore_verb() {
  return {
      .name = "restore",
      .arguments = "BACKUP DATA_DIR",
      .summary = "Make a data directory out of a backup, into any number of shards.",
      .text =
          "DATA_DIR must not exist or be empty; it has its name only when it is complete and synced. Every file\n"
          "is compared with the manifest's checksum. Exits 1, and leaves no DATA_DIR, if the backup is damaged.\n\n"
          "Example:\n  spexctl restore /backup/monday ./spex_data --distribution-factor 8 --verify\n",
      .options = {{.name = "distribution-factor",
                   .value_name = "N",
                   .text = "How many shards there shall be. Default: as many as in the backup."},
                  {.name = "verify", .value_name = "", .text = "Check all of it, as `spexctl verify` does."},
                  {.name = "rate", .value_name = "BYTES", .text = "Copy at most so many bytes a second: 500K, 20M."}},
      .words_min = 2,
      .words_max = 2,
      .run = run_restore};
}

}  // namespace spex::ctl
