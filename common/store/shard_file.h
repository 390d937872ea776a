// ShardFile: finding, locking, creating and opening the file of a shard, so that
// nobody else has it, and a missing, emptied or foreign file is refused instead of
// being taken for a new one. Used by the packed store.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/unique_fd.h"
#include "store/instance_store.h"
#include "store/sqlite.h"

namespace spex::store {

class ShardFile {
 public:
  // Locks `shard_<n>.lock` beside the file, creates the file if it never was there,
  // opens it and checks whose it is. The lock is held as long as this lives.
  static base::Result<ShardFile> open(const StoreOptions& options);

  Database& database() { return database_; }
  const Database& database() const { return database_; }
  // Closes the file and gives up the lock; no statement may be left.
  void close();
  // Fails if the file or its write-ahead log is no longer the one that was opened:
  // what is written then would be lost.
  base::Result<void> check_in_place();
  // Takes room on the disk for a file of so many bytes, beyond its end, so that a checkpoint that
  // brings it there needs none. storage_full if there is not so much; a file system that cannot do it is let be.
  base::Result<void> hold_room(std::uint64_t bytes);
  // A checkpoint has given up what was held beyond the end.
  void room_was_given_up() { room_held_ = file_bytes(); }
  std::uint64_t file_bytes() const;
  std::uint64_t wal_bytes() const;

 private:
  ShardFile(std::string path, base::UniqueFd lock, base::UniqueFd room, Database database)
      : path_(std::move(path)), lock_(std::move(lock)), room_(std::move(room)), database_(std::move(database)) {}

  std::string path_;
  base::UniqueFd lock_;
  base::UniqueFd room_;  // the file once more; closed after `database_`, whose locks closing it would end
  Database database_;
  std::uint64_t room_held_ = 0;
  struct stat file_ {};
  struct stat wal_ {};
  bool wal_known_ = false;
};

}  // namespace spex::store
