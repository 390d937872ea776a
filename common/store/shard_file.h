// ShardFile: finding, locking, creating and opening the file of a shard, so that
// nobody else has it, and a missing, emptied or foreign file is refused instead of
// being taken for a new one. Used by the packed store.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <memory>
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
  // From now on, room on the disk is taken beyond the end of the file before a page that will lie there gets into the
  // write-ahead log: on a full disk a checkpoint must not take what the reserve gave up, which is for the log of what
  // makes room. Without it the commit fails, with storage_full; a file system that cannot take room is let be.
  void hold_room();
  // A checkpoint has given up what was held beyond the end.
  void room_was_given_up() { room_->held = file_bytes(); }
  std::uint64_t file_bytes() const;
  std::uint64_t wal_bytes() const;

 private:
  struct Room {
    base::UniqueFd file;  // once more; closed after the database, whose locks closing it would end
    std::uint64_t held = 0;
    std::function<bool(std::uint64_t)> take = [this](std::uint64_t bytes) { return hold(bytes); };
    bool hold(std::uint64_t bytes);
  };
  ShardFile(std::string path, base::UniqueFd lock, std::unique_ptr<Room> room, Database database)
      : path_(std::move(path)), lock_(std::move(lock)), room_(std::move(room)), database_(std::move(database)) {}

  std::string path_;
  base::UniqueFd lock_;
  std::unique_ptr<Room> room_;  // its address is known to the database
  Database database_;
  struct stat file_ {};
  struct stat wal_ {};
  bool wal_known_ = false;
};

}  // namespace spex::store
