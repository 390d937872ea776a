// SlotMap: which shard has which slot. A copy of the cluster layout's list for
// whoever routes: router, worker (to check), clients that want to know.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"

namespace spex::protocol {

class SlotMap {
 public:
  // `shard_of_slot`: kSlotCount shards, each in 1..shards; else invalid_argument.
  static base::Result<SlotMap> create(std::vector<std::uint16_t> shard_of_slot, std::uint32_t shards);

  base::ShardId shard_of(std::string_view canonical_identifier) const;
  base::ShardId shard_of_slot(std::uint32_t slot) const;  // slot < kSlotCount
  std::uint32_t shards() const { return shards_; }
  const std::vector<std::uint16_t>& slots() const { return shard_of_slot_; }

 private:
  SlotMap(std::vector<std::uint16_t> shard_of_slot, std::uint32_t shards)
      : shard_of_slot_(std::move(shard_of_slot)), shards_(shards) {}

  std::vector<std::uint16_t> shard_of_slot_;
  std::uint32_t shards_ = 0;
};

}  // namespace spex::protocol
