#include "shard_worker/status_json.h"

#include "base/json_text.h"

namespace spex::shard_worker {
namespace {

// What of the problems fits into a heartbeat; the log has them all.
constexpr std::size_t kProblemsShown = 10;
constexpr std::size_t kReasonBytesShown = 200;

std::string problem_list(const std::vector<conformance::TextProblem>& problems) {
  std::string json = "[";
  for (std::size_t i = 0; i < problems.size() && i < kProblemsShown; ++i) {
    if (i != 0) json += ",";
    json += "{\"file\":" + base::json_quote(problems[i].file) + ",\"line\":" + std::to_string(problems[i].line) +
            ",\"reason\":" + base::json_quote(problems[i].reason.substr(0, kReasonBytesShown)) + "}";
  }
  return json + "]";
}

void field(std::string& json, const char* name, std::uint64_t value) {
  json += std::string(",\"") + name + "\":" + std::to_string(value);
}

}  // namespace

std::string statistics_json(const Shard& shard, const LoopStatistics& loop) {
  const store::StoreStatistics stored = shard.store.statistics();
  const Counters& counters = shard.counters;
  std::string json = "{\"instances\":" + std::to_string(stored.instances);
  field(json, "states_in_memory", stored.states_in_memory);
  field(json, "requests", counters.requests);
  field(json, "commits", stored.commits);
  field(json, "records", stored.records);
  field(json, "queue", loop.queued);
  field(json, "checks_queued", shard.checks.queued());
  field(json, "checks_done", shard.checks.finished());
  field(json, "deviations_still_equivalent", counters.deviations_still_equivalent);
  field(json, "deviations_not_equivalent", counters.deviations_not_equivalent);
  field(json, "timeouts", counters.timeouts);
  field(json, "pruned", counters.pruned);
  field(json, "errors_reported", counters.errors_reported);
  field(json, "overloaded", counters.overloaded);
  field(json, "file_bytes", stored.file_bytes);
  field(json, "wal_bytes", stored.wal_bytes);
  field(json, "events_first", stored.events_first);
  field(json, "events_last", stored.events_last);
  field(json, "corrupt_records", stored.corrupt_records);
  field(json, "damaged_rows", stored.damaged_rows);
  field(json, "check_rounds", stored.check_rounds);
  field(json, "checked_at", static_cast<std::uint64_t>(stored.checked_at));
  field(json, "free_pages", stored.free_pages);
  json += std::string(",\"low_space\":") + (stored.low_space ? "true" : "false");
  field(json, "recovered_records", stored.recovered_records);
  field(json, "recovery_microseconds", static_cast<std::uint64_t>(stored.recovery_microseconds));
  field(json, "specifications", shard.catalogue.specifications().size());
  field(json, "models", shard.catalogue.models().size());
  field(json, "failed_commits", loop.failed_commits);
  json += std::string(",\"read_only\":") + (loop.read_only ? "true" : "false");
  json +=
      ",\"last_commit_error\":" + (loop.last_commit_error.empty() ? "null" : base::json_quote(loop.last_commit_error));
  json += ",\"backup\":" + loop.backup;
  field(json, "problems_total", shard.problems.size());
  return json + ",\"problems\":" + problem_list(shard.problems) + "}";
}

std::string problems_json(const std::vector<conformance::TextProblem>& problems) {
  return "{\"problems\":" + problem_list(problems) + "}";
}

}  // namespace spex::shard_worker
