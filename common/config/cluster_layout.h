// The layout of a data directory: cluster id, number of shards, slot map. One
// small text file, `<data_dir>/cluster`, written once by the supervisor and
// replaced atomically; starting with another number of shards is refused.
//
//   spexd data directory 1
//   cluster_id: 6f1c…            (32 hex digits)
//   distribution_factor: 4
//   slots: 1 2 3 4 1 2 …         (4096 shard numbers, shard of slot 0 first)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace spex::config {

constexpr std::uint32_t kSlots = 4096;

struct ClusterLayout {
  std::string cluster_id;
  std::uint32_t distribution_factor = 0;
  std::vector<std::uint16_t> shard_of_slot;  // kSlots entries, 1-based shards

  // A new layout: random id, shard = slot mod factor + 1. 1 <= factor <= 4096.
  static ClusterLayout create(std::uint32_t distribution_factor);
};

std::string layout_path(const std::string& data_dir);
base::Result<ClusterLayout> load_layout(
    const std::string& data_dir);  // storage_open if absent, storage_corrupt if damaged
base::Result<void> save_layout(const std::string& data_dir,
                               const ClusterLayout& layout);  // temporary file, fsync, rename, fsync

}  // namespace spex::config
