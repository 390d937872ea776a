// ShardCheck: everything that must be true of one shard's file. Reads the file
// twice over: once by the store's own recovery and history readers, once row by row
// by code of its own, and compares. Changes nothing; the file must be in nobody's use.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "config/cluster_layout.h"
#include "dataops/findings.h"
#include "protocol/value.h"

namespace spex::dataops {

struct ShardFacts {
  std::uint32_t shard = 0;
  std::uint64_t bytes = 0;
  std::int64_t schema = 0;
  std::uint64_t instances = 0;
  std::uint64_t records = 0;           // of living instances
  std::uint64_t archived_records = 0;  // of these, in the archive
  std::uint64_t keys = 0;
  std::uint64_t clients = 0;
  std::uint64_t models = 0;
  std::uint64_t events_first = 0;
  std::uint64_t events_last = 0;
  Findings findings;
};

// As manifests and reports tell them; without size and findings.
protocol::Map document_of(const ShardFacts& facts);

// `path`: the file of `shard` in this layout. What is wrong with the file is a finding.
ShardFacts check_shard(const std::string& path, const config::ClusterLayout& layout, std::uint32_t shard);

}  // namespace spex::dataops
