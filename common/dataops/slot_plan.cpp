#include "dataops/slot_plan.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/assert.h"

namespace spex::dataops {

config::ClusterLayout plan_layout(const config::ClusterLayout& layout, std::uint32_t distribution_factor) {
  SPEX_ASSERT(distribution_factor >= 1 && distribution_factor <= config::kSlots);
  std::vector<std::uint32_t> have(std::size_t{distribution_factor} + 1);
  for (const std::uint16_t shard : layout.shard_of_slot) {
    if (shard <= distribution_factor) ++have[shard];
  }
  // The larger shares go to those that have most: what they keep need not move.
  std::vector<std::uint32_t> order(distribution_factor);
  std::iota(order.begin(), order.end(), 1U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return have[a] > have[b]; });
  std::vector<std::uint32_t> share(have.size(), config::kSlots / distribution_factor);
  for (std::uint32_t i = 0; i < config::kSlots % distribution_factor; ++i) ++share[order[i]];

  config::ClusterLayout planned{layout.cluster_id, distribution_factor, layout.shard_of_slot};
  std::vector<std::size_t> homeless;
  for (std::size_t slot = 0; slot < planned.shard_of_slot.size(); ++slot) {
    const std::uint16_t shard = planned.shard_of_slot[slot];
    if (shard <= distribution_factor && share[shard] > 0) {
      --share[shard];
    } else {
      homeless.push_back(slot);
    }
  }
  std::uint32_t shard = 1;
  for (const std::size_t slot : homeless) {
    while (share[shard] == 0) ++shard;  // the shares add up to all slots
    --share[shard];
    planned.shard_of_slot[slot] = static_cast<std::uint16_t>(shard);
  }
  return planned;
}

std::uint32_t moved_slots(const config::ClusterLayout& from, const config::ClusterLayout& to) {
  std::uint32_t moved = 0;
  for (std::size_t slot = 0; slot < from.shard_of_slot.size(); ++slot) {
    moved += from.shard_of_slot[slot] != to.shard_of_slot[slot] ? 1U : 0U;
  }
  return moved;
}

}  // namespace spex::dataops
