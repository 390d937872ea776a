// Recovery: memory from the file. Loads the identifiers and the saved chunks, then
// replays the log from the row that the newest row names. Everything that is read
// is checked; a breach refuses the file with storage_corrupt.
//
// I2: from the newest row's `replay_from` on, every log row exists; every change
//     before it is in a saved chunk.
// I3: the table `instances` holds just the living states.
// I5: the newest log row is never deleted.
#pragma once

#include <functional>
#include <memory>

#include "store/instance_store.h"
#include "store/memory.h"
#include "store/sqlite.h"

namespace spex::store {

// O(instances + records replayed). `on_progress` is called now and then.
base::Result<std::unique_ptr<Memory>> recover(Database& database, const StoreOptions& options, std::uint64_t seed);

}  // namespace spex::store
