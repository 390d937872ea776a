// InstanceStore: everything one shard keeps, in one SQLite file with one
// connection. Layout `packed` (docs/decisions): an append-only log of packed
// records, snapshot chunks of the states held in memory, a lazy archive.
//
// Changes are visible to reads at once and durable after commit(). A caller
// answers a request only after commit() returned ok. When commit() fails, memory
// is ahead of the file: the store drops it and recovers from the file before it
// returns, so that nothing of the failed batch remains; reads go on. What a caller
// remembered of the batch (numbers, name ids, views) is void then; `recoveries` in
// the statistics counts it. If even that recovery fails, every call answers its
// error until the store is opened anew (find() finds nothing, scan() visits nothing).
// A state that had left memory and cannot be read again fails the batch in the same way: commit() tells.
// Not thread-safe; one owner, one loop. Names no process, parses no message.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/strong_id.h"

namespace spex::store {

using InstanceNumber = base::StrongId<struct InstanceNumberTag>;  // dense from 1, reused after removal; 0: none
using NameId = base::StrongId<struct NameIdTag>;                  // an interned state or action name; 0: none
using SpecificationId = base::StrongId<struct SpecificationIdTag, std::uint16_t>;

struct StoreOptions {
  std::string path;  // …/shard_<n>.sqlite; its lock is shard_<n>.lock beside it
  base::ShardId shard;
  std::string cluster_id;  // a file of another cluster or shard is refused (storage_corrupt)
  bool full_durability = true;
  std::uint32_t instances_max = 10'000'000;
  std::uint32_t instances_in_memory_max = 0xffffffff;  // of more the states are read from the file when used
  std::uint32_t names_max = 1'000'000;
  std::uint32_t request_keys_max = 100'000;
  std::uint32_t checkpoint_pages = 1'000;
  std::uint64_t reserve_bytes = 0;               // held beside the file for when the disk is full; 0: none
  std::uint32_t snapshot_every = 480;            // operations per snapshot row, at most (chunk_tracker.h)
  std::int64_t reclaim_within = 86'400'000'000;  // µs until the records of removed instances have left the file
  base::Timestamp now = 0;
  // Called now and then during recovery, so that a heartbeat can be sent.
  std::function<void()> on_progress;
};

struct RequestKey {
  std::uint64_t client = 0;
  std::uint64_t number = 0;
  std::uint32_t fingerprint = 0;  // hash of operation, identifier and arguments
};

// What a keyed request was answered: enough to build the same answer again.
struct StoredOutcome {
  std::uint8_t reason = 0;         // base::Reason of the error answered, 0: ok
  std::uint8_t reported = 0;       // deviation reason that passed the error policy, 0: none
  bool model_was_missing = false;  // impl_model_not_found was reported as well
  // The three below are set by the store, but for remember(): there `instance` is the caller's (0: none).
  InstanceNumber instance;     // valid while instance_of() says so
  std::uint32_t sequence = 0;  // the record made, 0: none
  std::uint64_t address = 0;   // of that record in the log
};

enum class KeyState : std::uint8_t { unknown, known, expired, reused };
struct KeyLookup {
  KeyState state = KeyState::unknown;
  StoredOutcome outcome;  // if known
};

struct Record {
  NameId action;
  NameId to_state;
  base::Timestamp at = 0;
  std::optional<base::Timestamp> occurred_at;
  std::uint32_t sequence = 0;  // 1: the oldest
};

struct Instance {
  InstanceNumber number;
  SpecificationId specification;
  NameId current_state;
  std::uint32_t transitions_total = 0;  // 0: mocked and not moved since
  base::Timestamp last_record_at = 0;   // creation time while there is no record
  bool timeout_reported = false;        // for the newest record
};

// The rarely needed part, in the file only.
struct InstanceDetails {
  std::string identifier;  // canonical encoding
  std::string meta;        // MessagePack, empty: nil
  base::Timestamp created_at = 0;
  NameId base_state;  // state before the first record: none, or the mocked state
};

struct StoredTransition {
  NameId from;  // 0: none (initialisation)
  NameId action;
  NameId to;
  std::uint64_t count = 0;
  base::Timestamp first_at = 0;
  base::Timestamp last_at = 0;
};

struct StoredModel {
  SpecificationId specification;
  bool learning = false;
  std::string source_hash;  // of the .spex file it was loaded from, empty: none
  std::vector<StoredTransition> transitions;
};

struct StoredEvent {
  std::uint64_t number = 0;  // consecutive per shard, from 1
  base::Timestamp at = 0;
  std::string body;  // MessagePack
};

struct BulkJob {  // progress of a keyed delete_instances
  RequestKey key;
  std::uint64_t deleted = 0;
  bool done = false;
};

struct StoredBulkJob {
  BulkJob job;
  base::Timestamp at = 0;
};

struct StoredKey {
  RequestKey key;
  StoredOutcome outcome;
  base::Timestamp at = 0;
};

// The numbers of this client up to `floor` are forgotten, but for those in the table of keys.
struct KeyFloor {
  std::uint64_t client = 0;
  std::uint64_t floor = 0;
};

struct StoreStatistics {
  std::uint64_t instances = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t wal_bytes = 0;
  std::uint64_t commits = 0;
  std::uint64_t states_in_memory = 0;  // of instances, in whole chunks
  std::uint64_t records = 0;           // ever, of all kinds
  std::uint64_t archived_records = 0;  // of living instances, moved out of the log
  std::uint64_t events_first = 0;
  std::uint64_t events_last = 0;
  std::uint64_t corrupt_records = 0;
  std::uint64_t recovered_records = 0;  // replayed at open
  std::int64_t recovery_microseconds = 0;
  std::uint64_t recoveries = 0;           // after failed commits, since open
  std::uint64_t checkpoint_failures = 0;  // since open
  bool low_space = false;                 // see commit()
  std::uint64_t free_pages = 0;           // in the file
  std::uint64_t check_rounds = 0;         // of the check in maintain(), since open
  base::Timestamp checked_at = 0;         // when the newest round ended, 0: none
  std::uint64_t damaged_rows = 0;         // that it found
};

// A copy of a store that is in use, made in steps; what is committed between the
// steps is in it too. Dies before its store.
class StoreBackup {
 public:
  virtual ~StoreBackup() = default;
  // Copies some pages; not while something is uncommitted. False: complete, the file
  // is a whole store as of the newest commit; not synced.
  virtual base::Result<bool> step(int pages) = 0;
  virtual std::uint64_t pages_left() const = 0;
  virtual std::uint64_t pages_total() const = 0;
};

class InstanceStore {
 public:
  // Creates the file if absent. Before it returns: header, schema version,
  // identity, and every record that is replayed have been checked. O(instances).
  static base::Result<std::unique_ptr<InstanceStore>> open(StoreOptions options);
  virtual ~InstanceStore() = default;

  // Names. Interning is durable with the next commit(). too_large past names_max.
  virtual base::Result<NameId> intern(std::string_view name) = 0;
  virtual std::optional<NameId> find_name(std::string_view name) const = 0;
  virtual std::string_view name(NameId id) const = 0;  // valid until the store is closed
  virtual base::Result<SpecificationId> intern_specification(std::string_view name) = 0;
  virtual std::string_view specification_name(SpecificationId id) const = 0;
  virtual std::optional<SpecificationId> find_specification(std::string_view name) const = 0;

  // Reading.
  virtual std::optional<InstanceNumber> find(std::string_view canonical_identifier) const = 0;
  virtual Instance instance(InstanceNumber number) const = 0;  // of a living number
  virtual base::Result<InstanceDetails> details(InstanceNumber number) = 0;
  // Newest first; records with sequence < before (0: from the newest), at most
  // `limit`. Paging onward from where the last page ended costs O(limit).
  virtual base::Result<std::vector<Record>> history(InstanceNumber number, std::uint32_t before, std::size_t limit) = 0;
  // Living numbers >= from, ascending, until `visit` returns false.
  virtual void scan(InstanceNumber from, const std::function<bool(const Instance&)>& visit) const = 0;
  virtual std::uint64_t instance_count(SpecificationId specification) const = 0;

  // Changing. `key` and `outcome` are null for requests without key; the store
  // fills outcome->address. Timestamps are raised to the instance's newest record's.
  virtual base::Result<InstanceNumber> create(std::string_view canonical_identifier, SpecificationId specification,
                                              std::string_view meta, const Record& first, const RequestKey* key,
                                              StoredOutcome* outcome) = 0;
  virtual base::Result<std::uint32_t> append(InstanceNumber number, const Record& record, const RequestKey* key,
                                             StoredOutcome* outcome) = 0;  // the record's sequence
  // Creates, or replaces, an instance with an empty history.
  virtual base::Result<InstanceNumber> mock(std::string_view canonical_identifier, SpecificationId specification,
                                            std::string_view meta, NameId state, base::Timestamp now,
                                            const RequestKey* key, StoredOutcome* outcome) = 0;
  virtual base::Result<void> remove(InstanceNumber number, const RequestKey* key, StoredOutcome* outcome) = 0;
  // Remembers the outcome of a keyed request that changed nothing.
  virtual base::Result<void> remember(const RequestKey& key, const StoredOutcome& outcome, base::Timestamp now) = 0;
  virtual base::Result<void> mark_timeout_reported(InstanceNumber number) = 0;

  // Request keys.
  virtual KeyLookup find_key(const RequestKey& key) const = 0;
  // The living instance the outcome speaks of, if it still is that one.
  virtual std::optional<InstanceNumber> instance_of(const StoredOutcome& outcome) const = 0;
  virtual void forget_keys_before(base::Timestamp time) = 0;  // raises the floors; durable with the next commit
  // Ask before find_key(); fails with request_key_reused if the fingerprint differs.
  virtual base::Result<std::optional<BulkJob>> bulk_job(const RequestKey& key) = 0;
  virtual base::Result<void> save_bulk_job(const BulkJob& job, base::Timestamp now) = 0;

  // Implementation models and specifications.
  virtual base::Result<std::vector<StoredModel>> models() = 0;
  virtual base::Result<void> replace_model(const StoredModel& model) = 0;
  virtual base::Result<void> remove_model(SpecificationId specification) = 0;
  virtual base::Result<void> set_model_learning(SpecificationId specification, bool learning) = 0;
  virtual base::Result<void> save_transition(SpecificationId specification, const StoredTransition& transition) = 0;
  // The last known text of each specification, also of removed ones.
  virtual base::Result<void> save_specification(SpecificationId specification, std::string_view text) = 0;
  virtual base::Result<std::string> specification_text(SpecificationId specification) = 0;

  // Events. The number is durable with the next commit().
  virtual base::Result<std::uint64_t> append_event(base::Timestamp at, std::string_view body) = 0;
  virtual base::Result<std::vector<StoredEvent>> events(std::uint64_t after, std::size_t limit) = 0;
  virtual base::Result<void> prune_events(base::Timestamp before,
                                          std::uint64_t bytes_max) = 0;  // a bounded slice; keeps the newest

  // Small durable facts of the worker ("last start", …).
  virtual base::Result<void> put_setting(std::string_view key, std::string_view value) = 0;
  virtual base::Result<std::optional<std::string>> setting(std::string_view key) = 0;

  // All there is, for checking, copying and moving. Numbers of names and specifications are 1 to their count.
  virtual std::uint32_t name_count() const = 0;
  virtual std::uint32_t specification_count() const = 0;
  virtual void scan_keys(const std::function<bool(const StoredKey&)>& visit) const = 0;  // oldest first
  virtual void scan_key_floors(const std::function<bool(const KeyFloor&)>& visit) const = 0;
  virtual std::uint64_t key_floor_of_others() const = 0;  // of clients that have none of their own
  virtual base::Result<std::vector<StoredBulkJob>> bulk_jobs() = 0;
  virtual base::Result<std::vector<std::pair<std::string, std::string>>> settings() = 0;
  // SQLite's check of the whole file; linear in its size. Each problem in words, at most `problems_max`.
  virtual base::Result<std::vector<std::string>> check_structure(int problems_max) = 0;
  virtual base::Result<std::unique_ptr<StoreBackup>> begin_backup(const std::string& path) = 0;

  // Taking over from another store; else with create(), mock(), append() in the order of the
  // sequence, remember() in the order of scan_keys(), and so on.
  virtual base::Result<void> raise_key_floor(const KeyFloor& floor, base::Timestamp now) = 0;
  virtual base::Result<void> raise_key_floor_of_others(std::uint64_t floor) = 0;
  virtual base::Result<void> import_event(const StoredEvent& event) = 0;  // the first with any number, then consecutive

  // Durability.
  virtual bool has_uncommitted() const = 0;
  // See above; storage_full, storage_io, storage_sync, …. After storage_full the reserve is
  // given up and space is low: create(), mock(), append() and mark_timeout_reported() answer
  // storage_full, all else goes on, until maintain() could take the reserve again.
  virtual base::Result<void> commit() = 0;
  // One bounded slice of checkpointing, archiving, freeing or, if there is nothing to do,
  // of checking what is in the file; true if there is more to do. Call it when the replies of a commit are out, and
  // when idle. What it changes is durable with the next commit().
  virtual base::Result<bool> maintain(base::Timestamp now) = 0;
  virtual base::Result<void> drop_all_instances() = 0;  // test mode, at a clean stop
  virtual base::Result<void> close() = 0;               // commit, checkpoint, close
  virtual StoreStatistics statistics() const = 0;
};

}  // namespace spex::store
