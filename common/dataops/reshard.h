// reshard: moves the data of a stopped cluster to another number of shards.
//
// 1. The new files are made in `<dir>/reshard-new` and verified. Until then nothing of
//    the old data is touched; an interruption leaves a directory that works as before.
// 2. The journal `<dir>/reshard` is written. From here on the new layout holds: spexd
//    refuses to start, and reshard() finishes from where it stopped.
// 3. File by file: the old one to `<dir>/reshard-old`, the new one to its place; then
//    the file `cluster` is replaced.
// 4. The old files are removed, or kept as `<dir>/old-<shards>-shards-<time>`; the journal last.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "dataops/transfer.h"

namespace spex::dataops {

struct ReshardOrder {
  std::string data_dir;
  std::optional<std::uint32_t> distribution_factor;  // none: only finish what was interrupted
  bool keep_old = false;
  base::Timestamp now = 0;
  std::function<void(const std::string&)> on_progress;
};

struct ReshardReport {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  bool changed = false;  // false: it has that number already
  bool finished_earlier_one = false;
  TransferReport moved;  // not of one that was only finished
  std::string kept_as;   // where the old files are; empty: removed
};

// `overloaded` if the directory is in use, invalid_argument for a wrong number, storage_corrupt if the data are not
// sound.
base::Result<ReshardReport> reshard(const ReshardOrder& order);

}  // namespace spex::dataops
