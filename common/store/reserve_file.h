// ReserveFile: a file beside the shard's that holds nothing but room on the disk. It
// is given up when the disk is full, so that deleting, pruning and checkpoints, which
// need room before they make some, still work; and taken again when there is room.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace spex::store {

class ReserveFile {
 public:
  // `bytes` 0: there is none, it is never held.
  ReserveFile(std::string path, std::uint64_t bytes) : path_(std::move(path)), bytes_(bytes) {}
  bool is_wanted() const { return bytes_ > 0; }
  bool is_held() const { return held_; }
  std::uint64_t bytes() const { return bytes_; }
  // Takes the room on the disk. Fails with storage_full if there is not so much.
  base::Result<void> take();
  // The same after it was given up, but only if twice as much is free: else it would take
  // back what it has just given.
  base::Result<void> take_again();
  void give_up();

 private:
  std::string path_;
  std::uint64_t bytes_;
  bool held_ = false;
};

}  // namespace spex::store
