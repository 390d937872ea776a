// Which slots move when the number of shards changes: the fewest that leave every
// shard with its even share.
#pragma once

#include <cstdint>

#include "config/cluster_layout.h"

namespace spex::dataops {

// The same cluster with `distribution_factor` shards, each with 4096 / factor slots,
// rounded up or down. No layout so even moves fewer slots. Deterministic.
config::ClusterLayout plan_layout(const config::ClusterLayout& layout, std::uint32_t distribution_factor);

std::uint32_t moved_slots(const config::ClusterLayout& from, const config::ClusterLayout& to);

}  // namespace spex::dataops
