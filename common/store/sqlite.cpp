#include "store/sqlite.h"

#include <sqlite3.h>

#include <utility>

#include "store/page_checksums.h"

namespace spex::store {
namespace {

using base::Error;
using base::Reason;
using base::Result;

// SQLite's code (extended) → our reason.
Reason reason_of(int code, Reason otherwise) {
  switch (code) {
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      return Reason::storage_sync;
    case SQLITE_IOERR_CORRUPTFS:
    case SQLITE_IOERR_SHORT_READ:
      return Reason::storage_corrupt;
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Reason::storage_full;
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
      return Reason::storage_io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Reason::storage_corrupt;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return Reason::storage_open;
    default:
      return otherwise;
  }
}

int flags_of(Database::Access access) {
  constexpr int kAlways = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (access) {
    case Database::Access::read_only:
      return SQLITE_OPEN_READONLY | kAlways;
    case Database::Access::read_write:
      return SQLITE_OPEN_READWRITE | kAlways;
    case Database::Access::create:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | kAlways;
    case Database::Access::immutable:
      return SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | kAlways;
  }
  return kAlways;
}

// A path as SQLite's URI has it.
std::string immutable_uri(const std::string& path) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      uri += {'%', kDigits[static_cast<unsigned char>(c) >> 4], kDigits[static_cast<unsigned char>(c) & 15]};
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

Result<Database> Database::open(const std::string& path, Access access) {
  Database database(new State);
  const std::string name = access == Access::immutable ? immutable_uri(path) : path;
  const int code = sqlite3_open_v2(name.c_str(), &database.state_->handle, flags_of(access), page_checksum_vfs());
  if (code != SQLITE_OK) return database.error(code, "open " + path, Reason::storage_open);
  // Exclusive before the first read: then SQLite keeps the index of the log in memory.
  if (access == Access::read_write || access == Access::create) SPEX_TRY(database.run("PRAGMA locking_mode=EXCLUSIVE"));
  if (access == Access::create) {  // has an effect on a file without pages only
    int reserved = kPageTrailerBytes;
    sqlite3_file_control(database.handle(), "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  }
  // Takes the place of SQLite's automatic checkpoint; PRAGMA wal_autocheckpoint would take it away.
  sqlite3_wal_hook(database.handle(), &Database::on_commit, database.state_);
  return database;
}

Database::Database(Database&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Database::~Database() {
  if (!state_) return;
  sqlite3_close_v2(state_->handle);
  delete state_;
}

int Database::on_commit(void* state, sqlite3*, const char*, int frames) {
  static_cast<State*>(state)->wal_frames = static_cast<std::uint32_t>(frames);
  return SQLITE_OK;
}

Error Database::error(int code, std::string_view what, Reason otherwise) const {
  const char* text = state_->handle ? sqlite3_errmsg(state_->handle) : sqlite3_errstr(code);
  const int extended = state_->handle ? sqlite3_extended_errcode(state_->handle) : code;
  return Error(reason_of(extended == SQLITE_OK ? code : extended, otherwise), std::string(what) + ": " + text);
}

Result<void> Database::run(const std::string& sql, Reason otherwise) {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code, sql.substr(0, 60), otherwise);
  return {};
}

Result<std::int64_t> Database::integer(const std::string& sql) {
  SPEX_TRY_ASSIGN(Statement statement, Statement::prepare(*this, sql, Reason::storage_scan));
  SPEX_TRY_ASSIGN(const bool row, statement.step());
  if (!row) return base::fail(Reason::storage_scan, sql + ": no row");
  return statement.integer(0);
}

void Database::ask_for_room(const std::function<bool(std::uint64_t)>& has_room) {
  const std::function<bool(std::uint64_t)>* asked = &has_room;
  sqlite3_file_control(handle(), "main", kFileControlAskForRoom, &asked);
}

Result<bool> Database::step_showing_pages(Statement& statement, const std::function<void(Bytes)>& show) {
  sqlite3_file* log = nullptr;  // which is open now: the schema has been read
  sqlite3_file_control(handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
  const auto show_to = [&](const std::function<void(Bytes)>* to) {
    sqlite3_file_control(handle(), "main", kFileControlShowPages, &to);
    if (log != nullptr && log->pMethods != nullptr) log->pMethods->xFileControl(log, kFileControlShowPages, &to);
  };
  show_to(&show);
  auto row = statement.step();
  show_to(nullptr);
  return row;
}

void Database::forget_pages() { sqlite3_db_release_memory(handle()); }

Result<std::string> Database::text(const std::string& sql) {
  SPEX_TRY_ASSIGN(Statement statement, Statement::prepare(*this, sql, Reason::storage_scan));
  SPEX_TRY_ASSIGN(const bool row, statement.step());
  if (!row) return base::fail(Reason::storage_scan, sql + ": no row");
  return std::string(as_text(statement.bytes(0)));
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle()) == 0; }

Result<void> Database::checkpoint() {
  int frames = 0;
  int moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
  if (code != SQLITE_OK) return error(code, "checkpoint", Reason::storage_checkpoint);
  if (moved >= frames) state_->wal_frames = 0;
  return {};
}

void Database::cut_log(std::uint64_t frames) {
  constexpr std::uint64_t kHeaderBytes = 32;
  constexpr std::uint64_t kFrameBytes = 24 + 4'096;
  sqlite3_file* log = nullptr;
  if (sqlite3_file_control(handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK) return;
  if (log == nullptr || log->pMethods == nullptr) return;
  const auto end = static_cast<sqlite3_int64>(kHeaderBytes + frames * kFrameBytes);
  sqlite3_int64 size = 0;
  if (log->pMethods->xFileSize(log, &size) == SQLITE_OK && size > end) log->pMethods->xTruncate(log, end);
}

void Database::tolerate_damage(bool tolerate) {
  int argument = tolerate ? 1 : 0;
  sqlite3_file_control(handle(), "main", kFileControlTolerateDamage, &argument);
  if (!tolerate) forget_pages();  // of which some may be damaged
}

bool Database::has_page_checksums() const {
  int has = 0;
  sqlite3_file_control(handle(), "main", kFileControlHasChecksums, &has);
  return has != 0;
}

std::int64_t Database::changed_rows() const { return sqlite3_changes64(handle()); }

void Database::keep_wal_at_close() { sqlite3_db_config(handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

Result<Statement> Statement::prepare(Database& database, std::string sql, Reason otherwise) {
  Statement statement;
  statement.database_ = &database;
  statement.otherwise_ = otherwise;
  const int code = sqlite3_prepare_v3(database.handle(), sql.c_str(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement.statement_, nullptr);
  if (code != SQLITE_OK) return database.error(code, sql.substr(0, 60), Reason::storage_schema);
  return statement;
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)), otherwise_(other.otherwise_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(statement_, other.statement_);
  std::swap(otherwise_, other.otherwise_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int at, std::int64_t value) {
  sqlite3_bind_int64(statement_, at, value);
  return *this;
}

Statement& Statement::bind(int at, Bytes value) {
  if (value.empty()) {
    sqlite3_bind_zeroblob(statement_, at, 0);
  } else {
    sqlite3_bind_blob64(statement_, at, value.data(), value.size(), SQLITE_STATIC);
  }
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error error = database_->error(code, sqlite3_sql(statement_), otherwise_);
  sqlite3_reset(statement_);
  return error;
}

Result<void> Statement::execute() {
  SPEX_TRY(step());
  sqlite3_reset(statement_);
  return {};
}

void Statement::reset() { sqlite3_reset(statement_); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

Bytes Statement::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  return {static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<Copy> Copy::begin(Database& from, Database& to) {
  sqlite3_backup* const backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (!backup) return to.error(sqlite3_errcode(to.handle()), "begin a copy", Reason::storage_io);
  return Copy(to, backup);
}

Copy::Copy(Copy&& other) noexcept : to_(other.to_), backup_(std::exchange(other.backup_, nullptr)) {}

Copy::~Copy() {
  if (backup_) sqlite3_backup_finish(backup_);
}

Result<bool> Copy::step(int pages) {
  const int code = sqlite3_backup_step(backup_, pages);
  if (code == SQLITE_DONE) return false;
  if (code == SQLITE_OK) return true;
  return to_->error(code, "copy", Reason::storage_io);
}

std::uint64_t Copy::pages_left() const { return static_cast<std::uint64_t>(sqlite3_backup_remaining(backup_)); }

std::uint64_t Copy::pages_total() const { return static_cast<std::uint64_t>(sqlite3_backup_pagecount(backup_)); }

}  // namespace spex::store
