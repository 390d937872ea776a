// The slot map after a change of the number of shards: even, and nothing moves without need.
#include "dataops/slot_plan.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace spex::dataops {
namespace {

std::vector<std::uint32_t> slots_of(const config::ClusterLayout& layout) {
  std::vector<std::uint32_t> count(std::size_t{layout.distribution_factor} + 1);
  for (const std::uint16_t shard : layout.shard_of_slot) ++count.at(shard);
  return count;
}

// What any even layout must move: all beyond a shard's share, with the larger shares where most is.
std::uint32_t fewest(const config::ClusterLayout& from, std::uint32_t shards) {
  std::vector<std::uint32_t> have = slots_of(from);
  have.resize(std::max<std::size_t>(have.size(), std::size_t{shards} + 1));
  std::vector<std::uint32_t> staying(have.begin() + 1, have.begin() + 1 + shards);
  std::sort(staying.rbegin(), staying.rend());
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < shards; ++i) {
    kept += std::min(staying[i], config::kSlots / shards + (i < config::kSlots % shards ? 1 : 0));
  }
  return config::kSlots - kept;
}

TEST_CASE("the slots are shared out evenly and as few as possible move", "[dataops]") {
  config::ClusterLayout layout = config::ClusterLayout::create(4);
  for (const std::uint32_t shards : {6U, 3U, 4U, 1U, 7U, 100U, 4096U, 99U, 5U, 8U, 2U}) {
    INFO(layout.distribution_factor << " -> " << shards);
    const config::ClusterLayout next = plan_layout(layout, shards);
    const auto counts = slots_of(next);
    REQUIRE(next.distribution_factor == shards);
    REQUIRE(next.cluster_id == layout.cluster_id);
    CHECK(*std::min_element(counts.begin() + 1, counts.end()) == config::kSlots / shards);
    CHECK(*std::max_element(counts.begin() + 1, counts.end()) == (config::kSlots + shards - 1) / shards);
    CHECK(moved_slots(layout, next) == fewest(layout, shards));
    layout = next;
  }
}

TEST_CASE("the same number of shards moves nothing", "[dataops]") {
  const config::ClusterLayout layout = config::ClusterLayout::create(5);
  CHECK(moved_slots(layout, plan_layout(layout, 5)) == 0);
}

}  // namespace
}  // namespace spex::dataops
