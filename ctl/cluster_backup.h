// Backing up a cluster that runs: orders a copy of every shard's file, follows the
// copies by the supervisor's status, and takes them over. A shard that is killed
// meanwhile is asked again.
#pragma once

#include <string>

#include "ctl/verb.h"
#include "dataops/backup.h"

namespace spex::ctl {

struct ClusterBackup {
  std::string directory;
  std::uint64_t bytes_per_second = 0;                  // of all shards together; 0: no bound
  base::Duration patience = std::chrono::seconds(60);  // without any progress
  std::function<void(const std::string&)> on_progress;
};

// Must run on the cluster's host: the copies lie in its data directory.
base::Result<dataops::Manifest> back_up_cluster(const Invocation& invocation, const ClusterBackup& order);

}  // namespace spex::ctl
