// spex-router: one per cluster, between clients and shard workers.
#include "process/daemon_main.h"
#include "router/router.h"

int main(int argc, char** argv) {
  return spex::process::daemon_main({.program = "spex-router"}, argc, argv, spex::router::run_router);
}
