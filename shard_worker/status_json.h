// The statistics in a heartbeat: one line of JSON, at most a few KiB.
#pragma once

#include <string>

#include "shard_worker/shard.h"

namespace spex::shard_worker {

struct LoopStatistics {
  std::size_t queued = 0;  // requests waiting for a check, behind one, or for a commit
  std::uint64_t failed_commits = 0;
  std::string last_commit_error;  // empty: the last commit worked
  bool read_only = false;
  std::string backup;  // JSON
};

std::string statistics_json(const Shard& shard, const LoopStatistics& loop);
// {"problems":[{"file","line","reason"},…]}
std::string problems_json(const std::vector<conformance::TextProblem>& problems);

}  // namespace spex::shard_worker
