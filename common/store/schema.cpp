#include "store/schema.h"

#include <array>
#include <utility>
#include <vector>

#include "store/instance_row.h"

namespace spex::store {
namespace {

using base::fail;
using base::Reason;
using base::Result;

// One migration per version: what brings a file from version `index` to `index` + 1.
constexpr std::array<const char*, kSchemaVersion> kMigrations = {R"sql(
-- whose file this is
CREATE TABLE identity(one INTEGER PRIMARY KEY CHECK(one = 1), cluster_id TEXT NOT NULL, shard INTEGER NOT NULL,
                      created INTEGER NOT NULL);
-- the living instances; what changes with every transition is not here
CREATE TABLE instances(number INTEGER PRIMARY KEY, id BLOB NOT NULL, spec INTEGER NOT NULL, created INTEGER NOT NULL,
                       base_state INTEGER NOT NULL, meta BLOB NOT NULL);
-- rows of packed records; no row is larger than a page
CREATE TABLE log(n INTEGER PRIMARY KEY, body BLOB NOT NULL);
-- chunks of memory as of log row n: states of instances, request keys, clients
CREATE TABLE snapshot(chunk INTEGER PRIMARY KEY, n INTEGER NOT NULL, body BLOB NOT NULL);
-- records taken out of the log, by instance; `sequence` is that of a row's newest record
CREATE TABLE archive(instance INTEGER NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL,
                     PRIMARY KEY(instance, sequence)) WITHOUT ROWID;
-- how far archiving has come: see archiver.h
CREATE TABLE tail(one INTEGER PRIMARY KEY CHECK(one = 1), first INTEGER NOT NULL, segment_end INTEGER NOT NULL,
                  cursor INTEGER NOT NULL, archived INTEGER NOT NULL, marked_row INTEGER NOT NULL,
                  marked_at INTEGER NOT NULL, removed INTEGER NOT NULL);
INSERT INTO tail VALUES(1, 1, 1, 0, 0, 0, 0, 0);
CREATE TABLE names(id INTEGER PRIMARY KEY, name BLOB NOT NULL);
CREATE TABLE specifications(id INTEGER PRIMARY KEY, name BLOB NOT NULL, text BLOB NOT NULL);
CREATE TABLE models(spec INTEGER PRIMARY KEY, learning INTEGER NOT NULL, source_hash BLOB NOT NULL);
CREATE TABLE model_transitions(spec INTEGER NOT NULL, source INTEGER NOT NULL, action INTEGER NOT NULL,
                               target INTEGER NOT NULL, count INTEGER NOT NULL, first_at INTEGER NOT NULL,
                               last_at INTEGER NOT NULL, PRIMARY KEY(spec, source, action, target)) WITHOUT ROWID;
-- the newest row is never deleted, so that no number comes twice; `total`: bytes of all bodies up to this one
CREATE TABLE events(n INTEGER PRIMARY KEY, at INTEGER NOT NULL, total INTEGER NOT NULL, checksum INTEGER NOT NULL,
                    body BLOB NOT NULL);
CREATE TABLE bulk_jobs(client INTEGER NOT NULL, number INTEGER NOT NULL, fingerprint INTEGER NOT NULL,
                       deleted INTEGER NOT NULL, done INTEGER NOT NULL, at INTEGER NOT NULL,
                       PRIMARY KEY(client, number)) WITHOUT ROWID;
CREATE TABLE settings(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
)sql",
                                                                 R"sql(
-- see instance_row.h
ALTER TABLE instances ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
-- numbers of removed instances that still have rows in `archive`, deleted bit by bit; not used again before
CREATE TABLE removed(number INTEGER PRIMARY KEY);
)sql"};

constexpr std::string_view kPageChecksums = "store.page_checksums";
constexpr std::int64_t kRowsAtOnce = 1'000;

// For version 2: the rows that exist get their checksums. The number of the last one, 0: there is none after `after`.
Result<std::int64_t> add_checksums(Database& database, std::int64_t after) {
  SPEX_TRY_ASSIGN(Statement rows, Statement::prepare(database,
                                                     "SELECT number, id, spec, created, base_state, meta FROM instances"
                                                     " WHERE number>?1 ORDER BY number LIMIT ?2"));
  std::vector<std::pair<std::int64_t, std::int64_t>> checksums;
  rows.bind(1, after).bind(2, kRowsAtOnce);
  while (true) {
    SPEX_TRY_ASSIGN(const bool row, rows.step());
    if (!row) break;
    const InstanceRow instance{static_cast<std::uint32_t>(rows.integer(0)), as_text(rows.bytes(1)),
                               static_cast<std::uint32_t>(rows.integer(2)), rows.integer(3),
                               static_cast<std::uint32_t>(rows.integer(4))};
    checksums.emplace_back(rows.integer(0), instance_checksum(instance, as_text(rows.bytes(5))));
  }
  SPEX_TRY_ASSIGN(Statement update, Statement::prepare(database, "UPDATE instances SET checksum=?2 WHERE number=?1"));
  for (const auto& [number, checksum] : checksums) SPEX_TRY(update.bind(1, number).bind(2, checksum).execute());
  return checksums.empty() ? 0 : checksums.back().first;
}

Result<void> migrate_rows(Database& database, std::int64_t to) {
  if (to != 2) return {};
  for (std::int64_t after = 0;;) {
    SPEX_TRY_ASSIGN(after, add_checksums(database, after));
    if (after == 0) return {};
  }
}

Result<void> migrate_once(Database& database, std::int64_t version) {
  SPEX_TRY(database.run("BEGIN IMMEDIATE"));
  SPEX_TRY(database.run(kMigrations[static_cast<std::size_t>(version)], Reason::storage_schema));
  SPEX_TRY(migrate_rows(database, version + 1));
  SPEX_TRY(database.run("PRAGMA user_version=" + std::to_string(version + 1)));
  return database.run("COMMIT");
}

Result<void> migrate(Database& database, std::int64_t from) {
  for (std::int64_t version = from; version < kSchemaVersion; ++version) {
    auto migrated = migrate_once(database, version);
    if (!migrated) {
      if (database.in_transaction()) (void)database.run("ROLLBACK");
      return migrated;
    }
  }
  return {};
}

}  // namespace

Result<void> create_schema(Database& database, const FileIdentity& identity, base::Timestamp now) {
  SPEX_TRY(database.run("PRAGMA application_id=" + std::to_string(kApplicationId)));
  SPEX_TRY(migrate(database, 0));
  SPEX_TRY_ASSIGN(Statement insert,
                  Statement::prepare(database, "INSERT INTO identity VALUES(1,?1,?2,?3)", Reason::storage_insert));
  SPEX_TRY(insert.bind(1, identity.cluster_id).bind(2, identity.shard.value()).bind(3, now).execute());
  SPEX_TRY_ASSIGN(Statement promise, Statement::prepare(database, "INSERT INTO settings VALUES(CAST(?1 AS TEXT), ?2)"));
  return promise.bind(1, kPageChecksums).bind(2, std::string_view("1")).execute();
}

// A file made with page checksums that seems to have none has a damaged first page.
Result<void> check_page_checksums(Database& database) {
  if (database.has_page_checksums()) return {};
  SPEX_TRY_ASSIGN(Statement select, Statement::prepare(database, "SELECT 1 FROM settings WHERE key=CAST(?1 AS TEXT)"));
  SPEX_TRY_ASSIGN(const bool promised, select.bind(1, kPageChecksums).step());
  if (promised) return fail(Reason::storage_corrupt, "page 1 is damaged: the file has lost its page checksums");
  return {};
}

Result<void> check_schema(Database& database, const FileIdentity& identity) {
  SPEX_TRY_ASSIGN(const std::int64_t application, database.integer("PRAGMA application_id"));
  if (application != kApplicationId) return fail(Reason::storage_corrupt, "this is not the file of a shard");
  SPEX_TRY_ASSIGN(const std::int64_t version, database.integer("PRAGMA user_version"));
  if (version > kSchemaVersion || version < 1) {
    return fail(Reason::storage_schema, "the file has schema version " + std::to_string(version) +
                                            ", this program knows versions up to " + std::to_string(kSchemaVersion));
  }
  SPEX_TRY_ASSIGN(Statement select, Statement::prepare(database, "SELECT cluster_id, shard FROM identity"));
  SPEX_TRY_ASSIGN(const bool row, select.step());
  if (!row) return fail(Reason::storage_corrupt, "the file does not say whose it is");
  if (as_text(select.bytes(0)) != identity.cluster_id) {
    return fail(Reason::storage_corrupt, "the file belongs to cluster " + std::string(as_text(select.bytes(0))) +
                                             ", not to " + identity.cluster_id);
  }
  if (select.integer(1) != identity.shard.value()) {
    return fail(Reason::storage_corrupt, "the file belongs to shard " + std::to_string(select.integer(1)) +
                                             ", not to shard " + std::to_string(identity.shard.value()));
  }
  select.reset();
  SPEX_TRY(check_page_checksums(database));
  return migrate(database, version);
}

}  // namespace spex::store
