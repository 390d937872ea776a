// All there is in a store, for checking, copying and moving it.
#include <utility>

#include "store/packed_store.h"

namespace spex::store {

using base::fail;
using base::Reason;
using base::Result;

namespace {

class PackedBackup final : public StoreBackup {
 public:
  PackedBackup(Database target, Copy copy) : target_(std::move(target)), copy_(std::move(copy)) {}
  Result<bool> step(int pages) override { return copy_.step(pages); }
  std::uint64_t pages_left() const override { return copy_.pages_left(); }
  std::uint64_t pages_total() const override { return copy_.pages_total(); }

 private:
  Database target_;
  Copy copy_;
};

}  // namespace

std::uint32_t PackedStore::name_count() const { return broken_ ? 0 : catalog_->names().count(); }

std::uint32_t PackedStore::specification_count() const { return broken_ ? 0 : catalog_->specifications().count(); }

void PackedStore::scan_keys(const std::function<bool(const StoredKey&)>& visit) const {
  if (broken_) return;
  memory_->keys.scan([&](const KeyEntry& entry, std::uint64_t client) {
    return visit({{client, entry.number, entry.fingerprint}, outcome_of(entry), entry.at});
  });
}

void PackedStore::scan_key_floors(const std::function<bool(const KeyFloor&)>& visit) const {
  if (broken_) return;
  for (std::uint32_t slot = 0; slot < memory_->keys.slots(); ++slot) {
    const KeyClient& client = memory_->keys.client(slot);
    if (!visit({client.client, client.floor})) return;
  }
}

std::uint64_t PackedStore::key_floor_of_others() const { return broken_ ? 0 : memory_->keys.floor_of_all(); }

Result<std::vector<StoredBulkJob>> PackedStore::bulk_jobs() {
  if (broken_) return *broken_;
  return catalog_->bulk_jobs();
}

Result<std::vector<std::pair<std::string, std::string>>> PackedStore::settings() {
  if (broken_) return *broken_;
  return catalog_->settings();
}

Result<std::vector<std::string>> PackedStore::check_structure(int problems_max) {
  if (broken_) return *broken_;
  SPEX_TRY_ASSIGN(Statement check,
                  Statement::prepare(database(), "PRAGMA integrity_check(" + std::to_string(problems_max) + ")"));
  std::vector<std::string> problems;
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, check.step());
    if (!row) return problems;
    if (const std::string_view text = as_text(check.bytes(0)); text != "ok") problems.emplace_back(text);
  }
}

Result<std::unique_ptr<StoreBackup>> PackedStore::begin_backup(const std::string& path) {
  if (broken_) return *broken_;
  SPEX_TRY_ASSIGN(Database target, Database::open(path, Database::Access::create));
  // One that does not get complete is thrown away; and the shard must not wait for a disk here.
  SPEX_TRY(target.run("PRAGMA journal_mode=OFF"));
  SPEX_TRY(target.run("PRAGMA synchronous=OFF"));
  SPEX_TRY_ASSIGN(Copy copy, Copy::begin(database(), target));
  return std::unique_ptr<StoreBackup>(std::make_unique<PackedBackup>(std::move(target), std::move(copy)));
}

Result<void> PackedStore::import_event(const StoredEvent& event) {
  SPEX_TRY(begin());
  return events_->import(event);
}

}  // namespace spex::store
