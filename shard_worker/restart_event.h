// RestartEvent: that a shard came back is an event like others, numbered, and
// stored with the first transaction of the new process. The first start of a file is
// none. Called by the worker, once per start and once at a clean stop.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "base/strong_id.h"
#include "store/instance_store.h"

namespace spex::shard_worker {

// Appends {"kind": "restart", "reason": "restart", "incarnation", "after": "stop" or "crash", "instances"}.
base::Result<void> tell_start(store::InstanceStore& store, base::Incarnation incarnation, base::Timestamp now);
// So that the next start knows that this process ended as it should.
base::Result<void> tell_stop(store::InstanceStore& store);

}  // namespace spex::shard_worker
