// verify: checks a whole data directory, or a backup, that nobody uses.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/cluster_layout.h"
#include "dataops/shard_check.h"

namespace spex::dataops {

struct VerifyReport {
  config::ClusterLayout layout;
  bool is_backup = false;
  std::vector<ShardFacts> shards;
  Findings findings;  // of the directory as such

  std::uint64_t findings_total() const;
  bool ok() const { return findings_total() == 0; }
};

// A directory with a manifest is a backup: its checksums are tested, too, and no lock is taken.
// Fails if it is in use, or is neither.
base::Result<VerifyReport> verify(const std::string& directory);
// The files of a layout in a directory that the caller has for itself.
VerifyReport check_directory(const std::string& directory, const config::ClusterLayout& layout);

}  // namespace spex::dataops
