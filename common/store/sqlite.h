// The door to SQLite: a connection and prepared statements, owned; errors as
// Reasons. Nothing else includes sqlite3.h. Knows no table of ours.
//
// One connection per file (SQLite 3.40.1 may lose a commit when a second one
// checkpoints); used by the packed store and by offline tools.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_backup;
struct sqlite3_stmt;

namespace spex::store {

using Bytes = std::span<const std::uint8_t>;
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
class Statement;

class Database {
 public:
  // immutable: nobody changes the file, no lock is taken, nothing is written beside it; its
  // write-ahead log, if there is one, is not seen.
  enum class Access : std::uint8_t { read_only, read_write, create, immutable };

  // Opens the file; nothing is read from it yet. Fails with storage_open, storage_full, ….
  static base::Result<Database> open(const std::string& path, Access access);
  Database() = default;  // no file
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // Runs statements without results. `otherwise` is the reason of failures that
  // SQLite's code does not tell more about.
  base::Result<void> run(const std::string& sql, base::Reason otherwise = base::Reason::storage_io);
  // The first column of the first row; storage_scan if there is none.
  base::Result<std::int64_t> integer(const std::string& sql);
  base::Result<std::string> text(const std::string& sql);
  // Steps a statement; shows each page that SQLite reads meanwhile, from the file or its log, the bytes valid during
  // the call.
  base::Result<bool> step_showing_pages(Statement& statement, const std::function<void(Bytes)>& show);
  // Drops what is in memory of the file's pages.
  void forget_pages();

  bool in_transaction() const;
  // Frames in the write-ahead log after the newest commit; 0 after a checkpoint of all of them.
  std::uint32_t wal_frames() const { return state_->wal_frames; }
  // Moves what is committed into the file; without waiting for anyone.
  base::Result<void> checkpoint();
  // Cuts off what lies behind so many frames of the write-ahead log; of use only, so an error is none.
  void cut_log(std::uint64_t frames);
  // The same behind the newest commit, which this connection has just made.
  void cut_log() { cut_log(state_->wal_frames); }
  // Asks, before a page gets into the write-ahead log, whether there is room for a file of so many bytes; if not, the
  // write fails with storage_full. `has_room` must live as long as this.
  void ask_for_room(const std::function<bool(std::uint64_t)>& has_room);
  // Whether damaged pages may be read, for rows that have checksums of their own.
  void tolerate_damage(bool tolerate);
  bool has_page_checksums() const;
  std::int64_t changed_rows() const;  // by the newest statement
  // Closing leaves the write-ahead log as it is.
  void keep_wal_at_close();
  sqlite3* handle() const { return state_->handle; }
  // The error of the newest call that failed, for what was tried.
  base::Error error(int code, std::string_view what, base::Reason otherwise) const;

 private:
  struct State {  // its address is known to SQLite's commit hook
    sqlite3* handle = nullptr;
    std::uint32_t wal_frames = 0;
  };
  explicit Database(State* state) : state_(state) {}
  static int on_commit(void* state, sqlite3* handle, const char* name, int frames);
  State* state_ = nullptr;
};

// A prepared statement. Bind, then execute() or step() until false, then reset().
// Bound bytes must live until then.
class Statement {
 public:
  static base::Result<Statement> prepare(Database& database, std::string sql,
                                         base::Reason otherwise = base::Reason::storage_lookup);
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  Statement& bind(int at, std::int64_t value);
  Statement& bind(int at, std::uint64_t value) { return bind(at, static_cast<std::int64_t>(value)); }
  Statement& bind(int at, std::uint32_t value) { return bind(at, static_cast<std::int64_t>(value)); }
  Statement& bind(int at, Bytes value);
  Statement& bind(int at, std::string_view value) { return bind(at, as_bytes(value)); }

  base::Result<bool> step();     // true: there is a row
  base::Result<void> execute();  // one step, then reset
  void reset();

  std::int64_t integer(int column) const;
  std::uint64_t unsigned_integer(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  Bytes bytes(int column) const;  // valid until the next step or reset

 private:
  Database* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  base::Reason otherwise_ = base::Reason::storage_lookup;
};

// A copy of a database that is in use, page by page; what its connection commits
// meanwhile is copied too. Both must outlive it.
class Copy {
 public:
  static base::Result<Copy> begin(Database& from, Database& to);
  Copy(Copy&& other) noexcept;
  Copy& operator=(Copy&&) = delete;
  ~Copy();
  base::Result<bool> step(int pages);  // true: there is more; not while `from` is in a transaction
  std::uint64_t pages_left() const;
  std::uint64_t pages_total() const;

 private:
  Copy(Database& to, sqlite3_backup* backup) : to_(&to), backup_(backup) {}
  Database* to_;
  sqlite3_backup* backup_;
};

// Reads, and if a page is damaged reads again with damaged pages let through. For rows
// that have checksums of their own: then only what is damaged is lost, not its neighbours.
template <typename Read>
auto read_row_by_row(Database& database, const Read& read) {
  auto result = read();
  if (result || result.error().reason != base::Reason::storage_corrupt) return result;
  database.tolerate_damage(true);
  result = read();
  database.tolerate_damage(false);
  return result;
}

// Resets a statement at the end of a scope, so that it holds no read transaction.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(Statement& statement) : statement_(statement) {}
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;
  ~ResetAtEnd() { statement_.reset(); }

 private:
  Statement& statement_;
};

}  // namespace spex::store
