#include "dataops/repair.h"

#include <algorithm>

#include "ctl/commands/commands.h"
#include "ctl/offline.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

constexpr std::size_t kLostShown = 20;

std::string text(const dataops::RepairReport& report, const std::string& shard) {
  if (report.was_sound) return "shard " + shard + " is sound; nothing was changed\n";
  std::string lines;
  if (report.finished_earlier_one) {
    return "the interrupted repair is complete; the damaged file is " + report.kept_as + "\n";
  }
  const dataops::RebuildReport& rebuilt = report.rebuilt;
  lines += "saved " + plural(rebuilt.instances, "instance") + " with " + plural(rebuilt.records, "record") + ", " +
           plural(rebuilt.keys, "request key") + ", " + plural(rebuilt.events, "event") + "; " +
           plural(report.damaged_pages, "page") + " of " + with_separators(report.pages) + " damaged\n";
  for (const std::string& sentence : rebuilt.sentences) lines += paint(Colour::warning, sentence) + "\n";
  for (std::size_t i = 0; i < rebuilt.lost.size() && i < kLostShown; ++i) {
    const dataops::LostInstance& one = rebuilt.lost[i];
    const std::string who =
        one.identifier.is_nil() ? "instance number " + std::to_string(one.number) : protocol::to_json(one.identifier);
    lines += paint(Colour::bad, "not saved: " + who + ": " + one.why) + "\n";
  }
  if (rebuilt.lost.size() > kLostShown) {
    lines += "not saved: " + with_separators(rebuilt.lost.size() - kLostShown) + " more, see the report\n";
  }
  return lines + "the damaged file is kept as " + report.kept_as + ", the report is " + report.report_file + "\n";
}

base::Result<int> run_repair(const Invocation& invocation) {
  dataops::RepairOrder order;
  order.data_dir = data_dir_of(invocation);
  SPEX_TRY_ASSIGN(const std::uint64_t shard, number_option(invocation, "shard", 0));
  order.shard = static_cast<std::uint32_t>(std::min<std::uint64_t>(shard, 0xffff));
  order.now = base::SystemClock().wall();
  const auto report = dataops::repair(order);
  if (!report) return refuse(invocation, report.error());
  print(invocation.json ? protocol::to_json(dataops::repair_document(*report)) + "\n"
                        : text(*report, std::to_string(shard)));
  return status_of(report->rebuilt.lost.empty() ? ExitCode::fine : ExitCode::no);
}

}  // namespace

Verb repair_verb() {
  return {.name = "repair",
          .arguments = "--shard N",
          .summary = "Save what is sound in a shard's damaged file.",
          .text =
              "Reads the file page by page, writes every instance whose history is whole into a new file, checks it,\n"
              "and puts it in the place of the damaged one, which is kept beside it with a report of what could not\n"
              "be saved. The cluster must be stopped. Where request keys may be lost, requests from before are\n"
              "refused as expired rather than executed twice. A sound file is left alone. Exits 1 if an instance\n"
              "could not be saved. A backup, if there is one, has more.\n\n"
              "Example:\n  spexctl repair --shard 2 --data-dir /var/lib/spexd/data\n",
          .options = {data_dir_option(), {.name = "shard", .value_name = "N", .text = "The number of the shard."}},
          .run = run_repair};
}

}  // namespace spex::ctl
