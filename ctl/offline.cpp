#include "ctl/offline.h"

#include <cstdlib>

#include "ctl/output.h"
#include "dataops/files.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Value;

Array sentences(const dataops::Findings& findings) {
  Array array;
  for (const std::string& sentence : findings.sentences()) array.push_back(sentence);
  return array;
}

Value shard_document(const dataops::ShardFacts& shard) {
  Map document = dataops::document_of(shard);
  document.insert(document.begin() + 1, {"bytes", shard.bytes});
  document.emplace_back("findings_total", shard.findings.count());
  document.emplace_back("findings", sentences(shard.findings));
  return document;
}

void append_findings(std::string& text, const std::string& where, const dataops::Findings& findings) {
  for (const std::string& sentence : findings.sentences()) text += paint(Colour::bad, where + ": " + sentence) + "\n";
  if (findings.count() > findings.sentences().size()) {
    text += where + ": " + with_separators(findings.count() - findings.sentences().size()) + " more findings\n";
  }
}

}  // namespace

config::Option data_dir_option() {
  return {.name = "data-dir",
          .value_name = "DIR",
          .text = "The data directory of the stopped cluster. Default: SPEX_DATA_DIR, else ./spex_data."};
}

std::string data_dir_of(const Invocation& invocation) {
  if (const auto given = invocation.line.value("data-dir")) return dataops::absolute(*given);
  const char* value = std::getenv("SPEX_DATA_DIR");
  return dataops::absolute(value != nullptr && *value != 0 ? value : "./spex_data");
}

base::Result<std::optional<std::uint32_t>> distribution_factor_option(const Invocation& invocation) {
  if (!invocation.line.has("distribution-factor")) return std::optional<std::uint32_t>();
  SPEX_TRY_ASSIGN(const std::uint64_t number, number_option(invocation, "distribution-factor", 0));
  if (number < 1 || number > config::kSlots) {
    return base::fail(base::Reason::invalid_argument,
                      "--distribution-factor: " + std::to_string(number) + " is not between 1 and 4096");
  }
  return std::optional(static_cast<std::uint32_t>(number));
}

base::Result<std::uint64_t> rate_option(const Invocation& invocation) {
  std::string text = invocation.value_or("rate", "0");
  std::uint64_t unit = 1;
  if (text.ends_with('K')) unit = 1u << 10;
  if (text.ends_with('M')) unit = 1u << 20;
  if (text.ends_with('G')) unit = 1u << 30;
  if (unit != 1) text.pop_back();
  SPEX_TRY_ASSIGN(const std::uint64_t number, parse_number(text, "--rate"));
  if (number > (std::uint64_t{1} << 40) / unit) return base::fail(base::Reason::invalid_argument, "--rate: too large");
  return number * unit;
}

int refuse(const Invocation& invocation, const base::Error& error) {
  ExitCode code = ExitCode::refused;
  if (error.reason == base::Reason::invalid_argument) code = ExitCode::usage;
  if (error.reason == base::Reason::storage_corrupt) code = ExitCode::no;
  if (error.reason == base::Reason::shard_unavailable) code = ExitCode::unreachable;
  if (error.reason == base::Reason::deadline_exceeded) code = ExitCode::timeout;
  if (invocation.json) {
    print_line(protocol::to_json(Map{{"ok", false}, {"error", error.message}}));
  }
  print_error("spexctl " + invocation.verb + ": " + error.message);
  return status_of(code);
}

std::function<void(const std::string&)> progress_printer(const Invocation& invocation) {
  if (invocation.json) return {};
  return [](const std::string& sentence) { print_line("  " + sentence); };
}

Value verify_document(const dataops::VerifyReport& report) {
  Array shards;
  for (const dataops::ShardFacts& shard : report.shards) shards.push_back(shard_document(shard));
  return Map{{"ok", report.ok()},
             {"cluster_id", report.layout.cluster_id},
             {"distribution_factor", report.layout.distribution_factor},
             {"backup", report.is_backup},
             {"findings_total", report.findings_total()},
             {"findings", sentences(report.findings)},
             {"shards", std::move(shards)}};
}

std::string verify_text(const dataops::VerifyReport& report) {
  Table table({"SHARD", "INSTANCES", "RECORDS", "ARCHIVED", "KEYS", "EVENTS", "BYTES", "FINDINGS"}, {1, 2, 3, 4, 6, 7});
  for (const dataops::ShardFacts& shard : report.shards) {
    const std::string events =
        shard.events_last == 0 ? "-" : std::to_string(shard.events_first) + ".." + std::to_string(shard.events_last);
    table.add({std::to_string(shard.shard), with_separators(shard.instances), with_separators(shard.records),
               with_separators(shard.archived_records), with_separators(shard.keys), events,
               with_separators(shard.bytes), with_separators(shard.findings.count())},
              shard.findings.empty() ? Colour::plain : Colour::bad);
  }
  std::string text = table.take();
  append_findings(text, report.is_backup ? "backup" : "data directory", report.findings);
  for (const dataops::ShardFacts& shard : report.shards) {
    append_findings(text, "shard " + std::to_string(shard.shard), shard.findings);
  }
  return text + (report.ok() ? "sound\n" : plural(report.findings_total(), "finding") + "\n");
}

}  // namespace spex::ctl
