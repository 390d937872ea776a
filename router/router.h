// Router: the loop of spex-router. Owns sockets, timers and the channel to the
// supervisor; decisions are made in dispatcher.h and shard_table.h.
#pragma once

#include "process/daemon_main.h"

namespace spex::router {

// Binds, says ready, and routes until SIGTERM (clean) or the end of the supervisor.
process::DaemonExit run_router(process::DaemonContext& context);

}  // namespace spex::router
