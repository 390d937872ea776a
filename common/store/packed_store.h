// PackedStore: the layout `packed` behind InstanceStore. Puts the parts together:
// memory and recovery, log, catalog, events, history, archiver; owns transactions.
//
// A transaction begins with the first change. Log rows stay in memory until
// commit(), everything else is written at once. A change that fails leaves nothing
// of itself; if it might, the whole batch has failed (`failed_`): every further
// change answers that error, and commit() answers it after dropping the batch.
#pragma once

#include <optional>

#include "store/archiver.h"
#include "store/catalog.h"
#include "store/event_log.h"
#include "store/history.h"
#include "store/idle_check.h"
#include "store/memory.h"
#include "store/reserve_file.h"
#include "store/shard_file.h"

namespace spex::store {

class PackedStore final : public InstanceStore {
 public:
  static base::Result<std::unique_ptr<InstanceStore>> open(StoreOptions options);
  ~PackedStore() override;

  base::Result<NameId> intern(std::string_view name) override;
  std::optional<NameId> find_name(std::string_view name) const override;
  std::string_view name(NameId id) const override;
  base::Result<SpecificationId> intern_specification(std::string_view name) override;
  std::string_view specification_name(SpecificationId id) const override;
  std::optional<SpecificationId> find_specification(std::string_view name) const override;

  std::optional<InstanceNumber> find(std::string_view identifier) const override;
  Instance instance(InstanceNumber number) const override;
  base::Result<InstanceDetails> details(InstanceNumber number) override;
  base::Result<std::vector<Record>> history(InstanceNumber number, std::uint32_t before, std::size_t limit) override;
  void scan(InstanceNumber from, const std::function<bool(const Instance&)>& visit) const override;
  std::uint64_t instance_count(SpecificationId specification) const override;

  base::Result<InstanceNumber> create(std::string_view identifier, SpecificationId specification, std::string_view meta,
                                      const Record& first, const RequestKey* key, StoredOutcome* outcome) override;
  base::Result<std::uint32_t> append(InstanceNumber number, const Record& record, const RequestKey* key,
                                     StoredOutcome* outcome) override;
  base::Result<InstanceNumber> mock(std::string_view identifier, SpecificationId specification, std::string_view meta,
                                    NameId state, base::Timestamp now, const RequestKey* key,
                                    StoredOutcome* outcome) override;
  base::Result<void> remove(InstanceNumber number, const RequestKey* key, StoredOutcome* outcome) override;
  base::Result<void> remember(const RequestKey& key, const StoredOutcome& outcome, base::Timestamp now) override;
  base::Result<void> mark_timeout_reported(InstanceNumber number) override;

  KeyLookup find_key(const RequestKey& key) const override;
  std::optional<InstanceNumber> instance_of(const StoredOutcome& outcome) const override;
  void forget_keys_before(base::Timestamp time) override;
  base::Result<std::optional<BulkJob>> bulk_job(const RequestKey& key) override;
  base::Result<void> save_bulk_job(const BulkJob& job, base::Timestamp now) override;

  base::Result<std::vector<StoredModel>> models() override;
  base::Result<void> replace_model(const StoredModel& model) override;
  base::Result<void> remove_model(SpecificationId specification) override;
  base::Result<void> set_model_learning(SpecificationId specification, bool learning) override;
  base::Result<void> save_transition(SpecificationId specification, const StoredTransition& transition) override;
  base::Result<void> save_specification(SpecificationId specification, std::string_view text) override;
  base::Result<std::string> specification_text(SpecificationId specification) override;

  base::Result<std::uint64_t> append_event(base::Timestamp at, std::string_view body) override;
  base::Result<std::vector<StoredEvent>> events(std::uint64_t after, std::size_t limit) override;
  base::Result<void> prune_events(base::Timestamp before, std::uint64_t bytes_max) override;

  base::Result<void> put_setting(std::string_view key, std::string_view value) override;
  base::Result<std::optional<std::string>> setting(std::string_view key) override;

  std::uint32_t name_count() const override;
  std::uint32_t specification_count() const override;
  void scan_keys(const std::function<bool(const StoredKey&)>& visit) const override;
  void scan_key_floors(const std::function<bool(const KeyFloor&)>& visit) const override;
  std::uint64_t key_floor_of_others() const override;
  base::Result<std::vector<StoredBulkJob>> bulk_jobs() override;
  base::Result<std::vector<std::pair<std::string, std::string>>> settings() override;
  base::Result<std::vector<std::string>> check_structure(int problems_max) override;
  base::Result<std::unique_ptr<StoreBackup>> begin_backup(const std::string& path) override;
  base::Result<void> raise_key_floor(const KeyFloor& floor, base::Timestamp now) override;
  base::Result<void> raise_key_floor_of_others(std::uint64_t floor) override;
  base::Result<void> import_event(const StoredEvent& event) override;

  bool has_uncommitted() const override;
  base::Result<void> commit() override;
  base::Result<bool> maintain(base::Timestamp now) override;
  base::Result<void> drop_all_instances() override;
  base::Result<void> close() override;
  StoreStatistics statistics() const override;

 private:
  PackedStore(StoreOptions options, ShardFile file);
  Database& database() { return file_.database(); }
  const Database& database() const { return file_.database(); }

  // Recovery of all that is in memory.
  base::Result<void> load();
  base::Result<void> prepare_statements();

  // Why nothing can be changed now, if so.
  base::Result<void> check_usable() const;
  // SQLite gives up a whole transaction after some errors, of reading too.
  bool lost_transaction() const { return transaction_open_ && !database().in_transaction(); }
  // The same, and if space is low.
  base::Result<void> check_room() const;
  base::Result<void> begin();
  // Runs a change in several statements: if one fails after the first, the batch has failed.
  template <typename Change>
  base::Result<void> all_or_nothing(const Change& change) {
    base::Result<void> result = change();
    if (!result) failed_ = result.error();
    return result;
  }
  static Instance instance_of_state(InstanceNumber number, const State& state);
  // For the answer to a read: counts damage.
  template <typename T>
  base::Result<T> counted(base::Result<T> result);

  // Puts a record into the log and applies it; `key` and `outcome` may be null.
  void log_change(LogRecord& record, const RequestKey* key, StoredOutcome* outcome);
  void log_key(LogRecord& record, const RequestKey& key, const StoredOutcome& outcome);
  std::uint32_t slot_of_client(std::uint64_t client, base::Timestamp at);
  void log_raised_floors();
  base::Result<std::uint32_t> number_for_new();
  base::Result<std::uint32_t> insert_instance(std::string_view identifier, SpecificationId specification,
                                              std::string_view meta, base::Timestamp at, NameId base_state);

  base::Result<InstanceDetails> read_details(std::uint32_t number);
  base::Result<void> remove_if_much_is_archived(std::string_view identifier);
  base::Result<void> replace_row(std::string_view identifier, std::uint32_t number, SpecificationId specification,
                                 std::string_view meta, base::Timestamp now, NameId state);

  base::Result<void> write_batch();
  base::Result<void> drop_key_chunks();
  base::Result<void> save_chunks();
  base::Result<void> save_chunk(ChunkId chunk);
  std::uint64_t operations_per_snapshot() const;
  void evict(std::size_t looks_max);
  // Of reading what had left memory: what was done since may be wrong.
  bool has_read_failed() const { return memory_->states.failure().has_value(); }
  base::Result<void> write_rows();
  base::Error drop_batch(base::Error cause);
  void supersede_failed_commit();
  base::Result<void> bound_cache();
  base::Result<void> checkpoint();
  base::Result<bool> archive(base::Timestamp now);
  base::Result<bool> archiving_failed(base::Error error, base::Timestamp now, bool batch_is_ours);
  base::Error upkeep_failed(base::Error error, bool batch_is_ours);
  base::Result<bool> free_space(base::Timestamp now);
  base::Result<bool> wants_to_shrink(base::Timestamp now);
  void take_reserve();
  void give_up_reserve(const base::Error& cause);

  StoreOptions options_;
  ShardFile file_;
  Statement begin_, commit_, insert_row_, save_chunk_, drop_chunks_, insert_instance_, update_instance_,
      remove_instance_, details_, count_pages_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<EventLog> events_;
  std::unique_ptr<HistoryReader> history_;
  std::unique_ptr<Archiver> archiver_;
  std::unique_ptr<IdleCheck> idle_check_;
  ReserveFile reserve_;
  std::optional<base::Error> low_space_;  // the reserve was given up
  base::Timestamp next_reserve_at_ = 0;   // when to try to take it again
  bool has_small_cache_ = false;
  bool can_shrink_ = false;
  bool shrinking_ = false;         // until no page is free
  base::Timestamp shrunk_at_ = 0;  // when no page was free
  std::uint64_t free_pages_ = 0;
  std::optional<base::Timestamp> archiving_paused_until_;  // after a failure
  std::uint32_t chunks_to_save_ = 0;                       // with the next commit, besides the usual pace
  bool transaction_open_ = false;                          // by begin(), and neither committed nor dropped
  std::optional<base::Error> failed_;                      // of the open batch
  std::optional<base::Error> broken_;                      // recovery failed: nothing works until opened anew
  base::Timestamp newest_time_ = 0;                        // shown to the store, for rows that begin without one
  StoreStatistics counters_;                               // what only grows
};

}  // namespace spex::store
