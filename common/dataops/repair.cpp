#include "dataops/repair.h"

#include <algorithm>
#include <sstream>

#include "dataops/data_directory.h"
#include "dataops/files.h"
#include "dataops/manifest.h"
#include "dataops/salvage.h"
#include "dataops/shard_check.h"
#include "protocol/json.h"

namespace spex::dataops {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using protocol::Array;
using protocol::Map;

Result<std::unique_ptr<store::InstanceStore>> create_store(const std::string& directory,
                                                           const config::ClusterLayout& layout, std::uint32_t shard,
                                                           std::size_t keys, base::Timestamp now) {
  store::StoreOptions options;
  options.path = DataDirectory::shard_file(directory, shard);
  options.shard = base::ShardId(shard);
  options.cluster_id = layout.cluster_id;
  options.full_durability = false;
  options.instances_max = options.names_max = 0xfffffff0;
  options.request_keys_max = static_cast<std::uint32_t>(keys);
  options.now = now;
  return store::InstanceStore::open(std::move(options));
}

// At least as many as there are, and as there are clients.
std::size_t keys_in(const SalvagedShard& salvaged) {
  constexpr std::size_t kPerPage = 400;
  std::size_t pages = 1;
  for (const char* table : {"snapshot", "log"}) {
    const auto found = salvaged.tables.find(table);
    if (found != salvaged.tables.end()) pages += found->second.size();
  }
  return std::min<std::size_t>(pages * kPerPage, 1u << 30);
}

class Repair {
 public:
  Repair(const RepairOrder& order, const DataDirectory& data)
      : order_(order),
        data_(data),
        file_(data.shard_file(order.shard)),
        fresh_(data.path() + "/repair-shard_" + std::to_string(order.shard)),
        journal_(DataDirectory::repair_journal(data.path())) {}

  // One that was interrupted while the files were exchanged.
  Result<RepairReport> go_on(const std::string& time) {
    report_.kept_as = file_ + ".damaged-" + time;
    report_.finished_earlier_one = true;
    SPEX_TRY(finish());
    return report_;
  }

  Result<RepairReport> run() {
    if (check_shard(file_, data_.layout(), order_.shard).findings.empty()) {
      report_.was_sound = true;
      return report_;
    }
    if (!exists(file_)) {
      return fail(Reason::invalid_argument,
                  file_ + " is not there; a damaged file that an interrupted repair put aside ends in .damaged-<time>");
    }
    SPEX_TRY(remove_tree(fresh_));
    SPEX_TRY(make_directory(fresh_));
    SPEX_TRY(build());
    SPEX_TRY(exchange());
    return report_;
  }

 private:
  Result<void> build() {
    {
      // An empty one shows where the tables begin.
      SPEX_TRY_ASSIGN(auto empty, create_store(fresh_, data_.layout(), order_.shard, 16, order_.now));
      SPEX_TRY(empty->close());
    }
    const std::string fresh_file = DataDirectory::shard_file(fresh_, order_.shard);
    SPEX_TRY_ASSIGN(const auto roots, table_roots(fresh_file));
    SPEX_TRY_ASSIGN(const SalvagedShard salvaged, salvage(file_, roots));
    report_.pages = salvaged.pages;
    for (const auto& [table, pages] : salvaged.damaged_pages) report_.damaged_pages += pages;
    SPEX_TRY_ASSIGN(auto store, create_store(fresh_, data_.layout(), order_.shard, keys_in(salvaged), order_.now));
    SPEX_TRY_ASSIGN(report_.rebuilt, rebuild(salvaged, *store, order_.now));
    SPEX_TRY(store->close());
    SPEX_TRY(sync_file(fresh_file));
    const ShardFacts facts = check_shard(fresh_file, data_.layout(), order_.shard);
    if (facts.findings.empty()) return {};
    return fail(Reason::storage_corrupt, "check the repaired file: " + facts.findings.sentences().front());
  }

  Result<void> exchange() {
    const std::string time = utc_text(order_.now);
    report_.kept_as = file_ + ".damaged-" + time;
    report_.report_file = data_.path() + "/shard_" + std::to_string(order_.shard) + ".repair-" + time + ".json";
    SPEX_TRY(write_file(report_.report_file, protocol::to_json(repair_document(report_)) + "\n"));
    SPEX_TRY(write_file(journal_, "shard " + std::to_string(order_.shard) + " " + time + "\n"));
    return finish();
  }

  // From here on the new file holds; each step may have been done before.
  Result<void> finish() {
    const std::string fresh_file = DataDirectory::shard_file(fresh_, order_.shard);
    if (exists(fresh_file)) {
      if (!exists(report_.kept_as)) SPEX_TRY(link_file(file_, report_.kept_as));
      // Beside the new file it would be taken for that one's.
      if (exists(file_ + "-wal")) SPEX_TRY(rename_path(file_ + "-wal", report_.kept_as + "-wal"));
      SPEX_TRY(sync_directory(data_.path()));
      SPEX_TRY(rename_path(fresh_file, file_));
      SPEX_TRY(sync_directory(data_.path()));
    }
    SPEX_TRY(remove_tree(fresh_));
    SPEX_TRY(remove_file(journal_));
    return sync_directory(data_.path());
  }

  const RepairOrder& order_;
  const DataDirectory& data_;
  std::string file_;
  std::string fresh_;
  std::string journal_;
  RepairReport report_;
};

}  // namespace

Result<RepairReport> repair(const RepairOrder& order) {
  SPEX_TRY_ASSIGN(const DataDirectory data, DataDirectory::open_interrupted(order.data_dir));
  if (const std::string journal = DataDirectory::repair_journal(order.data_dir); exists(journal)) {
    SPEX_TRY_ASSIGN(const std::string text, read_file(journal, 256));
    RepairOrder earlier = order;
    std::string word;
    std::string time;
    if (!(std::istringstream(text) >> word >> earlier.shard >> time)) {
      return fail(Reason::storage_corrupt, "read " + journal + ": this is not the journal of a repair");
    }
    return Repair(earlier, data).go_on(time);
  }
  SPEX_TRY(DataDirectory::check_complete(order.data_dir));
  if (order.shard < 1 || order.shard > data.layout().distribution_factor) {
    return fail(Reason::invalid_argument, "--shard " + std::to_string(order.shard) + ": there are shards 1 to " +
                                              std::to_string(data.layout().distribution_factor));
  }
  return Repair(order, data).run();
}

protocol::Value repair_document(const RepairReport& report) {
  Array lost;
  for (const LostInstance& one : report.rebuilt.lost) {
    lost.push_back(Map{{"identifier", one.identifier}, {"number", one.number}, {"why", one.why}});
  }
  Array sentences;
  for (const std::string& sentence : report.rebuilt.sentences) sentences.push_back(sentence);
  return Map{{"ok", report.was_sound || report.rebuilt.lost.empty()},
             {"was_sound", report.was_sound},
             {"finished_earlier_one", report.finished_earlier_one},
             {"pages", report.pages},
             {"damaged_pages", report.damaged_pages},
             {"instances", report.rebuilt.instances},
             {"records", report.rebuilt.records},
             {"request_keys", report.rebuilt.keys},
             {"events", report.rebuilt.events},
             {"models", report.rebuilt.models},
             {"request_keys_may_be_missing", report.rebuilt.keys_may_be_missing},
             {"lost", std::move(lost)},
             {"missing", std::move(sentences)},
             {"kept_as", report.kept_as},
             {"report", report.report_file}};
}

}  // namespace spex::dataops
