// DataDirectory: a data directory taken for offline work: its lock, its layout, the
// names of its files. A backup has the same names and a manifest, and needs no lock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/cluster_layout.h"
#include "process/file_lock.h"

namespace spex::dataops {

class DataDirectory {
 public:
  // Takes the lock of the directory. `overloaded` if it is in use, naming the process;
  // invalid_argument if it is no data directory; fails if a move (reshard.h) was interrupted, naming the command.
  static base::Result<DataDirectory> open(const std::string& path);
  // The same for who goes on with that move.
  static base::Result<DataDirectory> open_interrupted(const std::string& path);

  const std::string& path() const { return path_; }
  const config::ClusterLayout& layout() const { return layout_; }
  std::string shard_file(std::uint32_t shard) const { return shard_file(path_, shard); }

  static std::string shard_file(const std::string& directory, std::uint32_t shard);
  // What a shard's worker writes a copy of its file to.
  static std::string copy_file(const std::string& directory, std::uint32_t shard);
  static std::string journal_file(const std::string& directory);    // there while a move is half done
  static std::string repair_journal(const std::string& directory);  // there while a repaired file is put in place
  // Fails if a move or a repair was interrupted, naming the command that completes it.
  static base::Result<void> check_complete(const std::string& path);
  static std::string manifest_file(const std::string& directory);
  // What is settled of the changes of models that all shards make together: a file each, in a folder.
  static constexpr std::string_view kDecisions = "model_changes";
  static std::string decisions(const std::string& directory);
  static bool is_decision(std::string_view name);          // not one that is only proposed
  static bool is_path_of_decision(std::string_view path);  // relative to the data directory

 private:
  DataDirectory(std::string path, config::ClusterLayout layout, process::FileLock lock)
      : path_(std::move(path)), layout_(std::move(layout)), lock_(std::move(lock)) {}

  std::string path_;
  config::ClusterLayout layout_;
  process::FileLock lock_;
};

}  // namespace spex::dataops
