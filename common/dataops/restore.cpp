#include "dataops/restore.h"

#include "dataops/data_directory.h"
#include "dataops/manifest.h"

namespace spex::dataops {
namespace {

using base::fail;
using base::Reason;
using base::Result;

class Restore {
 public:
  explicit Restore(const RestoreOrder& order) : order_(order), unfinished_(order.data_dir + ".restoring") {}

  Result<RestoreReport> run() {
    if (!is_free(order_.data_dir)) {
      return fail(Reason::invalid_argument, "restore to " + order_.data_dir + ": it exists and is not empty");
    }
    SPEX_TRY_ASSIGN(const Manifest manifest, read_manifest(order_.backup));
    SPEX_TRY(clear());
    SPEX_TRY(make_directory(unfinished_));
    auto filled = fill(manifest);
    if (!filled) {
      (void)remove_tree(unfinished_);
      return std::move(filled).error();
    }
    SPEX_TRY(remove_file(unfinished_ + "/lock"));
    if (const std::string decisions = DataDirectory::decisions(unfinished_); exists(decisions)) {
      SPEX_TRY(sync_directory(decisions));
    }
    SPEX_TRY(sync_directory(unfinished_));
    SPEX_TRY(rename_path(unfinished_, order_.data_dir));
    SPEX_TRY(sync_directory(parent_of(order_.data_dir)));
    return report_;
  }

 private:
  // What an interrupted restore left, and nothing else.
  Result<void> clear() {
    if (!exists(unfinished_)) return {};
    SPEX_TRY_ASSIGN(const auto names, list(unfinished_));
    for (const std::string& name : names) {
      const bool ours = name.starts_with("shard_") || name.starts_with("cluster") || name.starts_with("reshard") ||
                        name == "lock" || name == DataDirectory::kDecisions;
      if (!ours) {
        return fail(Reason::invalid_argument,
                    "restore to " + order_.data_dir + ": " + unfinished_ + " is in the way and no interrupted restore");
      }
    }
    return remove_tree(unfinished_);
  }

  Result<void> fill(const Manifest& manifest) {
    report_.created_at = utc_text(manifest.created_at);
    report_.from = report_.to = manifest.layout.distribution_factor;
    for (const ManifestFile& file : manifest.files) {
      const std::string directory = parent_of(unfinished_ + "/" + file.name);
      if (!exists(directory)) SPEX_TRY(make_directory(directory));
      SPEX_TRY_ASSIGN(const FileFacts facts,
                      copy_file(order_.backup + "/" + file.name, unfinished_ + "/" + file.name, order_.rate));
      if (facts.bytes != file.facts.bytes || facts.sha256 != file.facts.sha256) {
        return fail(Reason::storage_corrupt, "restore from " + order_.backup + ": " + file.name +
                                                 " is not the file that the manifest describes");
      }
      report_.bytes += facts.bytes;
      if (order_.on_progress)
        order_.on_progress(file.name + ": checksum right, " + std::to_string(facts.bytes) + " bytes");
    }
    if (order_.distribution_factor && *order_.distribution_factor != report_.from) SPEX_TRY(move_slots());
    return order_.verify ? check() : Result<void>();
  }

  Result<void> move_slots() {
    SPEX_TRY(reshard({unfinished_, order_.distribution_factor, false, order_.now, order_.on_progress}));
    report_.to = *order_.distribution_factor;
    return {};
  }

  Result<void> check() {
    SPEX_TRY_ASSIGN(const config::ClusterLayout layout, config::load_layout(unfinished_));
    report_.verified = check_directory(unfinished_, layout);
    if (report_.verified->ok()) return {};
    std::string first = report_.verified->findings.empty() ? "" : report_.verified->findings.sentences().front();
    for (const ShardFacts& shard : report_.verified->shards) {
      if (first.empty() && !shard.findings.empty()) {
        first = "shard " + std::to_string(shard.shard) + ": " + shard.findings.sentences().front();
      }
    }
    return fail(Reason::storage_corrupt, "verify what was restored: " + first);
  }

  const RestoreOrder& order_;
  std::string unfinished_;
  RestoreReport report_;
};

}  // namespace

Result<RestoreReport> restore(const RestoreOrder& order) { return Restore(order).run(); }

}  // namespace spex::dataops
