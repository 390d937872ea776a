// restore: a data directory out of a backup, into another number of shards too. Made
// under another name and renamed when it is complete and synced.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "dataops/files.h"
#include "dataops/reshard.h"
#include "dataops/verify.h"

namespace spex::dataops {

struct RestoreOrder {
  std::string backup;
  std::string data_dir;                              // must not exist or be empty
  std::optional<std::uint32_t> distribution_factor;  // none: as in the backup
  bool verify = false;                               // check everything before the directory gets its name
  Rate rate;
  base::Timestamp now = 0;
  std::function<void(const std::string&)> on_progress;
};

struct RestoreReport {
  std::string created_at;  // of the backup
  std::uint32_t from = 0;  // shards of the backup
  std::uint32_t to = 0;
  std::uint64_t bytes = 0;
  std::optional<VerifyReport> verified;
};

// storage_corrupt if a file of the backup is not the one of the manifest, or verifying finds something;
// then there is no data directory.
base::Result<RestoreReport> restore(const RestoreOrder& order);

}  // namespace spex::dataops
