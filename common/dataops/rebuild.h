// Rebuild: a new shard out of salvaged rows. An instance is sound if its row is there, its
// history complete from the first record on, and both agree with what the snapshots say of
// it; all others are left out and named. Where request keys may be missing, floors are
// raised: a repeated request is then refused as expired rather than executed twice.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataops/salvage.h"
#include "protocol/value.h"
#include "store/instance_store.h"

namespace spex::dataops {

struct LostInstance {
  protocol::Value identifier;  // nil: not even that is known
  std::uint32_t number = 0;
  std::string why;
};

struct RebuildReport {
  std::uint64_t instances = 0;
  std::uint64_t records = 0;
  std::uint64_t keys = 0;
  std::uint64_t events = 0;
  std::uint64_t models = 0;
  std::vector<LostInstance> lost;      // each instance that could not be saved
  std::vector<std::string> sentences;  // what else is missing, or may be
  bool keys_may_be_missing = false;
};

base::Result<RebuildReport> rebuild(const SalvagedShard& shard, store::InstanceStore& to, base::Timestamp now);

}  // namespace spex::dataops
