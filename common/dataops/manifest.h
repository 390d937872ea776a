// The manifest of a backup: what it holds, with checksums, as JSON for people and
// for restoring.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/cluster_layout.h"
#include "dataops/files.h"
#include "dataops/shard_check.h"

namespace spex::dataops {

struct ManifestFile {
  std::string name;
  FileFacts facts;
  ShardFacts shard;  // shard.shard = 0: no file of a shard
};

struct Manifest {
  base::Timestamp created_at = 0;
  config::ClusterLayout layout;
  std::vector<ManifestFile> files;
};

std::string manifest_text(const Manifest& manifest);
base::Result<void> write_manifest(const std::string& directory, const Manifest& manifest);
// Of a backup; its layout comes from the file `cluster` beside it. storage_corrupt if it is damaged.
base::Result<Manifest> read_manifest(const std::string& directory);
// Sizes and checksums of the files as the manifest has them; a sentence for each that differs.
base::Result<std::vector<std::string>> check_files(const std::string& directory, const Manifest& manifest);

std::string utc_text(base::Timestamp time);          // 2026-11-23T12:00:00Z
base::Timestamp parse_utc(const std::string& text);  // of that form, else 0

}  // namespace spex::dataops
