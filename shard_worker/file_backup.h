// FileBackup: copies the shard's file while it serves, some pages at a time, after
// commits and at the pace that was asked for. The copy lies beside the file until
// whoever asked for it (`spexctl backup`) takes it away; a later order or the next start
// replaces it. Disk room that the copy would need but that is not there is told at once.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "process/supervisor_channel.h"
#include "store/instance_store.h"

namespace spex::shard_worker {

class FileBackup {
 public:
  // Removes what an earlier process left at `path`.
  FileBackup(store::InstanceStore& instances, std::string path);

  // Begins a copy; one that is under way is given up. The same token again goes on with it.
  void begin(const process::Backup& order, base::MonotonicTime now);
  // Copies some pages if it is time to and nothing is uncommitted.
  void step(base::MonotonicTime now);
  base::MonotonicTime next() const;  // when step() has something to do
  // Gives up; before the store is closed.
  void end();
  // {"token","state":"none|running|done|failed","pages","pages_left","error"}
  std::string json() const;

 private:
  enum class State : std::uint8_t { none, running, done, failed };
  void fail(const std::string& why);
  void remove();  // the copy, and what there is of one

  store::InstanceStore& store_;
  std::string path_;
  std::string unfinished_;
  process::Backup order_;
  State state_ = State::none;
  std::unique_ptr<store::StoreBackup> copy_;
  std::uint64_t pages_ = 0;
  std::uint64_t pages_left_ = 0;
  std::uint64_t pages_at_begin_ = 0;
  std::string error_;
  base::MonotonicTime next_;
};

}  // namespace spex::shard_worker
