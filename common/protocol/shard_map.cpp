#include "protocol/shard_map.h"

#include "base/assert.h"
#include "protocol/identifier.h"

namespace spex::protocol {

base::Result<SlotMap> SlotMap::create(std::vector<std::uint16_t> shard_of_slot, std::uint32_t shards) {
  if (shard_of_slot.size() != kSlotCount) {
    return base::fail(base::Reason::invalid_argument,
                      "slot map: " + std::to_string(shard_of_slot.size()) + " slots instead of 4096");
  }
  for (const std::uint16_t shard : shard_of_slot) {
    if (shard >= 1 && shard <= shards) continue;
    return base::fail(base::Reason::invalid_argument,
                      "slot map: shard " + std::to_string(shard) + " of " + std::to_string(shards) + " does not exist");
  }
  return SlotMap(std::move(shard_of_slot), shards);
}

base::ShardId SlotMap::shard_of(std::string_view canonical_identifier) const {
  return shard_of_slot(slot_of(canonical_identifier));
}

base::ShardId SlotMap::shard_of_slot(std::uint32_t slot) const {
  SPEX_ASSERT(slot < kSlotCount);
  return base::ShardId(shard_of_slot_[slot]);
}

}  // namespace spex::protocol
