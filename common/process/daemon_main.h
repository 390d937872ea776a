// The shared skeleton of spex-router and spex-shard-worker: command line,
// effective configuration, layout, log identity, signals, channel; then the
// program's own body; then its exit code, with the reason told to the supervisor.
#pragma once

#include <functional>
#include <string>

#include "base/strong_id.h"
#include "config/cluster_layout.h"
#include "config/config.h"
#include "process/signals.h"
#include "process/supervisor_channel.h"

namespace spex::process {

// Exit codes of the daemons. `usage` and `configuration` are not restarted fast: the child is parked.
enum class ExitCode : int { clean = 0, usage = 64, invariant = 70, try_again = 75, configuration = 78 };

struct DaemonContext {
  std::string config_path;  // for load_effective_config() after Reload
  config::Config config;
  config::ClusterLayout layout;
  base::ShardId shard;  // 0 for the router
  base::Incarnation incarnation;
  ChildChannel channel;
  SignalFd signals;  // SIGTERM and SIGINT: end cleanly
};

struct DaemonExit {
  ExitCode code = ExitCode::clean;
  std::string reason;  // for people; empty if clean
};

struct DaemonInfo {
  std::string program;       // as in `ps`: "spex-router"
  bool takes_shard = false;  // --shard N is required
};

// For main(): `return daemon_main({"spex-router"}, argc, argv, run);`. The body
// opens, says channel.ready(), loops until a signal (exit clean) or until
// channel.closed() (exit try_again), and returns; it never calls exit().
int daemon_main(const DaemonInfo& info, int argc, char** argv, const std::function<DaemonExit(DaemonContext&)>& body);

}  // namespace spex::process
