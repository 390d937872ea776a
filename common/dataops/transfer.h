// transfer: writes the data of all shards of one layout into new files of another,
// and proves that nothing is missing. Reads the old files by the store, which may
// checkpoint them; changes nothing else of them.
//
// Events keep shard and number where the shard goes on. Those of a shard that is
// dissolved follow in the log of its heir, under new numbers, and say where they come
// from ("moved_from": [shard, number]). A shard that comes (back) into being goes on behind the
// highest number that it ever had. Each log then gets an event "resharded".
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "config/cluster_layout.h"

namespace spex::dataops {

struct Transfer {
  std::string from_directory;
  config::ClusterLayout from;
  std::string to_directory;  // empty
  config::ClusterLayout to;
  base::Timestamp now = 0;
  std::function<void(const std::string&)> on_progress;  // a sentence now and then
};

struct TransferReport {
  std::uint32_t slots_moved = 0;
  std::uint64_t instances = 0;
  std::uint64_t instances_moved = 0;
  std::uint64_t records = 0;
  std::uint64_t keys = 0;
  std::uint64_t events_moved = 0;
};

// Fails, with the new files half made, if the old data are not sound (storage_corrupt) or a
// file cannot be read or written. When it returns, the new files are verified and synced.
base::Result<TransferReport> transfer(const Transfer& order);

}  // namespace spex::dataops
