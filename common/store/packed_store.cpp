// Opening, reading, small tables. Changes of instances: packed_changes.cpp;
// transactions: packed_commit.cpp.
#include "store/packed_store.h"

#include <malloc.h>

#include <chrono>
#include <random>
#include <utility>

#include "store/instance_row.h"
#include "store/recovery.h"

namespace spex::store {
namespace {

// Archiving for space begins with so many dead records (times snapshot_every).
constexpr std::uint64_t kDeadSnapshots = 40;
// Reads alone may take so many chunks of states beyond the bound before some go.
constexpr std::size_t kChunksBeyondBound = 64;
constexpr std::int64_t kIncremental = 2;  // of auto_vacuum

}  // namespace

using base::fail;
using base::Reason;
using base::Result;

Result<std::unique_ptr<InstanceStore>> InstanceStore::open(StoreOptions options) {
  return PackedStore::open(std::move(options));
}

Result<std::unique_ptr<InstanceStore>> PackedStore::open(StoreOptions options) {
  SPEX_TRY_ASSIGN(ShardFile file, ShardFile::open(options));
  std::unique_ptr<PackedStore> store(new PackedStore(std::move(options), std::move(file)));
  const auto started = std::chrono::steady_clock::now();
  auto loaded = store->load();
  if (!loaded) {
    base::Error error = std::move(loaded).error();
    error.message = "open " + store->options_.path + ": " + error.message;
    return error;
  }
  const auto took = std::chrono::steady_clock::now() - started;
  store->counters_.recovery_microseconds = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  store->counters_.recovered_records = store->memory_->replayed;
  store->take_reserve();
  return std::unique_ptr<InstanceStore>(std::move(store));
}

PackedStore::~PackedStore() = default;

Result<void> PackedStore::load() {
  memory_.reset();
  catalog_.reset();
  events_.reset();
  history_.reset();
  archiver_.reset();
  idle_check_.reset();
  newest_time_ = std::max(newest_time_, options_.now);
  SPEX_TRY(prepare_statements());
  SPEX_TRY_ASSIGN(catalog_, Catalog::load(database(), options_.names_max));
  SPEX_TRY_ASSIGN(events_, EventLog::load(database()));
  SPEX_TRY_ASSIGN(history_, HistoryReader::load(database()));
  SPEX_TRY_ASSIGN(archiver_, Archiver::load(database(), kDeadSnapshots * options_.snapshot_every));
  // The hash is seeded anew each time, so that nobody can choose identifiers that collide.
  std::random_device random;
  SPEX_TRY_ASSIGN(idle_check_, IdleCheck::load(database()));
  SPEX_TRY_ASSIGN(const std::int64_t mode, database().integer("PRAGMA auto_vacuum"));
  can_shrink_ = mode == kIncremental;
  SPEX_TRY_ASSIGN(memory_, recover(database(), options_, std::uint64_t{random()} << 32 | random()));
  ::malloc_trim(0);  // what recovery alone needed goes back to the system
  return {};
}

Result<void> PackedStore::prepare_statements() {
  const auto one = [&](Statement& statement, const char* sql, Reason otherwise) -> Result<void> {
    SPEX_TRY_ASSIGN(statement, Statement::prepare(database(), sql, otherwise));
    return {};
  };
  constexpr Reason kWrite = Reason::storage_insert;
  SPEX_TRY(one(begin_, "BEGIN IMMEDIATE", kWrite));
  SPEX_TRY(one(commit_, "COMMIT", kWrite));
  SPEX_TRY(one(insert_row_, "INSERT INTO log VALUES(?1,?2)", kWrite));
  SPEX_TRY(
      one(save_chunk_, "INSERT INTO snapshot VALUES(?1,?2,?3) ON CONFLICT(chunk) DO UPDATE SET n=?2, body=?3", kWrite));
  SPEX_TRY(one(drop_chunks_, "DELETE FROM snapshot WHERE chunk>=?1 AND chunk<?2", Reason::storage_delete));
  SPEX_TRY(one(insert_instance_, "INSERT INTO instances VALUES(?1,?2,?3,?4,?5,?6,?7)", kWrite));
  SPEX_TRY(one(update_instance_,
               "UPDATE instances SET spec=?2, created=?3, base_state=?4, meta=?5, checksum=?6 WHERE number=?1",
               kWrite));
  SPEX_TRY(one(count_pages_, "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count",
               Reason::storage_scan));
  SPEX_TRY(one(remove_instance_, "DELETE FROM instances WHERE number=?1 RETURNING id", Reason::storage_delete));
  return one(details_, "SELECT id, meta, created, base_state, spec, checksum FROM instances WHERE number=?1",
             Reason::storage_lookup);
}

Result<void> PackedStore::check_usable() const {
  if (broken_) return *broken_;
  if (failed_) return *failed_;
  if (has_read_failed()) return *memory_->states.failure();
  if (lost_transaction()) return fail(Reason::storage_io, "an error before has ended the transaction");
  return {};
}

template <typename T>
Result<T> PackedStore::counted(Result<T> result) {
  if (!result && result.error().reason == Reason::storage_corrupt) ++counters_.corrupt_records;
  return result;
}

Result<NameId> PackedStore::intern(std::string_view name) {
  if (const auto known = find_name(name)) return *known;
  SPEX_TRY(begin());
  SPEX_TRY_ASSIGN(const std::uint32_t id, catalog_->names().add(name));
  return NameId(id);
}

std::optional<NameId> PackedStore::find_name(std::string_view name) const {
  if (broken_) return std::nullopt;
  const auto id = catalog_->names().find(name);
  return id ? std::optional(NameId(*id)) : std::nullopt;
}

std::string_view PackedStore::name(NameId id) const {
  return broken_ ? std::string_view() : catalog_->names().name(id.value());
}

Result<SpecificationId> PackedStore::intern_specification(std::string_view name) {
  if (const auto known = find_specification(name)) return *known;
  SPEX_TRY(begin());
  SPEX_TRY_ASSIGN(const std::uint32_t id, catalog_->specifications().add(name));
  return SpecificationId(static_cast<std::uint16_t>(id));
}

std::string_view PackedStore::specification_name(SpecificationId id) const {
  return broken_ ? std::string_view() : catalog_->specifications().name(id.value());
}

std::optional<SpecificationId> PackedStore::find_specification(std::string_view name) const {
  if (broken_) return std::nullopt;
  const auto id = catalog_->specifications().find(name);
  return id ? std::optional(SpecificationId(static_cast<std::uint16_t>(*id))) : std::nullopt;
}

std::optional<InstanceNumber> PackedStore::find(std::string_view identifier) const {
  if (broken_) return std::nullopt;
  // Operations begin here, and nobody holds a state.
  if (memory_->states.beyond_bound() > kChunksBeyondBound) memory_->evict(2 * kChunksBeyondBound);
  const auto number = memory_->directory.find(identifier);
  return number ? std::optional(InstanceNumber(*number)) : std::nullopt;
}

Instance PackedStore::instance(InstanceNumber number) const {
  if (broken_) return {};
  SPEX_ASSERT(memory_->states.is_living(number.value()));
  return instance_of_state(number, memory_->states[number.value()]);
}

Instance PackedStore::instance_of_state(InstanceNumber number, const State& state) {
  return {number,
          SpecificationId(state.specification()),
          NameId(state.state),
          state.sequence,
          state.at,
          state.timeout_reported()};
}

Result<InstanceDetails> PackedStore::details(InstanceNumber number) {
  if (broken_) return *broken_;
  return counted(read_row_by_row(database(), [&] { return read_details(number.value()); }));
}

Result<InstanceDetails> PackedStore::read_details(std::uint32_t number) {
  const ResetAtEnd reset(details_);
  SPEX_TRY_ASSIGN(const bool found, details_.bind(1, number).step());
  const InstanceRow row{number, as_text(details_.bytes(0)), static_cast<std::uint32_t>(details_.integer(4)),
                        details_.integer(2), static_cast<std::uint32_t>(details_.integer(3))};
  const std::string_view meta = as_text(details_.bytes(1));
  if (!found || instance_checksum(row, meta) != details_.integer(5)) {
    return fail(Reason::storage_corrupt, "the row is missing or damaged of instance number " + std::to_string(number));
  }
  return InstanceDetails{std::string(row.identifier), std::string(meta), row.created, NameId(row.base_state)};
}

Result<std::vector<Record>> PackedStore::history(InstanceNumber number, std::uint32_t before, std::size_t limit) {
  if (broken_) return *broken_;
  SPEX_ASSERT(memory_->states.is_living(number.value()));
  return counted(
      history_->read(*memory_, catalog_->names(), number.value(), before, limit, archiver_->boundary(number.value())));
}

void PackedStore::scan(InstanceNumber from, const std::function<bool(const Instance&)>& visit) const {
  if (broken_) return;
  memory_->states.for_each(std::max(from.value(), 1U), [&](std::uint32_t number, const State& state) {
    return !state.is_living() || visit(instance_of_state(InstanceNumber(number), state));
  });
}

std::uint64_t PackedStore::instance_count(SpecificationId specification) const {
  if (broken_ || specification.value() >= memory_->instances_by_specification.size()) return 0;
  return memory_->instances_by_specification[specification.value()];
}

KeyLookup PackedStore::find_key(const RequestKey& key) const { return broken_ ? KeyLookup() : memory_->keys.find(key); }

std::optional<InstanceNumber> PackedStore::instance_of(const StoredOutcome& outcome) const {
  const std::uint32_t number = outcome.instance.value();
  if (broken_ || number == 0 || !memory_->states.is_living(number)) return std::nullopt;
  if (memory_->states[number].born() > outcome.address) return std::nullopt;
  return outcome.instance;
}

Result<std::optional<BulkJob>> PackedStore::bulk_job(const RequestKey& key) {
  if (broken_) return *broken_;
  return catalog_->bulk_job(key);
}

Result<void> PackedStore::save_bulk_job(const BulkJob& job, base::Timestamp now) {
  newest_time_ = std::max(newest_time_, now);
  SPEX_TRY(begin());
  return catalog_->save_bulk_job(job, now);
}

Result<std::vector<StoredModel>> PackedStore::models() {
  if (broken_) return *broken_;
  return catalog_->models();
}

Result<void> PackedStore::replace_model(const StoredModel& model) {
  SPEX_TRY(begin());
  return all_or_nothing([&]() -> Result<void> {
    SPEX_TRY(catalog_->remove_model(model.specification));
    SPEX_TRY(catalog_->save_model(model.specification, model.learning, model.source_hash));
    for (const StoredTransition& transition : model.transitions) {
      SPEX_TRY(catalog_->save_transition(model.specification, transition));
    }
    return {};
  });
}

Result<void> PackedStore::remove_model(SpecificationId specification) {
  SPEX_TRY(begin());
  return all_or_nothing([&] { return catalog_->remove_model(specification); });
}

Result<void> PackedStore::set_model_learning(SpecificationId specification, bool learning) {
  SPEX_TRY(begin());
  SPEX_TRY_ASSIGN(const bool known, catalog_->set_model_learning(specification, learning));
  if (!known)
    return fail(Reason::impl_model_not_found, "there is no model of " + std::string(specification_name(specification)));
  return {};
}

Result<void> PackedStore::save_transition(SpecificationId specification, const StoredTransition& transition) {
  SPEX_TRY(begin());
  return catalog_->save_transition(specification, transition);
}

Result<void> PackedStore::save_specification(SpecificationId specification, std::string_view text) {
  SPEX_TRY(begin());
  return catalog_->save_specification(specification.value(), text);
}

Result<std::string> PackedStore::specification_text(SpecificationId specification) {
  if (broken_) return *broken_;
  return catalog_->specification_text(specification.value());
}

Result<std::uint64_t> PackedStore::append_event(base::Timestamp at, std::string_view body) {
  SPEX_TRY(begin());
  return events_->append(at, body);
}

Result<std::vector<StoredEvent>> PackedStore::events(std::uint64_t after, std::size_t limit) {
  if (broken_) return *broken_;
  return events_->read(after, limit, counters_.corrupt_records);
}

Result<void> PackedStore::prune_events(base::Timestamp before, std::uint64_t bytes_max) {
  SPEX_TRY(check_usable());
  if (!events_->is_due(before, bytes_max)) return {};
  SPEX_TRY(begin());
  return events_->prune(before, bytes_max);
}

Result<void> PackedStore::put_setting(std::string_view key, std::string_view value) {
  SPEX_TRY(begin());
  return catalog_->put_setting(key, value);
}

Result<std::optional<std::string>> PackedStore::setting(std::string_view key) {
  if (broken_) return *broken_;
  return catalog_->setting(key);
}

StoreStatistics PackedStore::statistics() const {
  StoreStatistics result = counters_;
  result.file_bytes = file_.file_bytes();
  result.wal_bytes = file_.wal_bytes();
  result.low_space = low_space_.has_value();
  if (broken_) return result;
  result.instances = memory_->living;
  result.states_in_memory = memory_->states.loaded() * StateTable::kPerChunk;
  result.records = memory_->log.records();
  result.archived_records = archiver_->archived_records();
  result.events_first = events_->first();
  result.events_last = events_->last();
  result.free_pages = free_pages_;
  result.check_rounds = idle_check_->rounds();
  result.checked_at = idle_check_->finished_at();
  result.damaged_rows = idle_check_->damaged();
  return result;
}

}  // namespace spex::store
