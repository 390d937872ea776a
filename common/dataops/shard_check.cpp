#include "dataops/shard_check.h"

#include <sys/stat.h>

#include <optional>
#include <set>
#include <vector>

#include "dataops/log_walk.h"
#include "dataops/open_file.h"
#include "protocol/identifier.h"
#include "store/catalog.h"
#include "store/history.h"
#include "store/instance_row.h"
#include "store/recovery.h"
#include "store/schema.h"

namespace spex::dataops {
namespace {

using base::Reason;
using base::Result;
using store::Database;
using store::Memory;
using store::State;
using store::Statement;

constexpr std::size_t kHistoryPage = 1'000;
constexpr std::uint64_t kSeed = 0x5350;  // of a hash table: nobody chooses identifiers against an offline check

// One check of one file, in the order of run().
class ShardCheck {
 public:
  ShardCheck(Database& database, const config::ClusterLayout& layout, ShardFacts& facts)
      : database_(database), layout_(layout), facts_(facts), findings_(facts.findings) {}

  Result<void> run() {
    SPEX_TRY(check_structure());
    SPEX_TRY(check_identity());
    SPEX_TRY(read_position());
    SPEX_TRY_ASSIGN(catalog_, store::Catalog::load(database_, 0xffffffff));
    walk_.emplace(position_, findings_);
    SPEX_TRY(walk_->read_archive(database_));
    SPEX_TRY(walk_->read_log(database_));
    store::StoreOptions options;
    options.request_keys_max = static_cast<std::uint32_t>(walk_->next_key() - walk_->key_tail() + 1);
    if (auto recovered = store::recover(database_, options, kSeed)) {
      memory_ = std::move(*recovered);
    } else {
      findings_.add("the shard would not start: " + recovered.error().message);
    }
    SPEX_TRY(check_instances());
    if (memory_) {
      check_lives();
      SPEX_TRY(check_histories());
      check_archive();
      check_keys();
    }
    SPEX_TRY(check_events());
    return check_catalog();
  }

 private:
  void found(const std::string& what, std::uint32_t number) {
    findings_.add(what + " of instance number " + std::to_string(number));
  }

  Result<void> check_structure() {
    SPEX_TRY_ASSIGN(Statement rows, Statement::prepare(database_, "PRAGMA integrity_check(100)", Reason::storage_scan));
    while (true) {
      SPEX_TRY_ASSIGN(const bool row, rows.step());
      if (!row) return {};
      const std::string problem(store::as_text(rows.bytes(0)));
      if (problem != "ok") findings_.add("SQLite: " + problem);
    }
  }

  Result<void> check_identity() {
    SPEX_TRY_ASSIGN(const std::int64_t application, database_.integer("PRAGMA application_id"));
    if (application != store::kApplicationId) findings_.add("this is not the file of a shard");
    SPEX_TRY_ASSIGN(facts_.schema, database_.integer("PRAGMA user_version"));
    if (facts_.schema < store::kSchemaVersion && facts_.schema >= 1) {
      return base::fail(Reason::storage_schema, "the file has schema version " + std::to_string(facts_.schema) +
                                                    ": start the cluster once, which brings it up to date");
    }
    if (facts_.schema > store::kSchemaVersion || facts_.schema < 1) {
      return base::fail(Reason::storage_schema, "the file has schema version " + std::to_string(facts_.schema) +
                                                    ", this program knows versions up to " +
                                                    std::to_string(store::kSchemaVersion));
    }
    SPEX_TRY_ASSIGN(const std::string cluster, database_.text("SELECT cluster_id FROM identity"));
    if (cluster != layout_.cluster_id) findings_.add("the file belongs to cluster " + cluster);
    SPEX_TRY_ASSIGN(const std::int64_t shard, database_.integer("SELECT shard FROM identity"));
    if (shard != facts_.shard) findings_.add("the file belongs to shard " + std::to_string(shard));
    return {};
  }

  Result<void> read_position() {
    SPEX_TRY_ASSIGN(Statement tail,
                    Statement::prepare(database_, "SELECT first, segment_end, cursor, archived FROM tail"));
    SPEX_TRY_ASSIGN(const bool row, tail.step());
    if (!row) return base::fail(Reason::storage_corrupt, "the position of archiving is missing");
    SPEX_TRY_ASSIGN(Statement removed, Statement::prepare(database_, "SELECT number FROM removed"));
    while (true) {
      SPEX_TRY_ASSIGN(const bool another, removed.step());
      if (!another) break;
      removed_.insert(static_cast<std::uint32_t>(removed.integer(0)));
    }
    position_ = {tail.unsigned_integer(0), tail.unsigned_integer(1), static_cast<std::uint32_t>(tail.integer(2)),
                 tail.unsigned_integer(3)};
    return {};
  }

  // Each row of `instances` against the slot map, and its state against what log and archive say.
  Result<void> check_instances() {
    SPEX_TRY_ASSIGN(
        Statement rows,
        Statement::prepare(database_, "SELECT number, id, spec, created, base_state, meta, checksum FROM instances",
                           Reason::storage_scan));
    while (true) {
      SPEX_TRY_ASSIGN(const bool row, rows.step());
      if (!row) return {};
      const auto number = static_cast<std::uint32_t>(rows.integer(0));
      check_identifier(number, store::as_text(rows.bytes(1)));
      if (!catalog_->specifications().has(static_cast<std::uint32_t>(rows.integer(2)))) {
        found("unknown is the specification", number);
      }
      const auto base_state = static_cast<std::uint32_t>(rows.integer(4));
      if (base_state && !catalog_->names().has(base_state)) found("unknown is the first state", number);
      const std::string_view meta = store::as_text(rows.bytes(5));
      if (!meta.empty() && !protocol::check_meta(meta)) found("damaged is the meta", number);
      const store::InstanceRow stored{number, store::as_text(rows.bytes(1)),
                                      static_cast<std::uint32_t>(rows.integer(2)), rows.integer(3), base_state};
      if (store::instance_checksum(stored, meta) != rows.integer(6)) found("damaged is the row", number);
      if (memory_) check_state(number, base_state, rows.integer(3));
      ++facts_.instances;
    }
  }

  void check_lives() {
    for (std::uint32_t number = 1; number <= walk_->highest_number(); ++number) {
      const LogStory& story = walk_->story(number);
      if (story.heard && story.living != memory_->states.is_living(number)) {
        found("the log and the table of instances disagree about the life", number);
      }
    }
  }

  void check_identifier(std::uint32_t number, std::string_view identifier) {
    std::string scratch;
    const auto canonical = protocol::canonicalise(identifier, scratch);
    if (!canonical || *canonical != identifier) return found("not canonical is the identifier", number);
    const std::uint32_t slot = protocol::slot_of(identifier);
    if (layout_.shard_of_slot[slot] != facts_.shard) {
      found("slot " + std::to_string(slot) + " is that of shard " + std::to_string(layout_.shard_of_slot[slot]) +
                ": misplaced is the row",
            number);
    }
    if (!memory_) return;
    if (const auto held = memory_->directory.find(identifier); !held || *held != number) {
      found("not found by its identifier is the row", number);
    }
  }

  void check_state(std::uint32_t number, std::uint32_t base_state, std::int64_t created) {
    if (!memory_->states.is_living(number)) return found("there is no state", number);
    const State& state = memory_->states[number];
    const LogStory& story = walk_->story(number);
    const ArchiveStory& archived = walk_->archived(number);
    const std::uint32_t total = archived.records + story.records_to_count;
    facts_.records += state.sequence;
    if (state.sequence != total) {
      found("the state counts " + std::to_string(state.sequence) + " records, there are " + std::to_string(total),
            number);
    }
    const bool in_log = story.heard && story.head != 0;
    if (in_log && state.head() != story.head) found("the state does not point to the newest record", number);
    if (story.born && state.born() != story.born) found("the state does not point to the creation", number);
    const std::uint32_t newest = in_log ? story.state : (archived.records ? archived.state : base_state);
    const std::int64_t at = in_log ? story.at : (archived.records ? archived.at : created);
    if (state.state != newest) found("the current state is not that of the last record", number);
    if (state.at != at) found("the time is not that of the last record", number);
    if (!catalog_->names().has(state.state)) found("unknown is the current state", number);
  }

  // What the store would answer: the whole history, newest first, without a gap.
  Result<void> check_histories() {
    SPEX_TRY_ASSIGN(const auto reader, store::HistoryReader::load(database_));
    for (std::uint32_t number = 1; number < memory_->states.size(); ++number) {
      if (!memory_->states.is_living(number)) continue;
      std::uint32_t next = memory_->states[number].sequence;
      while (next > 0) {
        const auto page =
            reader->read(*memory_, catalog_->names(), number, next + 1, kHistoryPage, position_.boundary(number));
        if (!page && page.error().reason != Reason::storage_corrupt) return page.error();
        if (!page || page->empty() || page->front().sequence != next) {
          findings_.add(page ? "the history ends before record " + std::to_string(next) + " of instance number " +
                                   std::to_string(number)
                             : page.error().message);
          break;
        }
        next = page->back().sequence - 1;
      }
    }
    return {};
  }

  void check_archive() {
    for (const auto& [number, story] : walk_->archive()) {
      if (removed_.contains(number)) continue;  // on its way out
      facts_.archived_records += story.records;
      if (!memory_->states.is_living(number)) found("there is no instance for archived records", number);
    }
    if (facts_.archived_records != position_.archived) {
      findings_.add("the archive has " + std::to_string(facts_.archived_records) + " records, " +
                    std::to_string(position_.archived) + " are counted");
    }
  }

  // The table of keys, as recovered from chunks and log, against the log's own keyed records.
  void check_keys() {
    const store::KeyTable& keys = memory_->keys;
    facts_.clients = keys.slots();
    if (keys.next() != walk_->next_key()) {
      findings_.add("the next request key has position " + std::to_string(keys.next()) + ", the log says " +
                    std::to_string(walk_->next_key()));
      return;
    }
    std::uint64_t position = keys.tail();
    std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
    keys.scan([&](const store::KeyEntry& entry, std::uint64_t client) {
      ++facts_.keys;
      const std::string what = "request key " + std::to_string(entry.number) + " of client " + std::to_string(client);
      if (!seen.emplace(client, entry.number).second) findings_.add(what + " is there twice");
      if (position >= walk_->first_key()) {
        const KeyStory& logged = walk_->keys()[position - walk_->first_key()];
        if (logged.address != entry.address || logged.number != entry.number ||
            logged.client_slot != entry.client_slot || logged.fingerprint != entry.fingerprint) {
          findings_.add(what + " is not the one in the log");
        }
      }
      const bool of_living = entry.instance && memory_->states.is_living(entry.instance) &&
                             memory_->states[entry.instance].born() <= entry.address;
      if (of_living && entry.sequence > memory_->states[entry.instance].sequence) {
        findings_.add(what + " made record " + std::to_string(entry.sequence) + ", which is not there");
      }
      ++position;
      return true;
    });
  }

  Result<void> check_events() {
    SPEX_TRY_ASSIGN(Statement rows,
                    Statement::prepare(database_, "SELECT n, at, total, checksum, body FROM events ORDER BY n",
                                       Reason::storage_scan));
    std::uint64_t total = 0;
    while (true) {
      SPEX_TRY_ASSIGN(const bool row, rows.step());
      if (!row) return {};
      const std::uint64_t n = rows.unsigned_integer(0);
      const store::Bytes body = rows.bytes(4);
      const std::string what = "event " + std::to_string(n);
      if (facts_.events_last && n != facts_.events_last + 1) findings_.add("events are missing before " + what);
      if (store::checksum32(body, n ^ rows.unsigned_integer(1)) != rows.unsigned_integer(3)) {
        findings_.add(what + " is damaged");
      }
      if (facts_.events_last && rows.unsigned_integer(2) != total + body.size()) {
        findings_.add(what + " does not continue the sum of bytes");
      }
      total = rows.unsigned_integer(2);
      if (!facts_.events_first) facts_.events_first = n;
      facts_.events_last = n;
    }
  }

  Result<void> check_catalog() {
    SPEX_TRY_ASSIGN(const auto models, catalog_->models());
    facts_.models = models.size();
    for (const store::StoredModel& model : models) {
      if (!catalog_->specifications().has(model.specification.value())) {
        findings_.add("a model names specification number " + std::to_string(model.specification.value()) +
                      ", which is not there");
      }
    }
    for (const store::NameTable* names : {&catalog_->names(), &catalog_->specifications()}) {
      for (std::uint32_t id = 1; names->has(id); ++id) {
        const std::string_view name = names->name(id);
        if (name.empty() || name.size() > 255) findings_.add("damaged is name number " + std::to_string(id));
      }
    }
    return {};
  }

  Database& database_;
  const config::ClusterLayout& layout_;
  ShardFacts& facts_;
  Findings& findings_;
  ArchivePosition position_;
  std::set<std::uint32_t> removed_;  // numbers whose archived records are still to be deleted
  std::unique_ptr<store::Catalog> catalog_;
  std::optional<LogWalk> walk_;
  std::unique_ptr<Memory> memory_;
};

Result<void> check_file(const std::string& path, const config::ClusterLayout& layout, ShardFacts& facts) {
  SPEX_TRY_ASSIGN(Database database, open_to_read_only(path));
  return ShardCheck(database, layout, facts).run();
}

}  // namespace

protocol::Map document_of(const ShardFacts& facts) {
  return {{"shard", facts.shard},
          {"schema", facts.schema},
          {"instances", facts.instances},
          {"records", facts.records},
          {"archived_records", facts.archived_records},
          {"request_keys", facts.keys},
          {"models", facts.models},
          {"events_first", facts.events_first},
          {"events_last", facts.events_last}};
}

ShardFacts check_shard(const std::string& path, const config::ClusterLayout& layout, std::uint32_t shard) {
  ShardFacts facts;
  facts.shard = shard;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    facts.findings.add("the file is missing");
    return facts;
  }
  facts.bytes = static_cast<std::uint64_t>(status.st_size);
  if (facts.bytes == 0) {
    facts.findings.add("the file is empty");
    return facts;
  }
  // Past an error the rest cannot be checked.
  if (auto checked = check_file(path, layout, facts); !checked) {
    facts.findings.add("the check could not go on: " + base::to_string(checked.error()));
  }
  return facts;
}

}  // namespace spex::dataops
