// What a child is and how it is to be kept alive: the supervisor's table of
// children, in start order. Plain values, made once from the configuration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/strong_id.h"
#include "config/config.h"

namespace spex::supervisor {

enum class ChildKind : std::uint8_t { shard, router };

// OTP's words: permanent is always restarted, transient only after an abnormal end, temporary never.
enum class RestartType : std::uint8_t { permanent, transient, temporary };

struct ChildSpec {
  std::string id;  // "shard-1", "router"
  ChildKind kind = ChildKind::shard;
  base::ShardId shard;  // 0 for the router
  RestartType restart = RestartType::permanent;
  // Without the router nothing is served, so it is retried at the longest back-off instead of being parked.
  bool may_park = true;
};

// Shards 1 to N, then the router: the start order. Stopped in reverse.
std::vector<ChildSpec> child_specs(std::uint32_t shards);

}  // namespace spex::supervisor
