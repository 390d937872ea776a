#include "supervisor/child_spec.h"

namespace spex::supervisor {

std::vector<ChildSpec> child_specs(std::uint32_t shards) {
  std::vector<ChildSpec> specs;
  for (std::uint32_t shard = 1; shard <= shards; ++shard) {
    specs.push_back({"shard-" + std::to_string(shard), ChildKind::shard, base::ShardId(shard)});
  }
  specs.push_back({"router", ChildKind::router, base::ShardId(), RestartType::permanent, false});
  return specs;
}

}  // namespace spex::supervisor
