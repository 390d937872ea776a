#include "store/schema.h"

#include <array>

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
)sql"};

Result<void> migrate(Database& database, std::int64_t from) {
  for (std::int64_t version = from; version < kSchemaVersion; ++version) {
    SPEX_TRY(database.run("BEGIN IMMEDIATE"));
    SPEX_TRY(database.run(kMigrations[static_cast<std::size_t>(version)], Reason::storage_schema));
    SPEX_TRY(database.run("PRAGMA user_version=" + std::to_string(version + 1)));
    SPEX_TRY(database.run("COMMIT"));
  }
  return {};
}

}  // namespace

Result<void> create_schema(Database& database, const FileIdentity& identity, base::Timestamp now) {
  SPEX_TRY(database.run("PRAGMA application_id=" + std::to_string(kApplicationId)));
  SPEX_TRY(migrate(database, 0));
  SPEX_TRY_ASSIGN(Statement insert,
                  Statement::prepare(database, "INSERT INTO identity VALUES(1,?1,?2,?3)", Reason::storage_insert));
  return insert.bind(1, identity.cluster_id).bind(2, identity.shard.value()).bind(3, now).execute();
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
  return migrate(database, version);
}

}  // namespace spex::store
