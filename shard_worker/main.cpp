// spex-shard-worker: one shard, one SQLite file. Started by spexd only.
#include "process/daemon_main.h"
#include "shard_worker/worker.h"

namespace {

spex::process::ExitCode code_for(spex::base::Reason reason) {
  using spex::base::Reason;
  // A file of another cluster or schema does not get better by itself; the supervisor parks us.
  const bool permanent = reason == Reason::storage_schema || reason == Reason::storage_corrupt;
  return permanent ? spex::process::ExitCode::configuration : spex::process::ExitCode::try_again;
}

spex::process::DaemonExit serve(spex::process::DaemonContext& context) {
  auto worker = spex::shard_worker::Worker::open(context);
  if (!worker) return {code_for(worker.error().reason), spex::base::to_string(worker.error())};
  return (*worker)->run();
}

}  // namespace

int main(int argc, char** argv) { return spex::process::daemon_main({"spex-shard-worker", true}, argc, argv, serve); }
