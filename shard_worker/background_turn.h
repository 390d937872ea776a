// BackgroundTurn: whose turn it is among the shards of a cluster to do work that
// nobody waits for. They share a disk and the CPUs; all at once they would hold
// up every request. There are half as many places as CPUs, at least one; a shard
// has a fixed place and shares it with others.
//
// A place is a byte of a file that is locked (open file description lock), so a
// process that ends gives up its turn. Without the file nobody gives way.
#pragma once

#include <string>

#include "base/strong_id.h"
#include "base/unique_fd.h"

namespace spex::shard_worker {

class BackgroundTurn {
 public:
  // The number of places, from the CPUs of the machine.
  static unsigned places();
  BackgroundTurn(const std::string& path, base::ShardId shard, unsigned places);

  // False while another shard of this place has its turn. Taking it twice is the same as once.
  bool try_take();
  void give_back();

 private:
  bool lock(short type) const;
  base::UniqueFd fd_;
  long place_;
  bool has_it_ = false;
};

}  // namespace spex::shard_worker
