// The tables of a shard's file, its identity and its version.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/strong_id.h"
#include "store/sqlite.h"

namespace spex::store {

inline constexpr std::int64_t kSchemaVersion = 2;
inline constexpr std::int64_t kApplicationId = 0x53504558;  // "SPEX"

struct FileIdentity {
  std::string cluster_id;
  base::ShardId shard;
};

// Brings an empty file to the newest version, with this identity.
base::Result<void> create_schema(Database& database, const FileIdentity& identity, base::Timestamp now);
// Checks that the file is a shard's, of this version or an older one, and the one
// that is meant; then brings an older one up to date, a version per transaction.
// Fails with storage_schema for a newer one, storage_corrupt for another's.
base::Result<void> check_schema(Database& database, const FileIdentity& identity);

}  // namespace spex::store
