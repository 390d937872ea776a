#include "dataops/backup.h"

#include "dataops/data_directory.h"
#include "dataops/open_file.h"
#include "dataops/shard_check.h"

namespace spex::dataops {
namespace {

using base::fail;
using base::Reason;
using base::Result;

constexpr int kPagesPerStep = 64;
constexpr std::uint64_t kPageBytes = 4'096;

Result<void> copy_shard(const std::string& from, const std::string& to, Rate rate) {
  SPEX_TRY_ASSIGN(store::Database source, open_to_read_only(from));
  step("copy to " + to);
  SPEX_TRY_ASSIGN(store::Database target, store::Database::open(to, store::Database::Access::create));
  SPEX_TRY(target.run("PRAGMA journal_mode=OFF"));
  SPEX_TRY(target.run("PRAGMA synchronous=OFF"));
  SPEX_TRY_ASSIGN(store::Copy copy, store::Copy::begin(source, target));
  bool more = true;
  while (more) {
    SPEX_TRY_ASSIGN(more, copy.step(kPagesPerStep));
    pace(rate, kPagesPerStep * kPageBytes);
  }
  return {};
}

}  // namespace

Result<BackupTarget> BackupTarget::create(const std::string& directory) {
  if (!is_free(directory)) {
    return fail(Reason::invalid_argument, "back up to " + directory + ": it exists and is not empty");
  }
  BackupTarget target(directory, directory + ".unfinished");
  // Only what create() made is removed: shard copies and nothing else.
  if (exists(target.unfinished_)) {
    SPEX_TRY_ASSIGN(const auto names, list(target.unfinished_));
    for (const std::string& name : names) {
      if (!name.starts_with("shard_") && !name.starts_with("cluster") && !name.starts_with("manifest.json") &&
          name != DataDirectory::kDecisions) {
        return fail(Reason::invalid_argument,
                    "back up to " + directory + ": " + target.unfinished_ + " is in the way and no interrupted backup");
      }
    }
    SPEX_TRY(remove_tree(target.unfinished_));
  }
  SPEX_TRY(make_directory(target.unfinished_));
  return target;
}

std::string BackupTarget::shard_file(std::uint32_t shard) const {
  return DataDirectory::shard_file(unfinished_, shard);
}

Result<void> BackupTarget::copy_decisions(const std::string& data_dir) const {
  const std::string from = DataDirectory::decisions(data_dir);
  const std::string to = DataDirectory::decisions(unfinished_);
  if (!exists(from)) return {};
  if (!exists(to)) SPEX_TRY(make_directory(to));
  SPEX_TRY_ASSIGN(const auto names, list(from));
  for (const std::string& name : names) {
    if (!DataDirectory::is_decision(name) || exists(to + "/" + name)) continue;
    const auto copied = copy_file(from + "/" + name, to + "/" + name);
    if (!copied && exists(from + "/" + name)) return copied.error();  // else no shard needs it any more
  }
  return sync_directory(to);
}

Result<void> BackupTarget::add_decisions(Manifest& manifest) const {
  const std::string directory = DataDirectory::decisions(unfinished_);
  if (!exists(directory)) return {};
  SPEX_TRY_ASSIGN(const auto names, list(directory));
  for (const std::string& name : names) {
    ManifestFile file;
    file.name = std::string(DataDirectory::kDecisions) + "/" + name;
    SPEX_TRY_ASSIGN(file.facts, measure(directory + "/" + name));
    manifest.files.push_back(std::move(file));
  }
  return {};
}

void BackupTarget::abandon() { (void)remove_tree(unfinished_); }

Result<ManifestFile> BackupTarget::describe(const config::ClusterLayout& layout, std::uint32_t shard) const {
  const std::string path = shard_file(shard);
  ManifestFile file;
  file.name = path.substr(unfinished_.size() + 1);
  file.shard = check_shard(path, layout, shard);
  if (!file.shard.findings.empty()) {
    return fail(Reason::storage_corrupt,
                "check the copy of shard " + std::to_string(shard) + ": " + file.shard.findings.sentences().front());
  }
  SPEX_TRY(sync_file(path));
  SPEX_TRY_ASSIGN(file.facts, measure(path));
  return file;
}

Result<Manifest> BackupTarget::finish(const config::ClusterLayout& layout, base::Timestamp now,
                                      const std::function<void(const std::string&)>& on_progress) {
  Manifest manifest{now, layout, {}};
  SPEX_TRY(config::save_layout(unfinished_, layout));
  ManifestFile cluster;
  cluster.name = "cluster";
  SPEX_TRY_ASSIGN(cluster.facts, measure(config::layout_path(unfinished_)));
  manifest.files.push_back(cluster);
  for (std::uint32_t shard = 1; shard <= layout.distribution_factor; ++shard) {
    SPEX_TRY_ASSIGN(ManifestFile file, describe(layout, shard));
    if (on_progress) {
      on_progress("shard " + std::to_string(shard) + ": copy checked, " + std::to_string(file.facts.bytes) + " bytes");
    }
    manifest.files.push_back(std::move(file));
  }
  SPEX_TRY(add_decisions(manifest));
  SPEX_TRY(write_manifest(unfinished_, manifest));
  SPEX_TRY(sync_directory(unfinished_));
  SPEX_TRY(rename_path(unfinished_, directory_));
  SPEX_TRY(sync_directory(parent_of(directory_)));
  return manifest;
}

Result<Manifest> back_up_stopped(const BackupOrder& order) {
  SPEX_TRY_ASSIGN(const DataDirectory data, DataDirectory::open(order.data_dir));
  SPEX_TRY_ASSIGN(BackupTarget target, BackupTarget::create(order.directory));
  for (std::uint32_t shard = 1; shard <= data.layout().distribution_factor; ++shard) {
    auto copied = copy_shard(data.shard_file(shard), target.shard_file(shard), order.rate);
    if (copied) copied = target.copy_decisions(order.data_dir);
    if (!copied) {
      target.abandon();
      return std::move(copied).error();
    }
  }
  auto finished = target.finish(data.layout(), order.now, order.on_progress);
  if (!finished) target.abandon();
  return finished;
}

}  // namespace spex::dataops
