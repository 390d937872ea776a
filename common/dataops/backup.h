// Backups: a directory with a copy of every shard's file, the cluster layout and a
// manifest. Made under another name and renamed when it is complete, checked and synced,
// so that a directory of the wanted name is never a part of a backup.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "dataops/files.h"
#include "dataops/manifest.h"

namespace spex::dataops {

// A backup that is being made from copies that somebody else provides.
class BackupTarget {
 public:
  // `directory` must not exist or be empty; what an interrupted backup of that name left is removed.
  static base::Result<BackupTarget> create(const std::string& directory);

  // Where the copy of a shard's file belongs.
  std::string shard_file(std::uint32_t shard) const;
  // Copies what is settled of changes that all shards make together and is not here yet: a shard's copy may
  // wait for it. Once after each shard's copy, since what no shard needs any more is removed.
  base::Result<void> copy_decisions(const std::string& data_dir) const;
  // The copies are all there: checks them, writes layout and manifest, and gives the backup its name.
  // Fails with storage_corrupt if a copy is not sound.
  base::Result<Manifest> finish(const config::ClusterLayout& layout, base::Timestamp now,
                                const std::function<void(const std::string&)>& on_progress);
  // Removes what was made so far.
  void abandon();

 private:
  BackupTarget(std::string directory, std::string unfinished)
      : directory_(std::move(directory)), unfinished_(std::move(unfinished)) {}
  base::Result<void> add_decisions(Manifest& manifest) const;
  base::Result<ManifestFile> describe(const config::ClusterLayout& layout, std::uint32_t shard) const;

  std::string directory_;
  std::string unfinished_;
};

struct BackupOrder {
  std::string data_dir;
  std::string directory;
  Rate rate;
  base::Timestamp now = 0;
  std::function<void(const std::string&)> on_progress;
};

// Of a cluster that is stopped; `overloaded` if it is not.
base::Result<Manifest> back_up_stopped(const BackupOrder& order);

}  // namespace spex::dataops
