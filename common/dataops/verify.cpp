#include "dataops/verify.h"

#include "dataops/data_directory.h"
#include "dataops/files.h"
#include "dataops/manifest.h"

namespace spex::dataops {
namespace {

using base::Result;

// Shard files that the layout does not know: data that nobody would see.
Result<void> check_names(const std::string& directory, std::uint32_t shards, Findings& findings) {
  SPEX_TRY_ASSIGN(const auto names, list(directory));
  for (const std::string& name : names) {
    if (!name.starts_with("shard_") || !name.ends_with(".sqlite")) continue;
    bool known = false;
    for (std::uint32_t shard = 1; shard <= shards && !known; ++shard) {
      known = DataDirectory::shard_file(directory, shard) == directory + "/" + name;
    }
    if (!known) findings.add(name + " belongs to no shard of the layout");
  }
  return {};
}

Result<VerifyReport> verify_backup(const std::string& directory) {
  SPEX_TRY_ASSIGN(const Manifest manifest, read_manifest(directory));
  SPEX_TRY_ASSIGN(const auto problems, check_files(directory, manifest));
  VerifyReport report = check_directory(directory, manifest.layout);
  report.is_backup = true;
  for (const std::string& problem : problems) report.findings.add(problem);
  return report;
}

}  // namespace

std::uint64_t VerifyReport::findings_total() const {
  std::uint64_t total = findings.count();
  for (const ShardFacts& shard : shards) total += shard.findings.count();
  return total;
}

VerifyReport check_directory(const std::string& directory, const config::ClusterLayout& layout) {
  VerifyReport report;
  report.layout = layout;
  if (auto checked = check_names(directory, layout.distribution_factor, report.findings); !checked) {
    report.findings.add(checked.error().message);
  }
  for (std::uint32_t shard = 1; shard <= layout.distribution_factor; ++shard) {
    report.shards.push_back(check_shard(DataDirectory::shard_file(directory, shard), layout, shard));
  }
  return report;
}

Result<VerifyReport> verify(const std::string& directory) {
  if (exists(DataDirectory::manifest_file(directory))) return verify_backup(directory);
  SPEX_TRY_ASSIGN(const DataDirectory data, DataDirectory::open(directory));
  return check_directory(directory, data.layout());
}

}  // namespace spex::dataops
