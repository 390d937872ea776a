// What must be true before the first child is started: directories, locks, the
// cluster layout, no stale sockets, descriptors enough. Everything wrong is
// fatal here and named; nothing that belongs to somebody else is touched.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/cluster_layout.h"
#include "config/config.h"
#include "process/daemon_main.h"
#include "process/file_lock.h"

namespace spex::supervisor {

// Why the service does not start.
struct Refusal {
  process::ExitCode code = process::ExitCode::configuration;
  std::string reason;
};

// Held as long as the service runs.
struct Foundation {
  process::FileLock data_lock;
  process::FileLock run_lock;
  config::ClusterLayout layout;
  std::vector<std::string> problems;  // the service starts, but somebody should know
};

// Waits up to five seconds for children of a killed predecessor, otherwise for nothing.
std::optional<Refusal> prepare(const config::Config& config, Foundation& foundation);

std::string data_lock_path(const config::Config& config);                        // <data_dir>/lock
std::string shard_lock_path(const config::Config& config, std::uint32_t shard);  // <data_dir>/shard_<n>.lock
std::string router_lock_path(const config::Config& config);                      // <run_dir>/router.lock
std::string shard_endpoint(const config::Config& config, base::ShardId shard, base::Incarnation incarnation);
// Removes the socket file of an incarnation that has ended.
void remove_shard_socket(const config::Config& config, base::ShardId shard, base::Incarnation incarnation);

}  // namespace spex::supervisor
